"""Accounts in several databases: a page shows one of them, and ends cards there."""

from __future__ import annotations

import pytest
from django.urls import reverse

from django_liveactivity import Progress, services
from django_liveactivity.models import LiveActivity, Operation
from tests.shop.models import Order

from .conftest import CHANGE, CHANGELIST, cards_in, messages_of, names_in, page_of

pytestmark = pytest.mark.django_db(databases=["default", "other"])
FAR = {"account": "far"}


@pytest.fixture(autouse=True)
def cards(settings, db) -> tuple[LiveActivity, LiveActivity]:
    near = settings.LIVEACTIVITY["default"]
    settings.LIVEACTIVITY = {"default": near, "far": near | {"DATABASE": "other"}}
    content = Progress(title="Order", percentage=40)
    here = services.stream_activity("near-1", content)
    return here, services.stream_activity(
        "far-1", content, account="far", subject=Order.objects.create()
    )


def test_the_list_shows_one_database(viewer):
    assert names_in(viewer) == {"near-1"}
    assert names_in(viewer, **FAR) == {"far-1"}


def test_the_filter_offers_each_account_and_not_all(viewer):
    (account_filter,) = (
        spec for spec in cards_in(viewer).context["cl"].filter_specs if spec.title == "account"
    )

    choices = list(account_filter.choices(cards_in(viewer).context["cl"]))

    assert [(c["display"], c["selected"]) for c in choices] == [("default", True), ("far", False)]


def test_the_links_of_the_list_lead_to_the_card_in_its_database(viewer, cards):
    page = cards_in(viewer, **FAR).content.decode()

    url = reverse(CHANGE, args=[cards[1].pk]) + "?_changelist_filters=account%3Dfar"
    assert f'href="{url}"' in page
    assert viewer.get(url).context["original"].stream_key == "far-1"


def test_a_card_s_page_reads_its_operations_there(viewer, cards):
    answer = page_of(viewer, cards[1], **FAR)

    assert [e.operation.content["title"] for e in answer.context["history"].entries] == ["Order"]


def test_cards_end_in_their_own_database(operator, cards):
    data = {"action": "end_selected", "_selected_action": [cards[1].pk], "post": "yes"}

    answer = operator.post(reverse(CHANGELIST) + "?account=far", data, follow=True)

    assert messages_of(answer) == [("success", "Ending 1 live activity: far-1")]
    assert not Operation.objects.filter(kind="end").exists()
    assert Operation.objects.using("other").get(kind="end").activity_id == cards[1].pk


@pytest.mark.parametrize("alias", ["nowhere", "no\0where", "nowhere" * 50])
def test_an_unknown_account_has_no_cards(viewer, alias):
    assert names_in(viewer, account=alias) == set()
