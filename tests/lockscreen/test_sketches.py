"""What is drawn is what the phone shows, now and after its end: asked of the sandbox's phone."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from django_liveactivity import Progress, SegmentedProgress, Timer, services
from django_liveactivity.lockscreen import CardState, SketchedCard
from django_liveactivity.models import Attempt, LiveActivity, Operation, with_now
from django_liveactivity.sketches import EndSketch, sketch, sketches, sketches_at_end
from django_liveactivity.sketches.rows import REMEMBERED, read_rows
from tests.clock import advance
from tests.delivery.vocabulary import deliver, progress

from .samples import ROLL_BACK, SEVEN, SHORTCUT

MINUTE = dt.timedelta(minutes=1)
KEY = "order-42"
BUTTONS = {"action": SHORTCUT, "secondary_action": ROLL_BACK}
TYPES = sorted(SEVEN)
# What a later content, and a final one, have that the first did not.
LATER: dict[str, dict[str, Any]] = {
    "progress": {"percentage": 80},
    "segmented_progress": {"current_step": 4, "number_of_steps": 6},
    "metrics": {"metrics": [{"label": "CPU", "value": 1}]},
    "stats": {"metrics": [{"label": "Orders", "value": "38"}]},
    "alert": {"message": "Ann has fixed it."},
    "timer": {"is_running": False},
    "value": {"value": 6.5},
}
FINAL: dict[str, dict[str, Any]] = {
    "progress": {"value": 19, "upper_limit": 20},
    "segmented_progress": {"current_step": 5},
    "metrics": {"metrics": [{"label": "CPU", "value": 0}]},
    "stats": {"metrics": [{"label": "Orders", "value": 40}]},
    "alert": {"message": "It is over.", "color": "green"},
    "timer": {"subtitle": "Baked"},
    "value": {"value": "6 m"},
}


def content(kind: str) -> dict[str, Any]:
    return dict(SEVEN[kind].content)


def later(kind: str) -> dict[str, Any]:
    """Newer content, with fewer of the fields that are kept anyway."""
    return {"type": kind, "title": "Order 42, later"} | LATER[kind]


def final(kind: str) -> dict[str, Any]:
    return {"title": "Order 42, done"} | FINAL[kind]


def buttons(kind: str) -> dict[str, Any]:
    second = kind not in ("metrics", "stats", "timer")
    return BUTTONS if second else {"action": SHORTCUT}


def now() -> int:
    """The database's clock."""
    return with_now(LiveActivity.objects.all())[0].now


def fresh(card: LiveActivity) -> LiveActivity:
    return LiveActivity.objects.get(pk=card.pk)


def at_end(card: LiveActivity, *end: Any) -> SketchedCard:
    return sketches_at_end([fresh(card)], EndSketch(*end))[card.pk]


def shown(drawn: SketchedCard) -> dict[str, Any]:
    return {
        "content": dict(drawn.content),
        "action": drawn.action,
        "secondary_action": drawn.secondary_action,
    }


def on_phone(vendor, which: str = "alive") -> dict[str, Any]:
    (card,) = vendor.phone()[which]
    return {name: card[name] for name in ("content", "action", "secondary_action")}


def phone_stays(vendor) -> float:
    (card,) = vendor.phone()["ended"]
    ended, gone = (dt.datetime.fromisoformat(card[n]) for n in ("ended_at", "dismiss_at"))
    return (gone - ended).total_seconds()


@pytest.fixture(params=TYPES)
def kind(request) -> str:
    return request.param


@pytest.fixture
def card(vendor, kind) -> LiveActivity:
    """A card of each type, on the phone."""
    row = services.stream_activity(KEY, content(kind), **buttons(kind))
    deliver()
    return row


