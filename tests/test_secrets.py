"""The API key as a canary: it is in the settings and in the header, and nowhere else."""

from __future__ import annotations

import io
import logging
import traceback

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection
from django.test import RequestFactory
from django.views.debug import technical_500_response

from django_liveactivity import Progress, conf, services
from django_liveactivity.backends import get_backend
from django_liveactivity.delivery import drain, sweep
from django_liveactivity.models import Attempt
from tests.clock import advance

CANARY = "ask_canary_5f2b7c91d0"


@pytest.fixture(params=[CANARY, f"{CANARY}\n"], ids=["plain", "with a newline"])
def vendor(request, configure, sandbox, db, caplog):
    caplog.set_level(logging.DEBUG)
    for name in list(logging.Logger.manager.loggerDict):
        logging.getLogger(name).setLevel(logging.DEBUG)
    configure(api_key=request.param)
    sandbox.policy.api_keys = [CANARY]
    return sandbox


@pytest.fixture(autouse=True)
def _restore_log_levels():
    levels = {n: logging.getLogger(n).level for n in list(logging.Logger.manager.loggerDict)}
    yield
    for name in list(logging.Logger.manager.loggerDict):
        logging.getLogger(name).setLevel(levels.get(name, logging.NOTSET))


def run_a_troubled_life(vendor) -> None:
    """Good answers, bad ones, none at all, and an operator's decision."""
    card = services.stream_activity("order-42", Progress(title="Order 42", percentage=40))
    drain(patience=0)
    vendor.faults = "DELETE:500@1,DELETE:reset@2,DELETE:html@3,DELETE:401@4"
    services.end_activity(card)
    for _ in range(5):
        drain(patience=0)
        advance(901)


def database_dump() -> str:
    connection.ensure_connection()
    return "\n".join(connection.connection.iterdump())


def test_the_key_reaches_the_vendor_and_no_row_log_or_page(vendor, caplog, admin_client):
    run_a_troubled_life(vendor)
    assert vendor.phone()["empty"]  # the vendor takes no other key
    assert Attempt.objects.count() == 6
    assert CANARY not in database_dump()
    assert CANARY not in caplog.text
    assert "httpx" in {record.name for record in caplog.records}
    assert CANARY not in str(vendor.calls())
    out = io.StringIO()
    sweep(lambda _: None)
    call_command("liveactivity_status", "--json", stdout=out)
    call_command("check", "--tag", "liveactivity", stdout=out, stderr=out)
    assert CANARY not in out.getvalue()
    for page in ("", "1/change/"):
        response = admin_client.get(f"/admin/django_liveactivity/liveactivity/{page}")
        assert response.status_code == 200
        assert CANARY not in response.content.decode()


def test_no_repr_tells_the_key(vendor):
    backend = get_backend()
    account = conf.account()
    values = [account, account.options, backend, backend.client, vars(backend), vars(account)]
    values += [vars(backend.client), conf.accounts(), account.options.names]
    assert CANARY not in repr(values)
    assert CANARY not in str(values)


def every_frame(error: BaseException) -> str:
    """The error, all that it was raised from, and every local variable on the way."""
    lines = []
    while error is not None:
        lines += traceback.format_exception(error)
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if "/tests/" not in frame.f_code.co_filename:
                lines += [repr(value) for value in frame.f_locals.values()]
        error = error.__cause__ or error.__context__
    return "\n".join(lines)


BROKEN = {
    "an unknown option": {"OPTIONS": {"api_key": CANARY, "api_kee": CANARY}},
    "a wrong address": {"OPTIONS": {"api_key": CANARY, "base_url": "http://example.com"}},
    "a key with a newline inside": {"OPTIONS": {"api_key": f"{CANARY}\n{CANARY}"}},
    "a key that is no text": {"OPTIONS": {"api_key": [CANARY]}},
    "a wrong limit": {"OPTIONS": {"api_key": CANARY, "rate_limit": "60"}},
    "an unknown account key": {"OPTIONS": {"api_key": CANARY}, "OPTION": 1},
    "options that are no dict": {"OPTIONS": [CANARY]},
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_no_error_of_the_configuration_tells_the_key(settings, broken):
    settings.LIVEACTIVITY = {
        "default": {
            "BACKEND": "django_liveactivity.backends.activitysmith.ActivitySmithBackend",
            **broken,
        }
    }
    with pytest.raises(ImproperlyConfigured) as caught:
        get_backend()
    assert "default" in str(caught.value)
    assert CANARY not in every_frame(caught.value)


def test_the_technical_500_page_does_not_tell_the_key(settings, vendor):
    settings.DEBUG = True
    services.stream_activity("order-42", Progress(title="Order 42", percentage=40))
    backend = get_backend()
    account = conf.account()
    client = backend.client
    try:
        _fail(backend, account, client, account.options)
    except ZeroDivisionError as error:
        request = RequestFactory().get("/")
        response = technical_500_response(request, ZeroDivisionError, error, error.__traceback__)
    page = response.content.decode()
    assert "LIVEACTIVITY" in page
    assert "ActivitySmithBackend" in page
    assert CANARY not in page


def _fail(backend, account, client, options):
    raise ZeroDivisionError


def test_a_failing_call_leaves_no_key_in_a_celery_task_or_its_arguments(vendor):
    pytest.importorskip("celery")
    from django_liveactivity import tasks

    services.stream_activity("order-42", Progress(title="Order 42", percentage=40))
    result = tasks.drain.apply(args=("default",))
    assert result.result == 1
    assert CANARY not in repr(vars(result))
