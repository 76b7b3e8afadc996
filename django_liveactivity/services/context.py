"""A card for the time of a ``with`` or an ``async with`` block."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from types import TracebackType
from typing import Any

from asgiref.sync import sync_to_async
from django.db import DatabaseError, transaction

from django_liveactivity import conf
from django_liveactivity.content import Content
from django_liveactivity.models import LiveActivity, Operation
from django_liveactivity.printable import get_logger

from .asynchronous import to_async
from .ends import end_activity
from .streams import stream_activity

LASTING = ("account", "subject", "actor", "reason", "time_to_live")

logger = get_logger("django_liveactivity.services")


class Card:
    """The card of a ``with services.live_activity(…)`` block; of an async one, too.

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
        named = {k: v for k, v in self._named.items() if k in ("actor", "reason")}
        if self._end is None:
            self._end = end_activity(self.activity, content, **(named | options))
        return self._end

    astream = to_async(stream)
    aend = to_async(end)


class Block(AbstractContextManager[Card, None], AbstractAsyncContextManager[Card, None]):
    """What ``live_activity`` returns: shows the card when it is entered, ends it when left."""

    def __init__(
        self, stream_key: str, content: Content | Mapping[str, Any], options: Mapping[str, Any]
    ) -> None:
        self._stream_key, self._content, self._options = stream_key, content, options

    def __enter__(self) -> Card:
        activity = stream_activity(self._stream_key, self._content, **self._options)
        time_to_live_ms = {k: v for k, v in self._options.items() if k in LASTING}
        self._card = Card(activity, **time_to_live_ms)
        return self._card

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self._card.end()
        else:
            _end_after_error(self._card)

    async def __aenter__(self) -> Card:
        return await sync_to_async(self.__enter__)()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await sync_to_async(self.__exit__)(kind, error, traceback)


def live_activity(stream_key: str, content: Content | Mapping[str, Any], **options: Any) -> Block:
    """Show a card for the time of the block; it ends on exit and on an exception.

    Both ``with`` and ``async with`` will do.

    Args:
        stream_key: as for ``stream_activity``.
        content: as for ``stream_activity``.
        **options: as for ``stream_activity``; ``account``, ``subject``, ``actor``, ``reason`` and
            ``time_to_live`` hold for the whole block.

    Returns:
        The block; entering it gives the card.

    Raises:
        InvalidInputError: when the block is entered: names the field; nothing was written.
    """
    return Block(stream_key, content, options)


def _end_after_error(card: Card) -> None:
    """End the card, and never hide the error that is on its way."""
    using = conf.account(card.activity.account).database
    if transaction.get_connection(using).needs_rollback:
        return  # the card's own row goes with this transaction
    try:
        card.end()
    except DatabaseError:
        logger.exception("The end of %s could not be stored.", card.activity)
