"""Ends and operators' decisions by the thousand: the same as one by one, in few statements."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from django_liveactivity import (
    Metrics,
    Progress,
    SegmentedProgress,
    Timer,
    Value,
    selectors,
    services,
)
from django_liveactivity.exceptions import ContentRequiredError, InvalidInputError
from django_liveactivity.models import (
    EndBatch,
    LiveActivity,
    Operation,
    OperatorAction,
    Source,
    lane_digest,
)
from django_liveactivity.models.base import ROWS_AT_ONCE
from django_liveactivity.services.batch import (
    CardEnd,
    choose_cards,
    confirm_batch,
    end_cards,
    find_choice,
    give_up_cards,
    retry_cards,
)
from django_liveactivity.services.writer import recorded_as
from django_liveactivity.testing import deliver
from tests.clock import advance

CONTENT = Progress(title="Order", percentage=40)
LINK = {"title": "Open", "type": "open_url", "url": "https://example.com"}
MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)
State = Operation.State
pytestmark = pytest.mark.usefixtures("db", "liveactivity_outbox")


def read(*cards: LiveActivity) -> list[LiveActivity]:
    """The cards as the service wants them, in this order."""
    by_pk = {card.pk: card for card in selectors.by_pks("default", [c.pk for c in cards])}
    return [by_pk[card.pk] for card in cards]


def end_all(*cards: LiveActivity, **asked: Any) -> list[CardEnd]:
    return end_cards(read(*cards), **{"actor": "ann", **asked})


def ends_of(card: LiveActivity) -> list[Operation]:
    return list(Operation.objects.filter(activity=card, kind="end").order_by("pk"))


def many(number: int) -> list[LiveActivity]:
    """Live cards, each with content that the vendor has acknowledged."""
    LiveActivity.objects.bulk_create(
        [
            LiveActivity(
                account="default",
                stream_key=f"many-{n}",
                lane_digest=lane_digest(stream_key=f"many-{n}"),
                title="Order",
                type="progress",
                status="live",
                created_at=1,
            )
            for n in range(number)
        ]
    )
    cards = list(LiveActivity.objects.order_by("pk"))
    Operation.objects.bulk_create(
        [
            Operation(
                activity=card,
                account="default",
                lane_digest=card.lane_digest,
                kind="stream",
                content=CONTENT.to_json(),
                due_at=1,
                created_at=1,
                state="done",
                rank=Operation.Rank.CONTENT,
            )
            for card in cards
        ]
    )
    return cards


def statements(work: Callable[[], object]) -> list[str]:
    """Return the first word of each statement that some work needs."""
    with CaptureQueriesContext(connection) as queries:
        work()
    verbs = ("SELECT", "INSERT", "UPDATE", "DELETE")
    return [q["sql"].split()[0] for q in queries if q["sql"].startswith(verbs)]


def shown(key: str) -> LiveActivity:
    card = services.stream_activity(key, CONTENT, action=LINK, tags=["a"])
    deliver()
    return card


def unsent(key: str) -> LiveActivity:
    return services.stream_activity(key, CONTENT, secondary_action=LINK, metadata={"a": 1})


def scheduled(key: str) -> LiveActivity:
    card = shown(key)
    services.end_activity(card, after=HOUR)
    return card


def ending(key: str) -> LiveActivity:
    card = shown(key)
    services.end_activity(card, dismiss_after=MINUTE, action=LINK)
    return card


def ended(key: str) -> LiveActivity:
    card = shown(key)
    services.end_activity(card)
    deliver()
    return card


def given_up(key: str) -> LiveActivity:
    card = shown(key)
    end = services.end_activity(card)
    services.give_up_operation(end, actor="bob", reason="Later.")
    deliver()
    return card


def shown_again(key: str) -> LiveActivity:
    ended(key)
    return shown(key)


def shown_after_a_late_end(key: str) -> LiveActivity:
    card = scheduled(key)
    advance(3_700)
    return services.stream_activity(card.stream_key, CONTENT)


def adopted(key: str) -> LiveActivity:
    return services.end_activity(stream_key=key).activity


def tracked(key: str) -> LiveActivity:
    return services.track_activity(f"id-{key}", Timer(title="Run", is_running=True))


def tracked_and_ended(key: str) -> LiveActivity:
    card = tracked(key)
    services.end_activity(card)
    return card


def unknown(key: str) -> LiveActivity:
    """A card that was started elsewhere, of which only content is known that was refused."""
    card = services.track_activity(f"id-{key}", Value(title="Deploy", value=1))
    Operation.objects.filter(activity=card).update(state="failed")
    return card


MAKERS = [
    *(shown, unsent, scheduled, ending, ended, given_up, shown_again, shown_after_a_late_end),
    *(adopted, tracked, tracked_and_ended, unknown),
]
ASKED: list[dict[str, Any]] = [
    {},
    {"dismiss_after": MINUTE},
    {"dismiss_after": None},
    {"after": HOUR},
    {"at": dt.datetime(2040, 1, 1, tzinfo=dt.UTC)},
    {"action": LINK},
    {"action": LINK, "dismiss_after": MINUTE},
    {"secondary_action": LINK},
    {"alert": {"title": "Over"}},
]


def became(work: Callable[[], Operation | CardEnd], card: LiveActivity) -> object:
    """What was inserted, or stood, or was refused, without what differs from card to card."""
    before = {end.pk for end in ends_of(card)}
    try:
        work()
    except InvalidInputError as error:
        return str(error)
    columns = (
        "content",
        "options",
        "dismiss_seconds",
        "rank",
        "source",
        "actor",
        "reason",
        "state",
    )
    new = [end for end in ends_of(card) if end.pk not in before]
    return [
        [getattr(end, name) for name in columns]
        + [round((end.due_at - end.created_at) / 1000), abs(end.next_try_at - end.due_at) < 1000]
        + [end.account == card.account, end.lane_digest == card.lane_digest]
        for end in new
    ]


class TestTheSameAsOneByOne:
    @pytest.mark.parametrize("asked", ASKED, ids=lambda asked: "-".join(asked) or "plain")
    @pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
    def test_an_end_in_a_batch_is_an_end_by_itself(self, make, asked):
        who = {"actor": "ann", "reason": "Night"}

        def in_a_batch() -> CardEnd:
            (end,) = end_all(other, **who, **asked)
            if end.error:
                raise end.error
            return end

        one = make("one")
        alone = became(lambda: services.end_activity(one, **who, **asked), one)
        other = make("other")
        together = became(in_a_batch, other)

        if "at" in asked and isinstance(alone, list):  # the distance to a fixed time
            for end in (*alone, *together):
                end[8] = end[8] > 0
        assert together == alone

    def test_the_end_that_stands_is_returned(self):
        card = ending("order-1")
        (end,) = end_all(card)
        assert end.standing == ends_of(card)[0]
        assert not end.is_new

    def test_the_end_that_stands_may_be_of_another_row_of_the_key(self):
        from tests.delivery.test_regressions import twin_of

        card = shown("order-1")
        twin = twin_of(card)
        standing = services.end_activity(card)
        (end,) = end_all(twin)
        assert end.standing == standing

    def test_its_default_dismissal_is_that_of_its_account(self, settings):
        one, other = shown("order-1"), shown("order-2")
        LiveActivity.objects.filter(pk=other.pk).update(account="other")
        Operation.objects.filter(activity=other).update(account="other")
        backend = "django_liveactivity.backends.locmem.LocmemBackend"
        settings.LIVEACTIVITY = {
            "default": {"BACKEND": backend, "OPTIONS": {"dismiss_after": MINUTE}},
            "other": {"BACKEND": backend, "OPTIONS": {"dismiss_after": 2 * MINUTE}},
        }
        end_all(one, other)
        ends = [ends_of(card)[0] for card in (one, other)]
        assert [(end.account, end.dismiss_seconds) for end in ends] == [
            ("default", 60),
            ("other", 120),
        ]

    def test_it_says_who_where_and_why_and_in_which_batch(self):
        card = shown("order-1")
        batch = choose_cards([card.pk], using="default", actor="ann")
        with recorded_as(Source.ADMIN):
            end_all(card, batch=batch, reason="Night")
        (end,) = ends_of(card)
        assert (end.source, end.actor, end.reason) == ("admin", "ann", "Night")
        assert end.batch == batch

    def test_it_is_delivered(self, liveactivity_outbox):
        cards = [shown("order-1"), unsent("order-2"), tracked("x")]
        end_all(*cards)
        deliver()
        assert {call.target for call in liveactivity_outbox if "end" in call.endpoint} == {
            "order-1",
            "id-x",
        }
        assert {card.status for card in LiveActivity.objects.all()} == {"ended"}

    def test_each_account_is_woken_once_on_commit(
        self, settings, django_capture_on_commit_callbacks
    ):
        backend = "django_liveactivity.backends.locmem.LocmemBackend"
        dispatcher = "tests.services.test_batch.note_wake"
        account = {"BACKEND": backend, "DISPATCHER": dispatcher}
        cards = [shown(f"order-{n}") for n in range(4)]
        half = [card.pk for card in cards[:2]]
        LiveActivity.objects.filter(pk__in=half).update(account="other")
        Operation.objects.filter(activity__in=half).update(account="other")
        settings.LIVEACTIVITY = {"default": account, "other": account}
        woken.clear()
        with django_capture_on_commit_callbacks(execute=True):
            end_all(*cards)
            assert woken == []
        assert sorted(woken) == ["default", "other"]


woken: list[str] = []


def note_wake(alias: str) -> None:
    woken.append(alias)


class TestRefusals:
    def test_a_card_of_unknown_content_stops_no_other(self):
        cards = [shown("order-1"), unknown("x"), shown("order-2")]
        ends = end_all(*cards)
        assert [end.is_new for end in ends] == [True, False, True]
        assert isinstance(ends[1].error, ContentRequiredError)
        assert [len(ends_of(card)) for card in cards] == [1, 0, 1]

    def test_a_card_of_an_account_that_was_removed_stops_no_other(self):
        gone, card = shown("order-1"), shown("order-2")
        LiveActivity.objects.filter(pk=gone.pk).update(account="gone")
        ends = end_all(gone, card)
        assert "has no account 'gone'" in str(ends[0].error)
        assert ends[1].is_new

    @pytest.mark.django_db(databases=["default", "other"])
    def test_a_card_whose_account_has_moved_to_another_database_is_refused(self, settings):
        card = shown("order-1")
        account = settings.LIVEACTIVITY["default"]
        settings.LIVEACTIVITY = {"default": account | {"DATABASE": "other"}}
        (end,) = end_all(card)
        assert str(end.error) == "account: The rows of 'default' are in another database by now."
        assert not Operation.objects.filter(kind="end").exists()

    @pytest.mark.parametrize(("days", "stands"), [(28.9, True), (29.1, False)])
    def test_a_card_that_is_soon_pruned_is_refused(self, days, stands):
        card = ended("order-1")
        advance(days * 24 * 3600)
        (end,) = end_all(card)
        assert (end.standing is not None) is stands
        assert (end.error is None) is stands

    @pytest.mark.parametrize(
        ("path", "asked"),
        [
            ("actor", {"actor": "a" * 256}),
            ("actor", {"actor": None}),
            ("reason", {"reason": "a\0b"}),
            ("at", {"at": dt.datetime(2040, 1, 1, tzinfo=dt.UTC), "after": HOUR}),
            ("after", {"after": -HOUR}),
        ],
    )
    def test_what_is_wrong_for_all_raises(self, path, asked):
        with pytest.raises(InvalidInputError, match=f"^{path}: "):
            end_all(shown("order-1"), **asked)

    def test_what_is_wrong_for_a_card_is_told_of_the_card(self):
        cards = [shown("order-1"), services.track_activity("x", Metrics(title="M", metrics=ONE))]
        ends = end_all(*cards, secondary_action=LINK)
        assert ends[0].is_new
        assert str(ends[1].error).startswith("secondary_action: is not shown on metrics")

    def test_nothing_is_asked_of_nothing(self):
        assert statements(lambda: end_cards([], actor="ann")) == []


ONE = [{"label": "Load", "value": 1}]


class TestChanges:
    """What the ended cards show in common, whatever their type."""

    @pytest.mark.parametrize(
        "content",
        [
            CONTENT,
            SegmentedProgress(title="Deploy", number_of_steps=4, current_step=2),
            Metrics(title="Load", metrics=ONE),
            Value(title="Doors", value=3, subtitle="open"),
            Timer(title="Run", duration_seconds=60),
        ],
        ids=lambda content: content.type,
    )
    def test_replace_fields_and_leave_the_others(self, content):
        card = services.stream_activity("order-1", content)
        end_all(card, changes={"title": "Over", "color": "red"})
        assert ends_of(card)[0].content == content.to_json() | {"title": "Over", "color": "red"}

    def test_keep_what_the_newest_content_had_beside_it(self):
        card = services.stream_activity(
            "order-1", CONTENT, action=LINK, tags=["a"], channels=["ops"], alert={"title": "!"}
        )
        end_all(card, changes={"subtitle": "Over"})
        assert ends_of(card)[0].options == {"action": LINK, "tags": ["a"]}

    def test_leave_the_way_to_a_button_of_this_end(self):
        card = shown("order-1")
        other = LINK | {"title": "Close"}
        end_all(card, changes={"subtitle": "Over"}, action=other)
        assert ends_of(card)[0].options["action"] == other

    def test_with_a_title_are_enough_for_a_card_of_unknown_content(self):
        card = unknown("x")
        end_all(card, changes={"title": "Over"})
        assert ends_of(card)[0].content == {"title": "Over"}

    def test_without_a_title_are_not(self):
        card = unknown("x")
        (end,) = end_all(card, changes={"subtitle": "Over"})
        assert isinstance(end.error, ContentRequiredError)

    def test_that_are_wrong_are_told_of_the_card(self):
        (end,) = end_all(shown("order-1"), changes={"color": "pink"})
        assert str(end.error).startswith("color: ")

    def test_ask_for_something_else_than_the_end_that_stands(self):
        card = ending("order-1")
        (end,) = end_all(card, changes={"title": "Over"})
        assert end.is_new


class TestStatements:
    """A few for each 500 cards, and none for each card."""

    @pytest.mark.long
    def test_open_cards_need_one_read_for_each_500_beside_the_inserts(self):
        cards = many(1_000)
        found = statements(lambda: end_cards(read(*cards), actor="ann"))
        assert found.count("SELECT") == 2
        assert_inserts(found, Operation, 1_000)
        assert Operation.objects.filter(kind="end").count() == 1_000

    @pytest.mark.long
    def test_ending_cards_need_two_more_reads_for_each_500(self):
        cards = many(1_000)
        end_cards(read(*cards), actor="ann")
        asked = {"dismiss_after": MINUTE}
        found = statements(lambda: end_cards(read(*cards), actor="ann", **asked))
        assert found.count("SELECT") == 6
        assert_inserts(found, Operation, 1_000)

    def test_those_of_several_accounts_go_in_one_insert(self, settings):
        cards = many(20)
        half = [card.pk for card in cards[:10]]
        LiveActivity.objects.filter(pk__in=half).update(account="other")
        Operation.objects.filter(activity__in=half).update(account="other")
        account = settings.LIVEACTIVITY["default"]
        settings.LIVEACTIVITY = {"default": account, "other": account}
        found = statements(lambda: end_all(*cards))
        assert found == ["SELECT", "INSERT"]
        assert set(Operation.objects.filter(kind="end").values_list("account", flat=True)) == {
            "default",
            "other",
        }

    def test_a_choice_of_many_is_one_insert(self):
        found = statements(lambda: choose_cards(range(1, 40_000, 2), using="default", actor="ann"))
        assert found == ["INSERT"]

    @pytest.mark.long
    @pytest.mark.parametrize("decide", [retry_cards, give_up_cards])
    def test_a_thousand_decisions_need_one_read_beside_the_inserts(self, decide):
        cards = many(1_000)
        end_cards(read(*cards), actor="ann")
        found = statements(lambda: decide(cards, actor="ann", reason="Night"))
        assert found.count("SELECT") == 1
        assert_inserts(found, OperatorAction, 1_000)
        assert OperatorAction.objects.count() == 1_000


def assert_inserts(found: Sequence[str], model: type[Any], rows: int) -> None:
    """An INSERT for each 500 rows, or for as many as SQLite's limit of parameters allows."""
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    most = min(ROWS_AT_ONCE, connection.ops.bulk_batch_size(fields, range(rows)))
    assert found.count("INSERT") == -(-rows // most)
    assert connection.vendor == "sqlite" or most == ROWS_AT_ONCE
    assert not {"UPDATE", "DELETE"} & {*found}


class TestChoices:
    @pytest.mark.parametrize(
        ("ids", "ranges"),
        [
            ([7], [[7, 7]]),
            ([1, 2, 3], [[1, 3]]),
            ([9, 1, 3, 2, 8, 5], [[1, 3], [5, 5], [8, 9]]),
        ],
    )
    def test_hold_exactly_these_cards(self, ids, ranges):
        batch = choose_cards(ids, using="default", actor="ann")
        batch = EndBatch.objects.get(pk=batch.pk)
        assert batch.ranges == ranges
        assert batch.card_ids == sorted(ids)
        assert (batch.actor, batch.ended_at) == ("ann", None)

    def test_are_the_operator_s_own(self):
        number = choose_cards([1], using="default", actor="ann").pk
        found = find_choice(number, using="default", actor="ann")
        assert found is not None
        assert found.pk == number
        assert find_choice(number, using="default", actor="bob") is None
        assert find_choice(number + 1, using="default", actor="ann") is None
        assert find_choice(2**63, using="default", actor="ann") is None

    def test_can_be_confirmed_once(self):
        batch = choose_cards([1], using="default", actor="ann")
        other = choose_cards([1], using="default", actor="ann")
        assert [confirm_batch(batch), confirm_batch(batch)] == [True, False]
        batch.refresh_from_db()
        other.refresh_from_db()
        assert batch.ended_at >= batch.created_at
        assert other.ended_at is None

    def test_can_be_confirmed_again_if_the_ends_were_rolled_back(self):
        batch = choose_cards([1], using="default", actor="ann")
        with pytest.raises(DatabaseError), transaction.atomic():
            confirm_batch(batch)
            raise DatabaseError("deadlock")
        assert confirm_batch(batch)


class TestDecisions:
    def test_are_taken_on_each_unfinished_operation_that_is_due(self):
        other, later, done = (shown(f"order-{n}") for n in (2, 3, 4))
        card = unsent("order-1")
        services.end_activity(card)
        services.end_activity(other)
        services.end_activity(later, after=HOUR)
        decisions = retry_cards([card, other, later, done], actor="ann", reason="Night")
        assert [(d.decided, d.scheduled) for d in decisions] == [(2, 0), (1, 0), (0, 1), (0, 0)]
        actions = list(OperatorAction.objects.order_by("pk"))
        assert {(a.kind, a.actor, a.reason, a.account) for a in actions} == {
            ("retry", "ann", "Night", "default")
        }
        assert {a.operation.activity_id for a in actions} == {card.pk, other.pk}

    def test_to_give_up_are_taken_on_scheduled_ends_too(self):
        card = scheduled("order-1")
        (decision,) = give_up_cards([card], actor="ann", reason="Night")
        deliver()
        assert decision.decided == 1
        assert ends_of(card)[0].state == "given_up"

    def test_on_a_card_of_an_account_that_was_removed_are_refused(self):
        gone, card = unsent("order-1"), unsent("order-2")
        LiveActivity.objects.filter(pk=gone.pk).update(account="gone")
        cards = list(LiveActivity.objects.order_by("pk"))
        decisions = retry_cards(cards, actor="ann")
        assert "has no account 'gone'" in str(decisions[0].error)
        assert decisions[1].decided == 1
        assert OperatorAction.objects.get().operation.activity == card

    @pytest.mark.parametrize(("reason", "is_given"), [("", False), ("  ", False), ("Night", True)])
    def test_to_give_up_need_a_reason(self, reason, is_given):
        refused = pytest.raises(InvalidInputError, match="^reason: Say why")
        with nullcontext() if is_given else refused:
            give_up_cards([ending("order-1")], actor="ann", reason=reason)

    def test_need_an_actor(self):
        with pytest.raises(InvalidInputError, match="^actor: Say who decides"):
            retry_cards([ending("order-1")], actor="")

    def test_are_none_without_cards(self):
        assert retry_cards([], actor="ann") == []