class TestNow:
    def test_the_phone_shows_the_first_content(self, vendor, card):
        assert shown(sketch(fresh(card))) == on_phone(vendor)
        assert sketch(fresh(card)).state == CardState.LIVE

    def test_the_phone_shows_newer_content_with_what_it_keeps(self, vendor, card, kind):
        services.stream_activity(KEY, later(kind))
        assert shown(sketch(fresh(card))) == on_phone(vendor), "it is not sent yet"
        deliver()
        assert shown(sketch(fresh(card))) == on_phone(vendor)
        assert sketch(fresh(card)).content["title"] == "Order 42, later"


# How a card ends: what is asked for, and whether newer content waits to be sent.
ENDS = {
    "as it is": lambda kind: ((), False),
    "with content that was never sent": lambda kind: ((), True),
    "with final content": lambda kind: ((final(kind),), False),
    "with final content over content that was never sent": lambda kind: ((final(kind),), True),
    "with a dismissal": lambda kind: ((None, None, 600), False),
    "with buttons": lambda kind: ((None, {"action": ROLL_BACK}, 90), True),
}


@pytest.mark.parametrize("way", ENDS)
def test_the_ended_card_shows_what_was_sketched(vendor, card, kind, way):
    asked, waits = ENDS[way](kind)
    if waits:
        services.stream_activity(KEY, later(kind))
    before = at_end(card, *asked)
    body, options, seconds = (*asked, None, None, None)[:3]
    also = {} if seconds is None else {"dismiss_after": dt.timedelta(seconds=seconds)}
    services.end_activity(card, body, **(options or {}), **also)
    waiting = at_end(card)
    deliver()
    stays = phone_stays(vendor)
    assert shown(before) == on_phone(vendor, "ended") == shown(waiting)
    assert before.removed_in == stays == waiting.removed_in
    assert before.state == CardState.ENDED == waiting.state
    now = sketch(fresh(card))
    assert shown(now) == on_phone(vendor, "ended")
    assert now.state == CardState.ENDED
    assert stays - 5 < now.removed_in <= stays
    advance(stays + 1)
    assert sketch(fresh(card)).removed_in == 0


class TestACardThatWasStartedElsewhere:
    @pytest.fixture
    def card(self, vendor, kind):
        vendor.start_elsewhere("pLAr-1", kind)
        row = services.track_activity("pLAr-1", content(kind), **buttons(kind))
        deliver()
        return row

    def test_is_drawn_as_the_phone_shows_it(self, vendor, card, kind):
        assert shown(sketch(fresh(card))) == on_phone(vendor)
        update = {k: v for k, v in later(kind).items() if k != "number_of_steps"}
        services.track_activity("pLAr-1", update)
        deliver()
        assert shown(sketch(fresh(card))) == on_phone(vendor)

    def test_ends_as_it_was_sketched(self, vendor, card, kind):
        before = at_end(card, final(kind), None, 90)
        services.end_activity(card, final(kind), dismiss_after=1.5 * MINUTE)
        deliver()
        assert shown(before) == on_phone(vendor, "ended") == shown(sketch(fresh(card)))
        assert before.removed_in == phone_stays(vendor) == 120, "whole minutes"

    def test_stays_for_three_minutes_by_default(self, vendor, card):
        before = at_end(card)
        services.end_activity(card)
        deliver()
        assert before.removed_in == phone_stays(vendor) == 180
        assert shown(before) == on_phone(vendor, "ended")


@pytest.fixture
def live(vendor) -> LiveActivity:
    """A card that shows 40 %."""
    row = services.stream_activity(KEY, progress(40))
    deliver()
    return row


@pytest.mark.parametrize("fault", ["500", "ignored", "400", "reset"])
def test_content_that_the_phone_does_not_show_is_not_drawn(vendor, live, fault):
    before = on_phone(vendor)
    vendor.faults = f"PUT:{fault}@1"
    services.stream_activity(KEY, progress(90))
    deliver()
    assert shown(sketch(fresh(live))) == before == on_phone(vendor)


