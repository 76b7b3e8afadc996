"""Every page of ours, and the way to it: each function makes its rows and leads a visitor there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from deployments.models import Deployment
from django.urls import reverse

from django_liveactivity import services
from django_liveactivity.models import LiveActivity
from django_liveactivity.sandbox import Sandbox
from django_liveactivity.testing import deliver

from .cards import LONG_KEY, SEVEN, show, show_seven
from .visitor import Visitor

ADMIN = "admin:django_liveactivity_liveactivity_"
Way = Callable[[Visitor, Sandbox], None]
PAGES: dict[str, Way] = {}


def page(way: Way) -> Way:
    """Add a page to those that are looked at."""
    PAGES[way.__name__] = way
    return way


def url(name: str, *args: object, query: str = "") -> str:
    """Return the path of an admin page of live activities."""
    return reverse(ADMIN + name, args=args) + query


def choose(visitor: Visitor, action: str, *, every: bool = True) -> None:
    """Select the cards of the list, and choose an action."""
    visitor.page.goto(url("changelist"))
    if every:
        visitor.page.locator("#action-toggle").check()
    visitor.page.locator("select[name=action]").select_option(action)
    visitor.send("button[name=index]")


@page
def empty_list(visitor: Visitor, sandbox: Sandbox) -> None:
    visitor.page.goto(url("changelist"))


@page
def list_of_all_types(visitor: Visitor, sandbox: Sandbox) -> None:
    cards = show_seven(sandbox)
    services.end_activity(cards[0], after=timedelta(hours=3))
    show(LONG_KEY)
    visitor.page.goto(url("changelist"))


@page
def list_while_the_account_is_blocked(visitor: Visitor, sandbox: Sandbox) -> None:
    blocked_card(sandbox)
    visitor.page.goto(url("changelist"))


@page
def card_of_each_part(visitor: Visitor, sandbox: Sandbox) -> None:
    card = show("incident-217", SEVEN["incident-217"])
    services.end_activity(card, after=timedelta(hours=3), actor="Ana", reason="It is over by then.")
    visitor.page.goto(url("change", card.pk))


@page
def card_with_a_long_key(visitor: Visitor, sandbox: Sandbox) -> None:
    visitor.page.goto(url("change", show(LONG_KEY).pk))


@page
def card_that_has_ended(visitor: Visitor, sandbox: Sandbox) -> None:
    card = show("maintenance-db-2")
    services.end_activity(card)
    deliver()
    visitor.page.goto(url("change", card.pk))


@page
def card_whose_end_needs_an_operator(visitor: Visitor, sandbox: Sandbox) -> None:
    visitor.page.goto(url("change", refused_card(sandbox).pk))


@page
def card_of_a_blocked_account(visitor: Visitor, sandbox: Sandbox) -> None:
    visitor.page.goto(url("change", blocked_card(sandbox).pk))


@page
def end_of_a_card(visitor: Visitor, sandbox: Sandbox) -> None:
    visitor.page.goto(url("end", show("incident-217", SEVEN["incident-217"]).pk))


@page
def end_of_metrics_with_an_error(visitor: Visitor, sandbox: Sandbox) -> None:
    visitor.page.goto(url("end", show("prod-web-1", SEVEN["prod-web-1"]).pk))
    visitor.page.locator("#id_title").fill("")
    visitor.send("button[value=end]")


@page
def end_that_is_scheduled_already(visitor: Visitor, sandbox: Sandbox) -> None:
    card = show(LONG_KEY)
    services.end_activity(card, after=timedelta(hours=3), actor="Ana", reason="Over by then.")
    visitor.page.goto(url("end", card.pk))


@page
def end_of_any_card(visitor: Visitor, sandbox: Sandbox) -> None:
    visitor.page.goto(url("end_any"))


@page
def end_of_any_card_with_an_error(visitor: Visitor, sandbox: Sandbox) -> None:
    visitor.page.goto(url("end_any"))
    visitor.send("button[value=end]")


@page
def progress_of_a_batch(visitor: Visitor, sandbox: Sandbox) -> None:
    confirmation_of_ends(visitor, sandbox)
    visitor.send("input.default")


@page
def confirmation_of_ends(visitor: Visitor, sandbox: Sandbox) -> None:
    show_seven(sandbox)
    choose(visitor, "end_selected")


@page
def confirmation_of_giving_up(visitor: Visitor, sandbox: Sandbox) -> None:
    refused_card(sandbox)
    choose(visitor, "give_up_selected")


@page
def list_of_deployments(visitor: Visitor, sandbox: Sandbox) -> None:
    deployed()
    Deployment.objects.create(service="search", version="1.19", status="succeeded")
    visitor.page.goto(reverse("admin:deployments_deployment_changelist"))


@page
def page_of_a_deployment(visitor: Visitor, sandbox: Sandbox) -> None:
    visitor.page.goto(reverse("admin:deployments_deployment_change", args=[deployed().pk]))


@page
def confirmation_of_the_end_for_a_deployment(visitor: Visitor, sandbox: Sandbox) -> None:
    name = "admin:deployments_deployment_end_live_activities"
    visitor.page.goto(reverse(name, args=[deployed().pk]))


@page
def page_of_a_host(visitor: Visitor, sandbox: Sandbox) -> None:
    show_seven(sandbox)
    visitor.page.goto(reverse("lock-screen"))


@page
def phone(visitor: Visitor, sandbox: Sandbox) -> None:
    show_seven(sandbox)
    visitor.page.goto(sandbox.base)


@page
def phone_without_cards(visitor: Visitor, sandbox: Sandbox) -> None:
    visitor.page.goto(sandbox.base)


def deployed() -> Deployment:
    """Return a deployment that has just begun, and whose card is on the phone."""
    deployment = Deployment.objects.create(service="checkout", version="2.4", steps_done=2)
    deliver()
    return deployment


def refused_card(sandbox: Sandbox) -> LiveActivity:
    """Return a card whose end the vendor refuses."""
    card = show("maintenance-db-2")
    sandbox.faults = "DELETE:403@1+"
    services.end_activity(card)
    deliver()
    sandbox.faults = ()
    return card


def blocked_card(sandbox: Sandbox) -> LiveActivity:
    """Return a card whose account's key the vendor refuses."""
    card = show("maintenance-db-2")
    sandbox.faults = "DELETE:401@1+"
    services.end_activity(card)
    deliver()
    return card
