"""What a team's phones show: a card of each type, and the calls that put them there."""

from __future__ import annotations

from typing import Any

import httpx

from django_liveactivity import (
    Alert,
    Badge,
    Icon,
    Metric,
    Metrics,
    Progress,
    SegmentedProgress,
    Stats,
    Timer,
    Value,
    services,
)
from django_liveactivity.content import Content
from django_liveactivity.models import LiveActivity
from django_liveactivity.sandbox import Sandbox
from django_liveactivity.testing import deliver

from .environment import KEY

MAINTENANCE = Progress(title="Maintenance", subtitle="db-2 is read-only", percentage=68)
LONG_KEY = "deploy-" + "x" * 248
OPEN = {"title": "Open the run", "type": "open_url", "url": "https://ci.example.com/runs/4711"}
SEVEN: dict[str, Content] = {
    "deploy-checkout": SegmentedProgress(
        title="checkout 2.4",
        subtitle="Roll out",
        current_step=2,
        number_of_steps=4,
        step_color="blue",
        step_colors=["green", "green"],
        icon=Icon(symbol="shippingbox.fill", color="blue"),
        badge=Badge(title="prod", color="green"),
    ),
    "maintenance-db-2": MAINTENANCE,
    "prod-web-1": Metrics(
        title="prod-web-1",
        subtitle="Load of the last minute",
        metrics=[
            Metric(label="CPU", value=83, unit="%", color="orange"),
            Metric(label="Memory", value=61, unit="%", color="green"),
            Metric(label="Disk", value=44, unit="%"),
        ],
    ),
    "release-train": Stats(
        title="Release train 48",
        metrics=[
            Metric(label="Merged", value=31),
            Metric(label="Waiting", value=4, color="yellow"),
            Metric(label="Reverted", value=1, color="red"),
            Metric(label="Lead time", value="3 h 10"),
        ],
    ),
    "incident-217": Alert(
        title="Incident 217",
        message="Payments answer slowly since 02:14. Ana is on it.",
        color="red",
        icon=Icon(symbol="exclamationmark.triangle.fill", color="red"),
        badge=Badge(title="SEV 2", color="red"),
    ),
    "deploy-freeze": Timer(title="Deploy freeze", subtitle="until 06:00", duration_seconds=5400),
    "queue-mail": Value(title="Mails to send", value=1284, badge=Badge(title="falling")),
}
BUTTONS: dict[str, dict[str, Any]] = {
    "deploy-checkout": {"action": OPEN},
    "incident-217": {
        "action": OPEN | {"title": "Open the channel"},
        "secondary_action": OPEN | {"title": "Runbook"},
    },
}


def show(stream_key: str, content: Content = MAINTENANCE, **options: Any) -> LiveActivity:
    """Show a card, now."""
    options = BUTTONS.get(stream_key, {}) | options
    card = services.stream_activity(stream_key, content, reason="Shown by the job.", **options)
    deliver()
    card.refresh_from_db()
    return card


def show_seven(sandbox: Sandbox) -> list[LiveActivity]:
    """Show a card of each type on a phone that has room for them."""
    sandbox.policy.concurrent = len(SEVEN)
    return [show(key, content) for key, content in SEVEN.items()]


def show_elsewhere(sandbox: Sandbox, stream_key: str, content: Content = MAINTENANCE) -> None:
    """Show a card as another program does, with the same API key: no row here knows of it."""
    httpx.put(
        f"{sandbox.url}/live-activity/stream/{stream_key}",
        json={"content_state": content.to_json()},
        headers={"Authorization": f"Bearer {KEY}"},
    ).raise_for_status()


def titles_of(cards: list[dict[str, Any]]) -> list[str]:
    """Return the titles of cards of the phone."""
    return [card["content"]["title"] for card in cards]
