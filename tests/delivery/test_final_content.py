"""What the ended card shows: the newest content that was meant for it, at every try of its end."""

from __future__ import annotations

import datetime as dt

import pytest

from django_liveactivity import Progress, Timer, services
from django_liveactivity.models import Operation
from tests.clock import advance

from .vocabulary import calls, deliver, last_body, progress, states

MINUTE = dt.timedelta(minutes=1)
FAULTS = ("429", "500", "reset", "reset-after", "401")


def shown_at_each_try(vendor) -> list[int | None]:
    """The percentage in each call that ended the card; None is a call without content."""
    deletes = [call for call in vendor.calls() if call["method"] == "DELETE"]
    return [
        call["body"]["content_state"]["percentage"] if call["body"] else None for call in deletes
    ]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("next_generation", [False, True])
def test_unsent_content_is_shown_by_every_try(vendor, card, fault, next_generation):
    services.stream_activity("order-42", progress(90))
    services.end_activity(card)
    if next_generation:
        services.stream_activity("order-42", progress(1))
    vendor.faults = f"DELETE:{fault}@1-4"
    for _ in range(5):
        deliver()
        advance(901)
    assert shown_at_each_try(vendor) == [90] * 5
    assert states(card)[-1].startswith("end done")


def test_the_dismissal_is_kept_while_the_next_generation_waits(vendor, card):
    services.stream_activity("order-42", progress(90))
    services.end_activity(card, dismiss_after=MINUTE)
    services.stream_activity("order-42", progress(1))
    vendor.faults = "DELETE:500@1"
    deliver()
    advance(61)
    deliver()
    bodies = [call["body"] for call in vendor.calls() if call["method"] == "DELETE"]
    assert [body["content_state"]["auto_dismiss_seconds"] for body in bodies] == [60, 60]


def test_content_of_a_past_generation_is_never_shown(vendor, card):
    services.stream_activity("order-42", progress(90))
    services.end_activity(card)
    deliver()
    services.end_activity(stream_key="order-42")
    deliver()
    assert shown_at_each_try(vendor) == [90, None]


def test_content_that_committed_after_its_generation_had_ended_is_never_shown(vendor, card):
    services.stream_activity("order-42", progress(90))
    late = Operation.objects.latest("pk")
    Operation.objects.filter(pk=late.pk)._raw_delete("default")
    services.end_activity(card)
    deliver()
    late.save(force_insert=True)
    services.end_activity(stream_key="order-42")
    deliver()
    assert shown_at_each_try(vendor) == [None, None]
    assert Operation.objects.get(pk=late.pk).state == "superseded"


def test_the_newer_of_two_dismissals_counts(vendor, card):
    services.end_activity(card, dismiss_after=2 * MINUTE)
    services.end_activity(card, dismiss_after=1 * MINUTE)
    deliver()
    assert calls(vendor)[1:] == ["DELETE order-42 200"]
    assert last_body(vendor)["content_state"]["auto_dismiss_seconds"] == 60


def test_an_end_without_a_dismissal_keeps_that_of_the_end_before(vendor, card):
    services.end_activity(card, dismiss_after=2 * MINUTE)
    services.end_activity(card, progress(100))
    deliver()
    assert last_body(vendor)["content_state"] == {
        "title": "Order 42",
        "type": "progress",
        "percentage": 100,
        "auto_dismiss_seconds": 120,
    }


def test_the_newer_of_two_ends_contents_counts(vendor, card):
    services.end_activity(card, progress(99))
    services.end_activity(card, progress(100))
    deliver()
    assert last_body(vendor)["content_state"]["percentage"] == 100


class TestAPausedCard:
    @pytest.fixture
    def paused(self, vendor, card):
        vendor.pause("order-42")
        services.stream_activity("order-42", progress(50), metadata={"stage": "oven"})
        deliver()
        assert Operation.objects.latest("pk").outcome == "paused"
        return card

    def test_is_not_told_the_same_again(self, vendor, paused):
        services.stream_activity("order-42", progress(50), metadata={"stage": "oven"})
        deliver()
        assert len(calls(vendor)) == 2
        assert Operation.objects.latest("pk").state == "superseded"

    def test_is_told_of_changed_content(self, vendor, paused):
        services.stream_activity("order-42", progress(60), metadata={"stage": "oven"})
        deliver()
        assert last_body(vendor)["content_state"]["percentage"] == 60

    def test_is_told_of_changed_options(self, vendor, paused):
        services.stream_activity("order-42", progress(50), metadata={"stage": "door"})
        deliver()
        assert len(calls(vendor)) == 3
        assert last_body(vendor)["metadata"] == {"stage": "door"}


def test_the_length_of_a_timer_that_was_never_sent_is_kept_while_it_runs_only(vendor):
    card = services.stream_activity("oven", Timer(title="Oven", duration_seconds=300))
    services.stream_activity("oven", Timer(title="Oven, nearly"))
    deliver()
    assert last_body(vendor)["content_state"]["duration_seconds"] == 300
    services.stream_activity("oven", Progress(title="Done", percentage=100))
    services.end_activity(card)
    deliver()
    assert last_body(vendor)["content_state"] == {
        "title": "Done",
        "type": "progress",
        "percentage": 100,
    }
