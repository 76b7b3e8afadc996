"""An account is removed in order: no content, its cards end, nothing is left; then its key goes."""

from __future__ import annotations

import datetime as dt

import pytest

from django_liveactivity import Progress, services
from django_liveactivity.account_source import STALE_AFTER
from django_liveactivity.delivery import drain
from django_liveactivity.exceptions import InvalidInputError, UnknownAccountError
from django_liveactivity.models import Lane, LiveActivity, Now, Operation, OperatorAction
from django_liveactivity.services.operator_actions import SETTLED_AFTER_MS
from tests.clock import advance

pytestmark = pytest.mark.django_db(transaction=True)


def close() -> services.ClosingAccount:
    return services.close_account("acme", actor="ada", reason="has left")


def show(key: str = "order-42") -> LiveActivity:
    return services.stream_activity(key, Progress(title="On its way", percentage=1), account="acme")


@pytest.fixture
def closing(customer, later):
    """An account with two cards, one of which is to end tomorrow, that is about to be removed."""
    customer()
    show()
    services.end_activity(show("order-43"), after=dt.timedelta(days=1))
    drain("acme")
    customer(CLOSING=True)
    later()


@pytest.fixture
def reopened(closing, customer, later):
    """An account that was closing, was opened again, and shows a new card."""
    close()
    drain("acme")
    customer()
    later()
    advance(10)
    show("order-45")


def test_waits_for_as_long_as_another_process_may_know_an_old_entry():
    assert SETTLED_AFTER_MS == 1_000 * STALE_AFTER


def test_its_cards_end_and_then_it_is_done(closing, sandbox):
    first = close()
    assert (first.ended, first.is_done) == (2, False)
    assert close().ended == 0
    drain("acme")
    assert not close().is_done  # other processes may not have seen it yet
    advance(5.1)
    last = close()
    assert (last.ended, last.unfinished, last.in_flight, last.is_done) == (0, 0, 0, True)
    assert set(LiveActivity.objects.values_list("status", flat=True)) == {"ended"}
    assert OperatorAction.objects.get().kind == "close"
    ends = Operation.objects.filter(kind="end", state="done", reason="has left", actor="ada")
    assert ends.count() == 2


def test_it_is_not_done_while_an_end_is_not_acknowledged(closing, sandbox):
    sandbox.faults = "*:503@1+"
    close()
    advance(5.1)
    drain("acme")
    waiting = close()
    assert (waiting.unfinished > 0, waiting.is_done) == (True, False)
    sandbox.faults = ""
    advance(60)
    drain("acme")
    assert close().is_done


def test_it_is_not_done_while_a_call_is_in_flight(closing):
    close()
    drain("acme")
    advance(5.1)
    Lane.objects.filter(stream_key="order-42").update(lease_until=Now() + 60_000)
    assert (close().in_flight, close().is_done) == (1, False)


def test_it_is_not_done_before_a_drain_has_seen_it(customer, later):
    customer(CLOSING=True)
    close()
    advance(60)
    assert not close().is_done
    drain("acme")
    assert close().is_done


@pytest.mark.parametrize("time_to_live", [dt.timedelta(hours=8), None])
def test_a_card_that_was_refused_but_may_be_alive_ends(customer, later, sandbox, time_to_live):
    customer()
    sandbox.faults = "PUT:reset-after@1,PUT:400@2"
    shown = Progress(title="On its way", percentage=1)
    services.stream_activity("order-42", shown, account="acme", time_to_live=time_to_live)
    drain("acme")
    advance(60)
    drain("acme")
    assert LiveActivity.objects.get().status == "failed"
    assert not sandbox.phone()["empty"]
    customer(CLOSING=True)
    later()
    assert (close().ended, close().unfinished) == (1, 1)
    advance(5.1)
    drain("acme")
    assert close().is_done
    assert sandbox.phone()["empty"]


def test_a_card_that_was_refused_at_once_needs_no_end(customer, later, sandbox):
    customer()
    sandbox.faults = "PUT:400@1"
    show()
    drain("acme")
    customer(CLOSING=True)
    later()
    assert (close().ended, close().unfinished) == (0, 0)


def test_it_is_not_done_while_a_time_to_live_is_to_end_a_card(customer, later):
    customer(CLOSING=True)
    close()
    drain("acme")
    advance(5.1)
    Lane.objects.create(account="acme", digest="x", deadline_at=2**60)
    assert (close().unfinished, close().is_done) == (1, False)


def test_content_that_was_under_way_ends_too(closing):
    close()
    drain("acme")
    writer = services.streams.Writer.for_account("acme")
    shown = services.streams.check("stream", Progress(title="Late", percentage=1), {})
    services.streams.insert_card(writer, "late", shown, None, subject=services.writer.NO_SUBJECT)
    advance(5.1)
    assert (close().ended, close().is_done) == (1, False)
    drain("acme")
    assert close().is_done


@pytest.mark.parametrize("service", ["stream_activity", "track_activity"])
def test_it_takes_no_content(closing, service):
    before = Operation.objects.count()
    with pytest.raises(InvalidInputError, match="account: Account 'acme' is closing"):
        getattr(services, service)("order-44", Progress(title="x", percentage=1), account="acme")
    assert Operation.objects.count() == before


def test_it_takes_ends(closing):
    assert services.end_activity(stream_key="order-42", account="acme").kind == "end"


def test_an_account_that_is_opened_again_begins_anew(reopened, customer, later):
    drain("acme")
    customer(CLOSING=True)
    later()
    assert (close().ended, close().is_done) == (1, False)
    assert OperatorAction.objects.count() == 2


def test_the_mark_of_an_earlier_closing_does_not_count(reopened, customer, later):
    customer(CLOSING=True)
    later()
    close()
    drain("acme")
    advance(1)
    assert not close().is_done  # other processes may still show content
    advance(4.1)
    assert close().is_done


def test_one_that_is_not_closing_is_refused(customer):
    customer()
    with pytest.raises(InvalidInputError, match="set CLOSING in its entry first"):
        close()


def test_who_asks_has_to_be_said(closing):
    with pytest.raises(InvalidInputError, match="actor"):
        services.close_account("acme", actor="")


def test_an_unknown_one_is_refused(source):
    with pytest.raises(UnknownAccountError):
        close()


def test_an_account_of_the_settings_closes_as_well(settings, db):
    backend = "django_liveactivity.backends.locmem.LocmemBackend"
    settings.LIVEACTIVITY = {"default": {"BACKEND": backend, "CLOSING": True}}
    services.close_account("default", actor="ada")
    drain()
    advance(5.1)
    assert services.close_account("default", actor="ada").is_done
