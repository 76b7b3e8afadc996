"""The users of the admin, and the pages that they open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db.models import QuerySet
from django.test import Client
from django.urls import reverse

from django_liveactivity import Progress, services
from django_liveactivity.delivery import sweep
from django_liveactivity.models import LiveActivity, Operation

CHANGELIST = "admin:django_liveactivity_liveactivity_changelist"
CHANGE = "admin:django_liveactivity_liveactivity_change"
Enter = Callable[..., Client]


@pytest.fixture
def enter(db: None) -> Enter:
    """Log a user in with the named permissions: ``enter("view", "end")``."""

    sweep(lambda _: None)  # a worker is at work

    def log_in(*may: str, name: str = "ana") -> Client:
        user = User.objects.create_user(name, is_staff=True)
        codenames = [f"{verb}_liveactivity" for verb in may]
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client = Client()
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def viewer(enter: Enter) -> Client:
    """A user who may look."""
    return enter("view")


@pytest.fixture
def operator(enter: Enter) -> Client:
    """A user with every permission for cards."""
    return enter("view", "end", "operate")


def show(key: str = "order-1", **options: Any) -> LiveActivity:
    """Show a card whose title is its key."""
    return services.stream_activity(key, Progress(title=key, percentage=40), **options)


def ends() -> QuerySet[Operation]:
    """Return every end."""
    return Operation.objects.filter(kind="end")


def cards_in(client: Client, **query: Any) -> Any:
    """Return the answer of the list of cards."""
    return client.get(reverse(CHANGELIST), query)


def names_in(client: Client, **query: Any) -> set[str]:
    """Return the names of the cards that the list shows."""
    return {str(row) for row in cards_in(client, **query).context["cl"].result_list}


def page_of(client: Client, card: LiveActivity, **query: Any) -> Any:
    """Return the answer of a card's page."""
    return client.get(reverse(CHANGE, args=[card.pk]), query)


def press(client: Client, card: LiveActivity, do: str, reason: str = "", **query: Any) -> Any:
    """Press a button on a card's page."""
    url = reverse("admin:django_liveactivity_liveactivity_operate", args=[card.pk], query=query)
    return client.post(url, {"do": do, "reason": reason}, follow=True)


def ask_to_end(client: Client, *cards: LiveActivity, **fields: Any) -> Any:
    """Select cards in the list, and choose the action."""
    selected = {"action": "end_selected", "_selected_action": [card.pk for card in cards]}
    return client.post(reverse(CHANGELIST), selected | fields, follow=True)


def confirm_end(client: Client, *cards: LiveActivity, **fields: Any) -> Any:
    """Press the button of the confirmation page."""
    return ask_to_end(client, *cards, post="yes", **fields)


def messages_of(answer: Any) -> list[tuple[str, str]]:
    """Return the level and the text of each message on a page."""
    return [(message.level_tag, message.message) for message in answer.context["messages"]]