class TestWhichEnd:
    def test_the_accounts_dismissal_is_the_default(self, configure, live):
        configure(dismiss_after=10 * MINUTE)
        assert at_end(live).removed_in == 600
        assert at_end(live, progress(100)).removed_in == 600
        assert at_end(live, None, None, 0).removed_in == 0

    def test_of_an_account_that_is_gone_it_is_the_vendors(self, settings, live):
        settings.LIVEACTIVITY = {"other": settings.LIVEACTIVITY["default"]}
        assert at_end(live).removed_in == 120

    def test_one_that_waits_is_drawn_with_what_it_was_asked_for(self, live):
        services.end_activity(live, progress(99), dismiss_after=MINUTE)
        assert at_end(live).content["percentage"] == 99
        assert at_end(live).removed_in == 60

    def test_one_that_waits_and_a_new_one_are_merged_as_delivery_does(self, vendor, live):
        services.end_activity(live, progress(99), dismiss_after=MINUTE)
        before = at_end(live, None, None, 300)
        services.end_activity(live, dismiss_after=5 * MINUTE)
        deliver()
        assert shown(before) == on_phone(vendor, "ended")
        assert before.removed_in == phone_stays(vendor) == 300

    def test_a_scheduled_one_is_drawn_unless_another_is_asked_for(self, live):
        services.end_activity(live, progress(99), after=5 * MINUTE)
        assert at_end(live).content["percentage"] == 99
        assert at_end(live, None, {}).content["percentage"] == 40

    def test_a_scheduled_one_that_was_moved_or_cancelled_is_not(self, live):
        services.end_activity(live, progress(98), after=5 * MINUTE)
        services.end_activity(live, progress(99), after=9 * MINUTE)
        assert at_end(live).content["percentage"] == 99
        services.keep_activity(live)
        assert at_end(live).content["percentage"] == 40
        advance(3600)
        assert at_end(live).content["percentage"] == 40

    def test_our_own_classes_are_taken(self, live):
        assert at_end(live, Progress(title="Done", percentage=100)).content == {
            "type": "progress",
            "title": "Done",
            "percentage": 100,
        }

    def test_an_end_that_the_vendor_refused_is_sent_with_less(self, vendor, live):
        vendor.faults = "DELETE:400@1"
        services.end_activity(live, progress(100, "Done"))
        deliver()
        drawn = at_end(live)
        deliver()
        assert shown(drawn) == on_phone(vendor, "ended") == shown(sketch(fresh(live)))

    def test_of_an_unknown_card_only_what_is_given_is_known(self):
        end = EndSketch({"title": "Maintenance"}, {"action": SHORTCUT}, 60)
        assert end.of_unknown_card() == SketchedCard(
            {"title": "Maintenance"}, SHORTCUT, state=CardState.ENDED, removed_in=60
        )


