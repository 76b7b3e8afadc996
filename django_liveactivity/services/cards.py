"""A card for the time of a ``with`` block."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, transaction

from django_liveactivity import conf
from django_liveactivity.content import Content
from django_liveactivity.models import LiveActivity, Operation

from .ends import end_activity
from .streams import stream_activity

logger = logging.getLogger("django_liveactivity.services")


class Card:
    """The card of a ``with services.live_activity(…)`` block.

    Attributes:
        activity: the card's row.
    """

    def __init__(self, activity: LiveActivity, **named: Any) -> None:
        self.activity = activity
        self._named = named
        self._end: Operation | None = None

    def stream(self, content: Content | Mapping[str, Any], **options: Any) -> LiveActivity:
        """Show new content; takes what ``stream_activity`` takes."""
        self.activity = stream_activity(
            self.activity.stream_key, content, **(self._named | options)
        )
        self._end = None
        return self.activity

    def end(self, content: Content | Mapping[str, Any] | None = None, **options: Any) -> Operation:
        """End the card before the block does; takes what ``end_activity`` takes."""
        named = {
            k: v for k, v in self._named.items() if k in ("using", "source", "actor", "reason")
        }
        if self._end is None:
            self._end = end_activity(self.activity, content, **(named | options))
        return self._end


@contextmanager
def live_activity(
    stream_key: str, content: Content | Mapping[str, Any], **options: Any
) -> Iterator[Card]:
    """Show a card for the time of the block; it ends on exit and on an exception.

    Args:
        stream_key: as for ``stream_activity``.
        content: as for ``stream_activity``.
        **options: as for ``stream_activity``; ``account``, ``using``, ``subject``, ``source``,
            ``actor``, ``reason`` and ``time_to_live`` hold for the whole block.

    Raises:
        InvalidInputError: names the field; nothing was written.
    """
    lasting = ("account", "using", "subject", "source", "actor", "reason", "time_to_live")
    named = {k: v for k, v in options.items() if k in lasting}
    card = Card(stream_activity(stream_key, content, **options), **named)
    try:
        yield card
    except BaseException:
        _end_after_error(card)
        raise
    card.end()


def _end_after_error(card: Card) -> None:
    """End the card, and never hide the error that is on its way."""
    using = conf.account(card.activity.account).database
    if transaction.get_connection(using).needs_rollback:
        return  # the card's own row goes with this transaction
    try:
        card.end()
    except DatabaseError:
        logger.exception("The end of %s could not be stored.", card.activity)
