"""The recipe for any signal, run as it stands in the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import transaction
from django.test import Client

from django_liveactivity import services
from django_liveactivity.models import Operation
from django_liveactivity.testing import deliver
from tests.shop.models import Order

RECIPE = Path(__file__).parents[2] / "docs" / "how-to" / "follow-a-signal.md"

pytestmark = pytest.mark.usefixtures("db", "liveactivity_outbox")


@pytest.fixture
def recipe():
    """The names that the document defines; its receivers go after the test."""
    names: dict[str, object] = {"__name__": "recipe"}
    for block in re.findall(
        r"^```python\n(.*?)^```$", RECIPE.read_text(), re.DOTALL | re.MULTILINE
    ):
        exec(compile(block, RECIPE.name, "exec"), names)
    yield names
    for signal in (user_logged_in, user_logged_out):
        assert signal.disconnect(dispatch_uid="session-card")


def sent() -> list[str]:
    return [f"{call.method} {call.target}" for call in deliver()]


def test_a_session_has_a_card_until_its_person_logs_out(recipe):
    ann = User.objects.create_user("ann")
    client = Client()
    client.force_login(ann)
    assert sent() == [f"PUT session-{ann.pk}"]
    client.logout()
    assert sent() == [f"DELETE session-{ann.pk}"]
    end = Operation.objects.get(kind="end")
    assert (end.source, end.actor, end.reason) == ("service", "ann", "logout")


def test_a_logout_without_a_user_ends_nothing(recipe):
    Client().logout()
    assert sent() == []


def test_the_end_rolls_back_with_the_logout(recipe):
    ann = User.objects.create_user("ann")
    client = Client()
    client.force_login(ann)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        client.logout()
        raise ZeroDivisionError
    assert sent() == [f"PUT session-{ann.pk}"]


def test_wrong_input_does_not_break_the_logout(recipe, settings, caplog):
    ann = User.objects.create_user("ann")
    client = Client()
    client.force_login(ann)
    settings.LIVEACTIVITY = {}
    client.logout()
    assert f"The cards of user {ann.pk} have not ended" in caplog.text


def test_a_signal_of_the_project_s_own_ends_cards_of_many_objects(recipe):
    orders = [Order.objects.create() for _ in range(3)]
    for order in orders:
        content = {"title": "x", "type": "progress", "percentage": 1}
        services.stream_activity(f"order-{order.pk}", content, subject=order)
    recipe["shop_closed"].send(sender=None, orders=Order.objects.exclude(pk=orders[0].pk))
    ends = Operation.objects.filter(kind="end", reason="closed for today")
    assert {end.activity.subject for end in ends} == set(orders[1:])