class TestStates:
    def test_a_card_that_was_never_shown_waits_with_what_it_is_meant_to_show(self, vendor):
        card = services.stream_activity(KEY, progress(40), action=SHORTCUT)
        drawn = sketch(fresh(card))
        assert (drawn.state, drawn.content["percentage"]) == (CardState.WAITING, 40)
        assert drawn.action == SHORTCUT

    def test_a_row_that_was_read_before_the_delivery_is_drawn_as_it_is_now(self, vendor):
        card = services.stream_activity(KEY, progress(40))
        assert card.status == "pending"
        deliver()
        assert sketch(card).state == CardState.LIVE
        services.end_activity(card)
        deliver()
        assert (card.status, sketch(card).state) == ("pending", CardState.ENDED)

    def test_its_end_is_never_seen(self, vendor):
        card = services.stream_activity(KEY, progress(40))
        assert at_end(card).state == CardState.HIDDEN
        services.end_activity(card)
        deliver()
        assert Operation.objects.latest("pk").outcome == "never_started"
        drawn = sketch(fresh(card))
        assert (drawn.state, drawn.content["percentage"]) == (CardState.HIDDEN, 40)

    def test_a_card_that_the_user_paused_is_hidden(self, vendor, live):
        vendor.pause(KEY)
        services.stream_activity(KEY, progress(50))
        deliver()
        assert sketch(fresh(live)).state == CardState.HIDDEN
        assert at_end(live).state == CardState.HIDDEN

    def test_a_card_that_the_vendor_refused_is_hidden(self, vendor):
        vendor.faults = "PUT:400@1"
        card = services.stream_activity(KEY, progress(40))
        deliver()
        drawn = sketch(fresh(card))
        assert (drawn.state, drawn.content["percentage"]) == (CardState.HIDDEN, 40)

    def test_a_card_that_made_room_is_hidden(self, vendor, live):
        LiveActivity.objects.update(status="evicted")
        assert sketch(fresh(live)).state == CardState.HIDDEN

    def test_a_card_of_yesterday_is_hidden(self, live):
        advance(12 * 3600 + 1)
        assert sketch(fresh(live)).state == CardState.HIDDEN

    def test_a_card_of_which_only_its_key_is_known(self, vendor):
        end = services.end_activity(stream_key="elsewhere")
        drawn = sketch(end.activity)
        assert (drawn.state, drawn.content) == (CardState.WAITING, {})
        assert at_end(end.activity).state == CardState.ENDED

    def test_a_card_that_had_ended_before_shows_what_it_showed(self, vendor, live):
        vendor.dismiss(KEY)
        services.end_activity(live, progress(100))
        deliver()
        assert Operation.objects.latest("pk").outcome == "already_ended"
        drawn = sketch(fresh(live))
        assert drawn.state == CardState.ENDED
        assert drawn.content["percentage"] == 40
        assert drawn.removed_in is None

    def test_the_next_card_of_a_key_is_another_one(self, vendor, live):
        services.end_activity(live, progress(100))
        deliver()
        again = services.stream_activity(KEY, progress(1))
        deliver()
        drawn = sketches([fresh(live), fresh(again)])
        assert drawn[live.pk].content["percentage"] == 100
        assert drawn[again.pk].content["percentage"] == 1

    def test_two_rows_of_one_key_are_one_card(self, vendor):
        """Two hosts showed it at once; neither saw the other's row."""
        first = services.stream_activity(KEY, progress(40))
        other = services.stream_activity("temporary", progress(60))
        lane = {"lane_digest": first.lane_digest}
        LiveActivity.objects.filter(pk=other.pk).update(stream_key=KEY, **lane)
        Operation.objects.filter(activity=other).update(**lane)
        both = sketches([fresh(first), fresh(other)])
        assert [card.content["percentage"] for card in both.values()] == [40, 60]
        deliver()
        both = sketches([fresh(first), fresh(other)])
        assert {card.content["percentage"] for card in both.values()} == {60}
        services.end_activity(fresh(first))
        deliver()
        both = sketches([fresh(first), fresh(other)])
        assert {card.content["percentage"] for card in both.values()} == {60}
        assert {card.state for card in both.values()} == {CardState.ENDED}

    def test_content_that_the_vendor_refused_is_not_in_the_end(self, vendor, live):
        vendor.faults = "PUT:400@1"
        services.stream_activity(KEY, progress(90))
        deliver()
        services.end_activity(live, dismiss_after=10 * MINUTE)
        before = at_end(live)
        deliver()
        assert shown(before) == on_phone(vendor, "ended") == shown(sketch(fresh(live)))

    def test_content_that_committed_after_the_end_is_of_the_next_card(self, vendor):
        """On the same row: its transaction had read the card before the end was there."""
        card = services.stream_activity(KEY, Timer(title="One", duration_seconds=60))
        deliver()
        services.end_activity(card)
        deliver()
        ended = sketch(fresh(card))
        late = Operation.objects.order_by("pk").first()
        late.content = {"type": "timer", "title": "Two", "counts_down": False}
        late.pk, late.created_at = None, now()
        late.state, late.outcome, late.next_try_at = "pending", "", now()
        late.save(force_insert=True)
        assert sketch(fresh(card)).content == ended.content
        deliver()
        drawn = sketch(fresh(card))
        assert (drawn.state, drawn.content["title"]) == (CardState.LIVE, "Two")
        assert shown(drawn) == on_phone(vendor)
        assert shown(at_end(card))["content"] == late.content
        services.end_activity(stream_key=KEY, content={"title": "Three"})
        deliver()
        card = fresh(card)
        assert card.status == "ended"
        newest = max(vendor.phone()["ended"], key=lambda each: each["started_at"])
        assert sketch(card).content == newest["content"]

    def test_an_end_that_had_to_be_confirmed_counts_from_the_first(self, vendor, live):
        vendor.faults = "PUT:reset-after@1"
        services.stream_activity(KEY, progress(90))
        deliver()
        services.end_activity(live, dismiss_after=10 * MINUTE)
        deliver()
        stays = sketch(fresh(live)).removed_in
        advance(61)
        deliver()
        assert Operation.objects.get(kind="end").outcome == "already_ended"
        assert 595 < stays <= 600
        assert 534 < sketch(fresh(live)).removed_in <= 539


