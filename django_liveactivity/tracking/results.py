"""What came of comparing many objects with their cards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from django_liveactivity.models import Subject


@dataclass(frozen=True)
class Change:
    """One thing that a card needed: to be shown, updated or ended."""

    kind: Literal["show", "update", "end"]
    subject: Subject
    card: str

    def __str__(self) -> str:
        return " ".join(filter(None, (self.kind, self.card, f"({' '.join(self.subject)})")))


@dataclass(frozen=True)
class BatchResult:
    """What came of one batch.

    Args:
        examined: how many objects, or cards without one, were looked at.
        changes: what was done, or, in a dry run, would have been.
        busy: objects that somebody else was writing: that save is followed by itself.
        failed: objects whose hooks raised, or all of a batch that the database refused.
    """

    examined: int
    changes: Sequence[Change] = ()
    busy: int = 0
    failed: int = 0


@dataclass
class SyncResult:
    """How many objects were looked at, and what came of it."""

    examined: int = 0
    shown: int = 0
    updated: int = 0
    ended: int = 0
    busy: int = 0
    failed: int = 0

    def add(self, batch: BatchResult) -> None:
        """Add what came of one batch."""
        kinds = [change.kind for change in batch.changes]
        self.examined += batch.examined
        self.shown += kinds.count("show")
        self.updated += kinds.count("update")
        self.ended += kinds.count("end")
        self.busy += batch.busy
        self.failed += batch.failed
