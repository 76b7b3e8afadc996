"""Words for the tests of delivery: the calls, the living cards, and the state of a row."""

from __future__ import annotations

from typing import Any

from django_liveactivity import Progress, conf
from django_liveactivity.delivery import Drained, drain, sweep
from django_liveactivity.delivery.drain import read_state
from django_liveactivity.models import LiveActivity, Operation
from django_liveactivity.sandbox import Sandbox


def progress(percentage: int, title: str = "Order 42") -> Progress:
    """Content that differs by its percentage."""
    return Progress(title=title, percentage=percentage)


def deliver() -> Drained:
    """Deliver what is due now, without sitting through any pause."""
    return drain()


def beat() -> None:
    """Sweep, which writes the heartbeat, and wake nothing."""
    sweep(lambda _: None)


def now() -> int:
    """The database's clock, in milliseconds."""
    return read_state(conf.account()).now


def calls(vendor: Sandbox) -> list[str]:
    """Every call as ``METHOD key-or-endpoint status``, in order."""
    return [
        f"{call['method']} {call['path'].rsplit('/', 1)[-1]} {call['status']}"
        for call in vendor.calls()
    ]


def last_body(vendor: Sandbox) -> Any:
    """The body of the newest call."""
    return vendor.calls()[-1]["body"]


def alive(vendor: Sandbox) -> dict[str, Any]:
    """The percentage that each living card shows, by stream key or activity id."""
    return {
        card["stream_key"] or card["activity_id"]: card["content"].get("percentage")
        for card in vendor.phone()["alive"]
    }


def states(card: LiveActivity | None = None) -> list[str]:
    """Every operation as ``kind state outcome``, in order."""
    operations = Operation.objects.order_by("pk")
    if card is not None:
        operations = operations.filter(activity=card)
    return [f"{o.kind} {o.state} {o.outcome}".strip() for o in operations]


def status(card: LiveActivity) -> str:
    """The card's status as stored."""
    return LiveActivity.objects.get(pk=card.pk).status
