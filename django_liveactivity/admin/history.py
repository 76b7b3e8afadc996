"""The history on a card's page: its operations, each with its attempts and operator actions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Prefetch

from django_liveactivity.models import Attempt, LiveActivity, Operation, OperatorAction

SHOWN_OPERATIONS = 50


@dataclass(frozen=True)
class Entry:
    """One operation as the page shows it; JSON as indented text, "" where there is none."""

    operation: Operation
    content: str
    options: str


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
    entries = [Entry(each, _pretty(each.content), _pretty(each.options)) for each in read]
    return History(entries[:SHOWN_OPERATIONS], is_cut=len(entries) > SHOWN_OPERATIONS)


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) if value else ""
