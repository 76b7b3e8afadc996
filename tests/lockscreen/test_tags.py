"""``{% load liveactivity %}`` in a host's template."""

from __future__ import annotations

import datetime as dt

import pytest
from django.template import Context, Template
from django.utils import translation

from django_liveactivity import services
from django_liveactivity.lockscreen import CardState, Labels
from django_liveactivity.models import LiveActivity
from django_liveactivity.templatetags import liveactivity
from tests.clock import advance
from tests.delivery.vocabulary import deliver, progress

from .page import Page
from .samples import SHORTCUT


def render(source: str, **context: object) -> Page:
    template = Template("{% load liveactivity %}" + source)
    return Page(template.render(Context(context)))


@pytest.fixture
def card(vendor):
    row = services.stream_activity("order-42", progress(40, "<b>Order</b> 42"), action=SHORTCUT)
    deliver()
    return LiveActivity.objects.get(pk=row.pk)


def test_a_card_is_drawn_as_it_is_now(card):
    drawn = render("{% lock_screen card %}", card=card)
    assert drawn.texts[:2] == ["<b>Order</b> 42", "40%"]
    assert drawn.texts[-1] == "Live"


def test_a_card_is_drawn_as_it_will_be(card):
    drawn = render("{% lock_screen_at_end card %}", card=card)
    assert "40%" in drawn.texts
    assert drawn.texts[-1] == "Ended · on the phones for another 2 min"
    content = {"title": "Done", "percentage": 100}
    source = "{% lock_screen_at_end card content options seconds %}"
    drawn = render(source, card=card, content=content, options={"action": None}, seconds=0)
    assert drawn.texts[0] == "Done"
    assert drawn.texts[-1] == "Ended · no longer on the phones"


def test_an_end_of_a_card_that_is_not_known_is_drawn():
    source = "{% lock_screen_at_end None content options 60 %}"
    drawn = render(source, content={"title": "Maintenance 68"}, options={"action": SHORTCUT})
    assert drawn.texts[0] == "Maintenance 68"
    assert drawn.texts[-1] == "Ended · on the phones for another 1 min"
    assert render("{% lock_screen_at_end None %}").texts[0] == "What it shows is not known."


def test_no_card_is_no_drawing():
    assert render("{% lock_screen None %}{% lock_screen missing %}").elements == []


def test_any_row_of_the_hosts_is_drawn(card, django_assert_num_queries):
    """Its own queries, with fewer columns or through a relation."""
    deferred = LiveActivity.objects.only("pk").get(pk=card.pk)
    assert render("{% lock_screen card %}", card=deferred).texts[1] == "40%"
    operation = card.operations.get()
    assert render("{% lock_screen o.activity %}", o=operation).texts[1] == "40%"
    with django_assert_num_queries(2):
        render("{% lock_screen card %}", card=card)


def test_an_ended_card_says_how_long_it_stays(card):
    services.end_activity(card, dismiss_after=dt.timedelta(hours=2))
    deliver()
    advance(601)
    card.refresh_from_db()
    said = render("{% lock_screen card %}", card=card).texts[-1]
    assert said == "Ended · on the phones for another 1 h 49 min"


def test_the_texts_are_those_of_the_drawing_and_translated():
    assert liveactivity.labels() == Labels()


def test_the_active_language_is_asked_each_time(monkeypatch):
    with translation.override("de"):
        monkeypatch.setattr(liveactivity, "gettext", lambda text: f"«{text}»")
        assert liveactivity.labels().states[CardState.LIVE] == "«Live»"
        assert all(
            f"«{value}»" == getattr(liveactivity.labels(), name)
            for name, value in vars(Labels()).items()
            if name != "states"
        )