class TestTimers:
    def timer(self, **given: Any) -> LiveActivity:
        card = services.stream_activity("oven", Timer(title="Oven", **given))
        deliver()
        return card

    def seconds(self, card: LiveActivity) -> int | None:
        found = sketch(fresh(card)).timer_seconds
        return None if found is None else int(found)

    def test_it_runs_since_the_call_that_set_its_duration(self, vendor):
        card = self.timer(duration_seconds=300)
        advance(100)
        self.timer(subtitle="still")
        advance(20)
        assert self.seconds(card) == 120
        self.timer(duration_seconds=600)
        advance(7)
        assert self.seconds(card) == 7

    def test_a_duration_that_was_never_sent_itself_counts_from_its_heir(self, vendor):
        card = services.stream_activity("oven", Timer(title="Oven", duration_seconds=300))
        services.stream_activity("oven", Timer(title="Oven, nearly"))
        advance(50)
        deliver()
        advance(10)
        assert self.seconds(card) == 10
        assert sketch(fresh(card)).content["duration_seconds"] == 300

    def test_content_that_was_sent_again_counts_from_its_last_call(self, vendor):
        card = self.timer(duration_seconds=300)
        advance(100)
        again = Attempt.objects.get()
        again.pk, again.number, again.started_at = None, 2, now() - 30_000
        again.save(force_insert=True)
        assert self.seconds(card) == 30

    def test_a_frozen_one_stands_still_and_goes_on(self, vendor):
        card = self.timer(duration_seconds=300)
        advance(100)
        self.timer(is_running=False)
        advance(50)
        assert self.seconds(card) == 100
        self.timer(is_running=True)
        advance(20)
        assert self.seconds(card) == 120

    def test_one_that_begins_frozen_has_not_run(self, vendor):
        card = self.timer(duration_seconds=300, is_running=False)
        advance(50)
        assert self.seconds(card) == 0

    def test_an_ended_one_is_frozen_at_its_end(self, vendor):
        card = self.timer(duration_seconds=300)
        advance(100)
        assert int(at_end(card).timer_seconds) == 100
        services.end_activity(card)
        deliver()
        advance(50)
        assert self.seconds(card) == 100

    def test_a_stopwatch_counts_from_its_start(self, vendor):
        card = self.timer(counts_down=False)
        advance(30)
        self.timer(counts_down=False, subtitle="still")
        advance(30)
        assert self.seconds(card) == 60

    def test_one_that_another_program_started_has_run_for_an_unknown_time(self, vendor):
        vendor.start_elsewhere("pLAr-1", "timer")
        card = services.track_activity("pLAr-1", Timer(title="Oven"))
        deliver()
        assert self.seconds(card) is None
        services.track_activity("pLAr-1", Timer(title="Oven", duration_seconds=60))
        deliver()
        advance(5)
        assert self.seconds(card) == 5

    def test_a_card_that_became_a_timer_begins_anew(self, vendor):
        services.stream_activity("oven", Progress(title="Oven", percentage=1))
        deliver()
        advance(100)
        card = self.timer(counts_down=False)
        advance(30)
        assert self.seconds(card) == 30
        services.stream_activity(
            "oven", SegmentedProgress(title="x", current_step=1, number_of_steps=2)
        )
        deliver()
        assert self.seconds(card) is None


