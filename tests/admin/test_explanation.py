"""The explanation of a card's state: each sentence by value, and the rows that it reads."""

from __future__ import annotations

from typing import Any

import pytest

from django_liveactivity import Progress, services
from django_liveactivity.admin.accounts import (
    account_sentence,
    read_accounts,
    silence,
    troubled_accounts,
)
from django_liveactivity.admin.explanation import Facts, explain, explanations, vendor_words
from django_liveactivity.delivery import sweep
from django_liveactivity.health import AccountStatus, Condition
from django_liveactivity.models import (
    AccountState,
    Attempt,
    LiveActivity,
    Now,
    Operation,
    OperatorAction,
)
from django_liveactivity.selectors import is_closed
from django_liveactivity.testing import deliver
from tests.clock import advance

NOW = 1_900_000_000_000
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
FORBIDDEN = '{"error": "Forbidden", "message": "This activity belongs to another account."}'


def card(status: str = "live", **columns: Any) -> LiveActivity:
    made = LiveActivity(
        pk=1, account="default", status=status, created_at=NOW - 3 * HOUR, stream_key="a", **columns
    )
    made.is_closed = False
    return made


def end(
    state: str = "pending", due: int = -4 * MINUTE, next_try: int = 12 * SECOND, **columns: Any
):
    return Operation(
        pk=7, kind="end", state=state, due_at=NOW + due, next_try_at=NOW + next_try, **columns
    )


def content(next_try: int = 12 * SECOND, **columns: Any):
    return Operation(
        pk=6, kind="stream", state="pending", due_at=NOW, next_try_at=NOW + next_try, **columns
    )


def attempts(*answers: tuple[str, int | None], answer: str = "", error: str = "") -> list[Attempt]:
    """Return calls, the newest first."""
    return [
        Attempt(outcome=outcome, status=status, answer=answer, error=error)
        for outcome, status in answers
    ]


def account(condition: Condition = Condition.OPEN, **columns: Any) -> AccountStatus:
    return AccountStatus("default", condition, heartbeat_age=1.0, **columns)


