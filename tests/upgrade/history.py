"""What a project does with a version until its upgrade: rows in each table, and of every state."""

from __future__ import annotations

import contextlib
import datetime as dt

from django.test import override_settings

from django_liveactivity import Progress, services
from django_liveactivity.backends.activitysmith import ActivitySmithBackend
from django_liveactivity.client.answer import Answer
from django_liveactivity.client.call import Call
from django_liveactivity.delivery import drain, sweep
from django_liveactivity.models import EndBatch, LiveActivity, Operation, TrackingFailure
from django_liveactivity.sandbox import Sandbox
from tests.conftest import KEY

STARTED_ELSEWHERE = "pLAr-Hnq9ZFW4sxlk43L"
SCHEDULED = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)


class KilledError(BaseException):
    """What ends a process in the middle of a call."""


class KilledBackend(ActivitySmithBackend):
    """Its process is killed when the call is on its way."""

    def send(self, call: Call) -> Answer:
        super().send(call)
        raise KilledError


def progress(percentage: int, title: str = "Order") -> Progress:
    """Content that differs by its percentage."""
    return Progress(title=title, percentage=percentage)


def settings(sandbox: Sandbox, backend: type = ActivitySmithBackend, **options: object) -> object:
    """The account ``default``, at the sandbox."""
    usual = {"api_key": KEY, "base_url": sandbox.url, "rate_limit": None, "time_to_live": None}
    account = {
        "BACKEND": f"{backend.__module__}.{backend.__name__}",
        "OPTIONS": usual | options,
    }
    return override_settings(LIVEACTIVITY={"default": account})


def show(key: str, percentage: int = 10) -> LiveActivity:
    """Show a card now."""
    card = services.stream_activity(key, progress(percentage))
    drain()
    return card


def write_history() -> None:
    """Show cards and end some of them, with the vendor's sandbox answering."""
    policy = {"rate_limit": (100_000, 60.0), "concurrent": 2, "evict": True}
    with Sandbox(seed=1, **policy) as sandbox, settings(sandbox):
        _finish(sandbox)
        _fail(sandbox)
        _leave(sandbox)


def _finish(sandbox: Sandbox) -> None:
    """Cards that have ended, and one that was never shown."""
    services.end_activity(show("ended"), progress(100))
    drain()
    services.end_activity(services.stream_activity("never-started", progress(1)))
    services.stream_activity("superseded", progress(1))
    services.end_activity(show("superseded", 2), reason="It is done.", actor="operator")
    drain()


def _fail(sandbox: Sandbox) -> None:
    """What the vendor refused, and what operators decided on."""
    sandbox.faults = "PUT:422@1"
    show("failed")
    cards = [show(key) for key in ("given-up", "needs-operator")]
    sandbox.faults = "DELETE:403@1+"
    given_up, _ = (services.end_activity(card) for card in cards)
    drain()
    services.give_up_operation(given_up, actor="operator", reason="The phone was sold.")
    drain()
    sandbox.faults = ""


def _leave(sandbox: Sandbox) -> None:
    """What the upgrade meets: cards on the phone, a call on its way, and work to do."""
    show("evicts-another")
    sandbox.policy.concurrent = 20
    for key in ("scheduled", "kept", "changed", "by-key"):
        show(key)
    sandbox.faults = "PUT:paused@1"
    show("paused")
    sandbox.faults = ""
    with settings(sandbox, time_to_live=dt.timedelta(hours=1), rate_limit=(4, 60)):
        show("left-behind")
    sweep(lambda alias: None)
    killed = services.end_activity(show("killed"))
    with settings(sandbox, KilledBackend), contextlib.suppress(KilledError):
        drain()
    assert killed.attempts.get().outcome == ""
    services.end_activity(stream_key="scheduled", at=SCHEDULED)
    services.keep_activity(stream_key="kept")
    services.stream_activity("changed", progress(90))
    services.end_activity(stream_key="by-key", content=progress(100), dismiss_after=dt.timedelta(0))
    services.end_activity(stream_key="shown-elsewhere")
    services.end_activity(activity_id=STARTED_ELSEWHERE, content=progress(100))
    refused = Operation.objects.get(state=Operation.State.NEEDS_OPERATOR)
    services.retry_operation(refused, actor="operator")
    EndBatch.objects.create(ranges=[[1, 1]], actor="operator", created_at=1)
    TrackingFailure.objects.create(
        account="default",
        tracked_by="deployments.liveactivities.DeploymentActivity",
        subject_model="deployments.Deployment",
        subject_pk="42",
        error="ValueError: no percentage",
        created_at=1,
    )