@pytest.mark.django_db(databases=["default", "other"])
class TestSeveralDatabases:
    """The same primary key may be of a card in each."""

    @pytest.fixture
    def cards(self, settings):
        near = settings.LIVEACTIVITY["default"]
        settings.LIVEACTIVITY = {"default": near, "far": near | {"DATABASE": "other"}}
        return [
            services.stream_activity(KEY, progress(40)),
            services.stream_activity(KEY, progress(60), account="far"),
        ]

    def test_their_cards_are_not_drawn_together(self, cards):
        for draw in (sketches, sketches_at_end):
            with pytest.raises(ValueError, match="one database at a time, not of default, other"):
                draw(cards)

    def test_each_one_s_cards_are(self, cards):
        percentages = [sketch(card).content["percentage"] for card in cards]
        assert percentages == [40, 60]


class TestCost:
    def test_a_card_costs_two_statements(self, live, django_assert_num_queries):
        card = fresh(live)
        with django_assert_num_queries(2):
            sketch(card)
        with django_assert_num_queries(2):
            sketches_at_end([card])

    def test_a_timer_and_an_ended_card_cost_three(self, vendor, live, django_assert_num_queries):
        timer = services.stream_activity("oven", Timer(title="Oven", duration_seconds=300))
        services.end_activity(live)
        deliver()
        for card in (fresh(timer), fresh(live)):
            with django_assert_num_queries(3):
                sketch(card)

    def test_many_cost_no_more(self, vendor, live, django_assert_num_queries):
        for number in range(3):
            services.stream_activity(f"t-{number}", Timer(title="Oven", duration_seconds=300))
        services.end_activity(live)
        deliver()
        cards = list(LiveActivity.objects.all())
        with django_assert_num_queries(3):
            drawn = sketches(cards)
        assert len(drawn) == 4
        with django_assert_num_queries(3):
            sketches_at_end(cards)

    def test_a_long_history_is_not_read(self, vendor, live):
        account, digest = live.account, live.lane_digest
        contents = [progress(40, f"Order {n}").to_json() for n in range(250)]
        Operation.objects.bulk_create(
            Operation(
                activity=live, account=account, lane_digest=digest, kind="stream", rank=3,
                content=each, due_at=1, created_at=1, state="superseded",
            )
            for each in contents
        )  # fmt: skip
        assert sketch(fresh(live)).content["title"] == "Order 42"
        assert at_end(live).content["title"] == "Order 249"
        assert len(read_rows([fresh(live)])[live.pk].operations) == REMEMBERED + 1

    def test_content_that_changed_nothing_does_not_push_out_what_did(self, vendor):
        card = services.stream_activity("oven", Timer(title="Oven", duration_seconds=300))
        deliver()
        first = Operation.objects.get()
        Operation.objects.bulk_create(
            Operation(
                activity=card, account=card.account, lane_digest=card.lane_digest, kind="stream",
                rank=3, content={"title": "Oven", "type": "timer"}, due_at=1,
                created_at=first.created_at + number, state="done", outcome="noop",
            )
            for number in range(150)
        )  # fmt: skip
        assert sketch(fresh(card)).content["duration_seconds"] == 300
        assert sketch(fresh(card)).timer_seconds is not None
