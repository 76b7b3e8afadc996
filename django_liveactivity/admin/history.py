"""The timeline on a card's page: its operations, their calls, and operators' decisions."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Prefetch
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from django_liveactivity.models import Attempt, LiveActivity, Operation, OperatorAction

from .labels import CALLS, ago_text, duration, outcome_words, time_tag

SHOWN_OPERATIONS = 50


@dataclass(frozen=True)
class Call:
    """One attempt as the page shows it."""

    attempt: Attempt
    name: str
    after: SafeString
    outcome: str
    answer: str


@dataclass(frozen=True)
class Decision:
    """One operator action as the page shows it."""

    action: OperatorAction
    ago: SafeString


@dataclass(frozen=True)
class Entry:
    """One operation as the page shows it; JSON as indented text, "" where there is none."""

    operation: Operation
    ago: SafeString
    outcome: str
    due: SafeString | str
    content: str
    options: str
    calls: Sequence[Call]
    decisions: Sequence[Decision]


@dataclass(frozen=True)
class History:
    """The newest operations of a card, newest first, and whether there are older ones."""

    entries: Sequence[Entry]
    is_cut: bool


def history(card: LiveActivity, now: int) -> History:
    """Return the newest 50 operations of a card, in three queries.

    Delivery keeps at most 25 attempts of an operation, so that this is bounded.

    Args:
        card: its row.
        now: the database's clock, in milliseconds.
    """
    using = card._state.db
    operations = Operation.objects.using(using).filter(activity=card).order_by("-pk")
    read = operations.prefetch_related(
        Prefetch("attempts", Attempt.objects.using(using).order_by("-number")),
        Prefetch("operator_actions", OperatorAction.objects.using(using).order_by("-pk")),
    )[: SHOWN_OPERATIONS + 1]
    entries = [_entry(each, now) for each in read]
    return History(entries[:SHOWN_OPERATIONS], is_cut=len(entries) > SHOWN_OPERATIONS)


def _entry(operation: Operation, now: int) -> Entry:
    return Entry(
        operation,
        ago=ago(operation.created_at, now),
        outcome=outcome_words(operation.outcome),
        due=_due(operation, now) if operation.is_scheduled else "",
        content=_pretty(operation.content),
        options=_pretty(operation.options),
        calls=[_call(attempt, operation) for attempt in operation.attempts.all()],
        decisions=[
            Decision(action, ago(action.created_at, now))
            for action in operation.operator_actions.all()
        ],
    )


def _call(attempt: Attempt, operation: Operation) -> Call:
    """Return a call; its time counts from when its operation became due."""
    wait = {"duration": duration(max(0, attempt.started_at - operation.due_at))}
    outcome = outcome_words(attempt.outcome) or _("open: may have been sent")
    after = time_tag(attempt.started_at, _("after %(duration)s") % wait)
    name = str(CALLS.get(attempt.endpoint, attempt.endpoint))
    return Call(attempt, name, after, outcome, _indented(attempt.answer))


def _due(operation: Operation, now: int) -> SafeString:
    left = operation.due_at - now
    text = _("in %(duration)s") % {"duration": duration(left)} if left > 0 else ago_text(-left)
    return time_tag(operation.due_at, text)


def ago(milliseconds: int, now: int) -> SafeString:
    """Return how long ago a time was, as a ``<time>`` element."""
    return time_tag(milliseconds, ago_text(now - milliseconds))


def _indented(answer: str) -> str:
    """Return an answer as indented JSON, or as it is."""
    try:
        return _pretty(json.loads(answer)) or answer
    except ValueError:
        return answer


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) if value else ""
