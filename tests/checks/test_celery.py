"""The checks of the Celery app that wake-ups go through."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from celery import _state

from tests.celery_apps import celery_app, celery_apps

from .finding import found

LOCMEM = "django_liveactivity.backends.locmem.LocmemBackend"
PATH = "django_liveactivity.dispatch.celery.wake"
REDIS = "redis://127.0.0.1:6379/0"


@pytest.fixture(params=["celery", PATH])
def _dispatcher(request, settings) -> None:
    settings.LIVEACTIVITY = {"default": {"BACKEND": LOCMEM, "DISPATCHER": request.param}}


@pytest.mark.usefixtures("_dispatcher")
class TestTheDispatcherCelery:
    def test_wants_an_app_of_the_project(self):
        with celery_apps(here=None, elsewhere=None):
            messages = found()
            assert _state.default_app is None, "a check must not make Celery's default app"
        assert list(messages) == ["liveactivity.W007"]
        assert "amqp://localhost" in messages["liveactivity.W007"]

    def test_wants_a_broker(self):
        app = celery_app()
        with celery_apps(here=app, elsewhere=app):
            assert list(found()) == ["liveactivity.W007"]

    @pytest.mark.parametrize(
        "conf",
        [
            {"broker_url": REDIS},
            {"broker_write_url": REDIS},
            {"task_always_eager": True},
        ],
    )
    def test_is_content_with_a_broker_or_with_none_in_tests(self, conf):
        app = celery_app(**conf)
        for here in (app, None):
            with celery_apps(here=here, elsewhere=app):
                assert found() == {}

    def test_tells_that_requests_use_another_app(self):
        app, other = celery_app("shop", broker_url=REDIS), celery_app("mail", broker_url=REDIS)
        with celery_apps(here=app, elsewhere=other):
            messages = found()
        assert list(messages) == ["liveactivity.W008"]
        assert (
            "'shop', but in the threads of requests it is 'mail'" in messages["liveactivity.W008"]
        )

    def test_tells_that_requests_have_none(self):
        with celery_apps(here=celery_app("shop", broker_url=REDIS), elsewhere=None):
            assert "it is Celery's default" in found()["liveactivity.W008"]


def test_other_dispatchers_need_no_celery(settings):
    settings.LIVEACTIVITY = {"default": {"BACKEND": LOCMEM}}
    with celery_apps(here=None, elsewhere=None):
        assert found() == {}


def test_a_host_that_does_not_load_its_app_is_warned(tmp_path):
    environment = {
        "DJANGO_SETTINGS_MODULE": "tests.dispatch.celery_settings",
        "LOOP_DATABASE": str(tmp_path / "host.sqlite3"),
        "LOOP_BASE_URL": "http://127.0.0.1:1/api",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    check = subprocess.run(
        [sys.executable, "-m", "django", "check"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "liveactivity.W007" in check.stderr
