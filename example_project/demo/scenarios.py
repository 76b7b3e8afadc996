"""The ways to end a live activity: each function shows a card, ends it and returns its row."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from typing import Any

import httpx
from deployments.models import STEPS, Deployment
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from shop.models import Order

from django_liveactivity import (
    Alert,
    Icon,
    Metric,
    Metrics,
    Progress,
    SegmentedProgress,
    Timer,
    Value,
    selectors,
    services,
)
from django_liveactivity.client import Client
from django_liveactivity.conf import account
from django_liveactivity.models import LiveActivity

from .delivery import Delivery
from .server import Login

CARDS = "/admin/django_liveactivity/liveactivity/"


@dataclass(frozen=True)
class Context:
    """What each scenario may use.

    Args:
        delivery: delivers what is due.
        address: the project's site.
        admin: a superuser there.
        token: of a user who may end live activities and nothing else.
    """

    delivery: Delivery
    address: str
    admin: Login
    token: str


def service_call(context: Context) -> LiveActivity:
    def load(cpu: int, memory: int) -> Metrics:
        readings = [Metric(label="CPU", value=cpu, unit="%"), Metric(label="Memory", value=memory)]
        return Metrics(title="web-1 under load", metrics=readings, icon=Icon(symbol="cpu"))

    card = services.stream_activity("web-1", load(93, 71))
    context.delivery.deliver()
    services.end_activity(card, load(12, 40), dismiss_after=timedelta(minutes=1))
    return card


def context_manager(context: Context) -> LiveActivity:
    with services.live_activity("price-import", Progress(title="Prices", percentage=0)) as card:
        context.delivery.deliver()
        card.stream(Progress(title="Prices", value=1_200, upper_limit=1_200))
        context.delivery.deliver()
    return card.activity


def model_signal(context: Context) -> LiveActivity:
    deployment = Deployment.objects.create(service="checkout", version="2.4.1")
    for _ in STEPS:
        context.delivery.deliver()
        deployment.advance()
    return selectors.activities_of(account(), deployment)[0]


def row_deletion(context: Context) -> LiveActivity:
    status = Order.Status.COOKING
    order = Order.objects.create(dish="Two pizzas", customer="Robin", status=status)
    context.delivery.deliver()
    card = selectors.activities_of(account(), order)[0]
    order.delete()
    return card


def admin_action(context: Context) -> LiveActivity:
    card = services.stream_activity("db-1-disk", Alert(title="db-1", message="The disk is full."))
    context.delivery.deliver()
    with httpx.Client(base_url=context.address, follow_redirects=True, timeout=30) as browser:

        def submit(path: str, **fields: str) -> None:
            token = {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}
            browser.post(path, data=fields | token).raise_for_status()

        login = f"/admin/login/?next={CARDS}"
        browser.get(login)
        submit(login, username=context.admin.name, password=context.admin.password)
        chosen = {"action": "end_selected", "_selected_action": str(card.pk)}
        submit(CARDS, **chosen)
        submit(CARDS, **chosen, post="yes", reason="There is room again.")
    return card


def endpoint(context: Context) -> LiveActivity:
    def sales(orders: int) -> dict[str, Any]:
        metrics = [{"label": "Orders", "value": orders}]
        return {"title": "Sales today", "type": "stats", "metrics": metrics}

    card = services.stream_activity("sales-today", sales(310))
    context.delivery.deliver()
    httpx.post(
        f"{context.address}/api/liveactivity/end/",
        json={"stream_key": "sales-today", "content": sales(342), "dismiss_after": 60},
        headers={"Authorization": f"Token {context.token}"},
    ).raise_for_status()
    return card


def schedule(context: Context) -> LiveActivity:
    queue = Value(title="Jobs in the queue", value=17, icon=Icon(symbol="tray.full.fill"))
    card = services.stream_activity("job-queue", queue)
    end = services.end_activity(card, after=timedelta(seconds=1))
    context.delivery.deliver()
    context.delivery.deliver_when_due(end)
    return card


def command(context: Context) -> LiveActivity:
    window = Timer(title="Maintenance", duration_seconds=600, counts_down=True, is_running=True)
    card = services.stream_activity("maintenance", window)
    context.delivery.deliver()
    final = {"title": "Maintenance", "subtitle": "Over early", "is_running": False}
    call_command("liveactivity_end", "maintenance", content=json.dumps(final), stdout=StringIO())
    return card


def activity_id(_context: Context) -> LiveActivity:
    """End a card that another program has started, and that the project does not know."""
    options = settings.LIVEACTIVITY["default"]["OPTIONS"]
    with Client(options["api_key"], base_url=options["base_url"]) as client:
        started = client.start(
            SegmentedProgress(title="Nightly backup", current_step=1, number_of_steps=3)
        )
    if started.activity_id is None:
        raise CommandError(f"The card could not be started: {started.outcome}, {started.text}")
    end = services.end_activity(
        activity_id=started.activity_id,
        content=SegmentedProgress(title="Nightly backup", current_step=4, number_of_steps=4),
    )
    return end.activity


SCENARIOS: dict[str, Callable[[Context], LiveActivity]] = {
    "service call": service_call,
    "context manager": context_manager,
    "model signal": model_signal,
    "row deletion": row_deletion,
    "admin action": admin_action,
    "endpoint": endpoint,
    "schedule": schedule,
    "command": command,
    "activity id": activity_id,
}


def leave_some_alive() -> None:
    """Show three more cards, so that there is something to end by hand."""
    Deployment.objects.create(service="search", version="1.9.0").advance()
    Order.objects.create(dish="Ramen", customer="Kim", status=Order.Status.ON_THE_WAY)
    services.stream_activity("db-2-disk", Alert(title="db-2", message="The disk is 90 % full."))