FAILED = ("ambiguous", 500)
OPEN = account()
UNSHOWN = {"card": card("pending"), "content": content(), "account": OPEN}
LIMIT = account(Condition.LIMIT, vendor_limit=4)
SENTENCES = [
    # A due end.
    (Facts(card(), NOW, end(), account=OPEN), "has been due for 4 min and is about to be sent."),
    (
        Facts(
            card(),
            NOW,
            end(),
            attempts=attempts(*[FAILED] * 3, ("rate_limited", 429)),
            account=OPEN,
        ),
        "The end has been due for 4 min; the vendor answered 500 (3 times); next try in 12 s.",
    ),
    (
        Facts(card(), NOW, end(), attempts=attempts(("ambiguous", None)), account=OPEN),
        "The end has been due for 4 min; no answer came; next try in 12 s.",
    ),
    (
        Facts(card(), NOW, end(), attempts=attempts(("not_sent", None)), account=OPEN),
        "The end has been due for 4 min; no connection could be made; next try in 12 s.",
    ),
    (
        Facts(card(), NOW, end(acknowledged_at=NOW), account=OPEN),
        "The vendor has accepted the end; a second one confirms it in 12 s, because an earlier",
    ),
    (
        Facts(
            card(),
            NOW,
            end("needs_operator", next_try=43 * MINUTE),
            attempts=attempts(("forbidden", 403), answer=FORBIDDEN),
            account=OPEN,
        ),
        ": This activity belongs to another account. It is tried again in 43 min. Retry it when",
    ),
    (Facts(card(), NOW, end(due=2 * HOUR), account=OPEN), ", in 2 h."),
    # What holds an account up.
    (
        Facts(
            card(),
            NOW,
            end(),
            account=account(
                Condition.BLOCKED,
                condition_age=60.0,
                last_failure="unauthorized 401",
                next_call_in=40.0,
            ),
        ),
        ": the vendor refuses its key or address (unauthorized 401); next probe in 40 s.",
    ),
    (
        Facts(
            card(),
            NOW,
            end(),
            account=account(
                Condition.BLOCKED,
                condition_age=60.0,
                last_failure="ambiguous 500",
                failures=7,
                next_call_in=40.0,
            ),
        ),
        "calls in a row have failed, the last with no clear answer, HTTP 500; next probe in 40 s.",
    ),
    (
        Facts(card(), NOW, end(), account=account(Condition.FROZEN, next_call_in=20.0)),
        (
            "The vendor has asked for a pause (too many calls, or Retry-After); the account calls "
            "again in 20 s."
        ),
    ),
    (Facts(card(), NOW, end(), account=OPEN, silence="Nothing drains."), "Nothing drains."),
    (Facts(card(), NOW, end(), account=None), "LIVEACTIVITY has no account of this name any more"),
    # An end flows while the vendor asks for payment; content waits.
    (
        Facts(card(), NOW, end(), account=account(Condition.BILLING, condition_age=1.0)),
        "The end has been due for 4 min and is about to be sent.",
    ),
    (
        Facts(card("pending"), NOW, content=content(), account=LIMIT),
        "Waits: 4 cards are alive, which is the vendor's limit.",
    ),
    (
        Facts(card("pending"), NOW, content=content(), account=OPEN),
        "The card is about to be shown.",
    ),
    (
        Facts(
            card("pending"), NOW, content=content(), attempts=attempts(FAILED, FAILED), account=OPEN
        ),
        "The card is not shown yet; the vendor answered 500 (2 times); next try in 12 s.",
    ),
    # Nothing asked for.
    (Facts(card(), NOW, account=OPEN), "No end has been asked for in 3 h."),
    (
        Facts(card(), NOW, account=OPEN, deadline_at=NOW + 5 * HOUR),
        "No end has been asked for in 3 h; its time to live ends it in 5 h.",
    ),
    (Facts(card("paused"), NOW, account=OPEN), "The user has paused it on the phone"),
    (
        Facts(
            card("evicted"),
            NOW,
            account=OPEN,
            evictor_operation=Operation(activity=LiveActivity(stream_key="tests-7")),
        ),
        "The vendor ended it to make room for tests-7.",
    ),
    # Over.
    (
        Facts(
            card("ended", ended_at=NOW - MINUTE),
            NOW,
            end("done", outcome="delivered", dismiss_seconds=180),
        ),
        "Ended 1 min ago: delivered. iOS removes it within 2 min.",
    ),
    (
        Facts(
            card("ended", ended_at=NOW - MINUTE),
            NOW,
            end("done", outcome="delivered", dismiss_seconds=0),
        ),
        "Ended 1 min ago: delivered. iOS has removed it.",
    ),
    (
        Facts(card("ended", ended_at=NOW - MINUTE), NOW, end("done", outcome="never_started")),
        "Ended 1 min ago, before anything was sent.",
    ),
    (
        Facts(
            card("ended", ended_at=NOW - MINUTE, needs_attention=True),
            NOW,
            end("done", outcome="partial"),
            attempts=attempts(("partial", 200), error="device 2: BadDeviceToken"),
        ),
        "Ended 1 min ago, but not on every device: device 2: BadDeviceToken. Look at the phones",
    ),
    (
        Facts(card("failed"), NOW, attempts=attempts(("rejected", 400))),
        "The card was never shown: content refused.",
    ),
    (
        Facts(
            card(),
            NOW,
            end("given_up"),
            decision=OperatorAction(actor="ann", reason="The phone was lost."),
        ),
        "ann gave the end up: The phone was lost. The card may still be on the phones.",
    ),
    (Facts(card(), NOW, end("given_up")), "The end was given up."),
]


@pytest.mark.parametrize(("facts", "expected"), SENTENCES, ids=[text for _, text in SENTENCES])
def test_says(facts, expected):
    assert expected in explain(facts)


