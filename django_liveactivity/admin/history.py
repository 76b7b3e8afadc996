"""The history on a card's page: its operations, each with its attempts and operator actions."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Prefetch

from django_liveactivity.models import Attempt, LiveActivity, Operation, OperatorAction, to_datetime

SHOWN_OPERATIONS = 50


@dataclass(frozen=True)
class Entry:
    """One operation as the page shows it; JSON as indented text, "" where there is none."""

    operation: Operation
    content: str
    options: str
    attempts: Iterable[Attempt]
    operator_actions: Sequence[tuple[OperatorAction, datetime.datetime]]

    @property
    def scheduled(self) -> datetime.datetime | None:
        """The time at which a scheduled end becomes due, or None."""
        later = self.operation.due_at > self.operation.created_at
        return self.operation.due if later else None


@dataclass(frozen=True)
class History:
    """The newest operations of a card, newest first, and whether there are older ones."""

    entries: Sequence[Entry]
    is_cut: bool


def history(card: LiveActivity) -> History:
    """Return the newest 50 operations of a card, in three queries.

    Delivery keeps at most 25 attempts of an operation, so that this is bounded.
    """
    using = card._state.db
    operations = Operation.objects.using(using).filter(activity=card).order_by("-pk")
    read = operations.prefetch_related(
        Prefetch("attempts", Attempt.objects.using(using).order_by("-number")),
        Prefetch("operator_actions", OperatorAction.objects.using(using).order_by("-pk")),
    )[: SHOWN_OPERATIONS + 1]
    entries = [_entry(operation) for operation in read]
    return History(entries[:SHOWN_OPERATIONS], is_cut=len(entries) > SHOWN_OPERATIONS)


def _entry(operation: Operation) -> Entry:
    return Entry(
        operation,
        content=_pretty(operation.content),
        options=_pretty(operation.options),
        attempts=operation.attempts.all(),
        operator_actions=[
            (action, to_datetime(action.created_at)) for action in operation.operator_actions.all()
        ],
    )


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) if value else ""
