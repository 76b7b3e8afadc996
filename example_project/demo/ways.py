"""Every way to end a live activity: each function shows a card, ends it and returns its row."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO

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
    Stats,
    Timer,
    Value,
    selectors,
    services,
)
from django_liveactivity.client import Client
from django_liveactivity.conf import account
from django_liveactivity.models import LiveActivity
from example_project.demo.browser import Browser
from example_project.demo.courier import Courier
from example_project.demo.site import Login


@dataclass(frozen=True)
class Stage:
    """What the ways have at hand.

    Args:
        courier: sees to it that what is due is delivered.
        address: the project's web site.
        admin: who may do everything there.
        token: of a robot that may end live activities there.
    """

    courier: Courier
    address: str
    admin: Login
    token: str


def service_call(stage: Stage) -> LiveActivity:
    def load(cpu: int, memory: int) -> Metrics:
        readings = [Metric(label="CPU", value=cpu, unit="%"), Metric(label="Memory", value=memory)]
        return Metrics(title="web-1 under load", metrics=readings, icon=Icon(symbol="cpu"))

    card = services.stream_activity("web-1", load(93, 71))
    stage.courier.deliver()
    services.end_activity(card, load(12, 40), dismiss_after=timedelta(minutes=1))
    return card


def context_manager(stage: Stage) -> LiveActivity:
    with services.live_activity("price-import", Progress(title="Prices", percentage=0)) as card:
        stage.courier.deliver()
        card.stream(Progress(title="Prices", value=1_200, upper_limit=1_200))
        stage.courier.deliver()
    return card.activity


def model_signal(stage: Stage) -> LiveActivity:
    deployment = Deployment.objects.create(service="checkout", version="2.4.1")
    for _ in STEPS:
        stage.courier.deliver()
        deployment.advance()
    return selectors.activities_of(account(), deployment)[0]


def row_deletion(stage: Stage) -> LiveActivity:
    status = Order.Status.COOKING
    order = Order.objects.create(dish="Two pizzas", customer="Robin", status=status)
    stage.courier.deliver()
    card = selectors.activities_of(account(), order)[0]
    order.delete()
    return card


def admin_action(stage: Stage) -> LiveActivity:
    card = services.stream_activity("db-1-disk", Alert(title="db-1", message="The disk is full."))
    stage.courier.deliver()
    browser = Browser(stage.address)
    browser.open("/admin/login/?next=/admin/django_liveactivity/liveactivity/")
    browser.send("username", username=stage.admin.name, password=stage.admin.password)
    browser.send("action", action="End selected live activities", _selected_action=str(card.pk))
    browser.send("reason", reason="There is room again.")
    return card


def endpoint(stage: Stage) -> LiveActivity:
    def sales(orders: int) -> Stats:
        return Stats(title="Sales today", metrics=[Metric(label="Orders", value=orders)])

    card = services.stream_activity("sales-today", sales(310))
    stage.courier.deliver()
    httpx.post(
        f"{stage.address}/api/liveactivity/end/",
        json={"stream_key": "sales-today", "content": sales(342).wire(), "dismiss_after": 60},
        headers={"Authorization": f"Token {stage.token}"},
    ).raise_for_status()
    return card


def schedule(stage: Stage) -> LiveActivity:
    queue = Value(title="Jobs in the queue", value=17, icon=Icon(symbol="tray.full.fill"))
    card = services.stream_activity("job-queue", queue)
    end = services.end_activity(card, after=timedelta(seconds=1))
    stage.courier.deliver()
    stage.courier.deliver_when_due(end)
    return card


def command(stage: Stage) -> LiveActivity:
    window = Timer(title="Maintenance", duration_seconds=600, counts_down=True, is_running=True)
    card = services.stream_activity("maintenance", window)
    stage.courier.deliver()
    final = {"title": "Maintenance", "subtitle": "Over early", "is_running": False}
    call_command("liveactivity_end", "maintenance", content=json.dumps(final), stdout=StringIO())
    return card


def bare_activity_id(_stage: Stage) -> LiveActivity:
    """End a card that another program has started: no row of ours knows of it before."""
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


WAYS: dict[str, Callable[[Stage], LiveActivity]] = {
    "service call": service_call,
    "context manager": context_manager,
    "model signal": model_signal,
    "row deletion": row_deletion,
    "admin action": admin_action,
    "endpoint": endpoint,
    "schedule": schedule,
    "command": command,
    "bare activity_id": bare_activity_id,
}


def leave_some_alive() -> None:
    """Show three more cards, so that there is something to end by hand."""
    Deployment.objects.create(service="search", version="1.9.0").advance()
    Order.objects.create(dish="Ramen", customer="Kim", status=Order.Status.ON_THE_WAY)
    services.stream_activity("db-2-disk", Alert(title="db-2", message="The disk is 90 % full."))