def test_an_old_card_has_gone_by_itself():
    old = card()
    old.created_at = NOW - 13 * HOUR
    assert explain(Facts(old, NOW, account=OPEN)) == (
        "No end was asked for in 13 h; iOS has removed the card by itself."
    )


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (1.0, ""),
        (
            360.0,
            "No worker has delivered for 6 min. Is one running: liveactivity_dispatch, Celery's",
        ),
        (None, "No worker has ever delivered here. Start one: liveactivity_dispatch, Celery's"),
    ],
)
def test_silence_is_told_by_the_age_of_the_last_sweep(age, said):
    sentence = silence(AccountStatus("default", Condition.OPEN, heartbeat_age=age))
    assert sentence[: len(said) or None] == said


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (FORBIDDEN, "", "This activity belongs to another account"),
        ("<html>", "not JSON", "not JSON"),
        ('{"message": 7}', "odd", "odd"),
        ("[]", "", ""),
        ("", "", ""),
    ],
)
def test_the_vendors_words_are_those_of_its_message(answer, error, said):
    assert vendor_words(Attempt(answer=answer, error=error)) == said


def read(**filters: Any) -> list[LiveActivity]:
    return list(LiveActivity.objects.filter(**filters).annotate(now=Now(), is_closed=is_closed()))


def show(key: str) -> LiveActivity:
    return services.stream_activity(key, Progress(title="Nightly import", percentage=40))


@pytest.fixture
def drained(db, vendor):
    sweep(lambda _: None)
    return vendor


class TestReading:
    def test_of_the_rows(self, drained):
        card = show("import-7")
        deliver()
        drained.faults = "DELETE:500@1+"
        services.end_activity(card)
        deliver()
        [sentence] = explanations(read()).values()
        assert "; the vendor answered 500; next try in " in sentence

    def test_of_who_was_evicted(self, drained):
        drained.policy.concurrent, drained.policy.evict = 1, True
        first = show("import-7")
        deliver()
        show("import-8")
        deliver()
        assert explanations(read(pk=first.pk)) == {
            first.pk: "The vendor ended it to make room for import-8."
        }

    def test_a_hundred_cards_cost_as_much_as_one(self, drained, django_assert_num_queries):
        show("import-0")
        with django_assert_num_queries(9):
            assert len(explanations(read())) == 1
        for number in range(1, 100):
            show(f"import-{number}")
        with django_assert_num_queries(9):
            assert len(explanations(read())) == 100

    def test_nothing_is_read_for_no_cards(self, db, django_assert_num_queries):
        with django_assert_num_queries(0):
            assert explanations([]) == {}


def lines(*aliases):
    return troubled_accounts(read_accounts([], aliases).values(), NOW)


class TestAccounts:
    def test_one_that_is_well_has_no_line(self, drained):
        show("import-7")
        deliver()
        assert lines("default") == []

    def test_one_that_is_blocked_has_the_vendors_words(self, drained):
        drained.policy.api_keys = ["another"]
        show("import-7")
        deliver()
        [line] = lines("default", "gone")
        assert line.alias == "default"
        assert line.can_probe
        assert "the vendor refuses its key or address (unauthorized 401); next probe in" in (
            line.sentence
        )

    def test_one_that_nothing_drains_says_so(self, drained):
        show("import-7")
        advance(360)
        [line] = lines("default")
        assert line.sentence.startswith("No worker has delivered for 6 min")
        assert not line.can_probe

    def test_an_overdue_end_is_told(self):
        status = account(is_used=True, oldest_due_end_age=600.0)
        assert account_sentence(status, NOW) == ""
        from django_liveactivity.health.status import NamedCards

        late = account(
            is_used=True, oldest_due_end_age=600.0, overdue_cards=NamedCards(2, ("a", "b"))
        )
        assert account_sentence(late, NOW) == (
            "2 cards have ends that have been due for up to 10 min."
        )

    @pytest.mark.parametrize(("number", "queries"), [(1, 4), (100, 5), (1000, 3 + 4)])
    def test_hundreds_of_accounts_cost_hardly_more_than_one(
        self, drained, settings, django_assert_num_queries, number, queries
    ):
        settings.LIVEACTIVITY = {
            f"team-{each}": settings.LIVEACTIVITY["default"] for each in range(number)
        }
        AccountState.objects.create(account="team-0", billing_since=1)
        with django_assert_num_queries(queries):
            assert [line.alias for line in lines(*settings.LIVEACTIVITY)] == ["team-0"]
