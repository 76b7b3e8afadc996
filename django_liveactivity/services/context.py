"""A card for the time of a ``with`` or an ``async with`` block, and the services' async names."""

import asyncio
import datetime
import functools
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, ParamSpec, TypedDict, TypeVar, Unpack, cast

from asgiref.sync import sync_to_async
from django.db import DatabaseError, transaction
from django.db.models import Model

from django_liveactivity import conf
from django_liveactivity.content.parsing import ContentInput, OptionFields
from django_liveactivity.models import LiveActivity, Operation
from django_liveactivity.printable import get_logger

from . import operator_actions
from .ends import end_activities, end_activity, keep_activity
from .streams import stream_activity, track_activity
from .writer import EndOptions, Unset

P = ParamSpec("P")
T = TypeVar("T")

logger = get_logger("django_liveactivity.services")


class CallerFields(TypedDict, total=False):
    """The account, who asks, and why."""

    account: str
    actor: object
    reason: str


class BlockOptions(CallerFields, total=False):
    """The options of a whole block."""

    subject: Model | None
    time_to_live: datetime.timedelta | Unset | None


class StreamOptions(BlockOptions, OptionFields, total=False):
    """What ``stream_activity`` takes beside the key and the content."""


class CardEndOptions(EndOptions, CallerFields, total=False):
    """What ``end_activity`` takes beside the card and the content."""


def to_async(service: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Return the service as a coroutine function, which runs it in the thread of sync code.

    That thread has the connections of Django's async ORM, too, but no transaction stays open from
    one ``await`` to the next: what must commit together belongs in one sync function.
    """
    in_thread = sync_to_async(service, thread_sensitive=True)

    @functools.wraps(service)
    async def awaited(*args: P.args, **kwargs: P.kwargs) -> T:
        return await in_thread(*args, **kwargs)

    awaited.__name__ = f"a{service.__name__}"
    awaited.__qualname__ = f"a{service.__qualname__}"
    return awaited


aend_activities = to_async(end_activities)
aend_activity = to_async(end_activity)
agive_up_operation = to_async(operator_actions.give_up_operation)
akeep_activity = to_async(keep_activity)
aclose_account = to_async(operator_actions.close_account)
aacknowledge_activity = to_async(operator_actions.acknowledge_activity)
aprobe_account = to_async(operator_actions.probe_account)
aretry_operation = to_async(operator_actions.retry_operation)
astream_activity = to_async(stream_activity)
atrack_activity = to_async(track_activity)


class Card:
    """The card of a ``with services.live_activity(…)`` block; of an async one, too.

    Attributes:
        activity: the card's row.
    """

    def __init__(self, activity: LiveActivity, options: BlockOptions) -> None:
        self.activity = activity
        self._options = options
        self._end: Operation | None = None

    def stream(self, content: ContentInput, **options: Unpack[StreamOptions]) -> LiveActivity:
        """Show new content; takes what ``stream_activity`` takes."""
        merged: StreamOptions = {**self._options, **options}
        self.activity = stream_activity(self.activity.stream_key, content, **merged)
        self._end = None
        return self.activity

    def end(
        self, content: ContentInput | None = None, **options: Unpack[CardEndOptions]
    ) -> Operation:
        """End the card before the block does; takes what ``end_activity`` takes."""
        options.setdefault("actor", self._options.get("actor", ""))
        options.setdefault("reason", self._options.get("reason", ""))
        if self._end is None:
            self._end = end_activity(self.activity, content, **options)
        return self._end

    astream = to_async(stream)
    aend = to_async(end)


class Block(AbstractContextManager[Card, None], AbstractAsyncContextManager[Card, None]):
    """What ``live_activity`` returns: shows the card when it is entered, ends it when left."""

    def __init__(self, stream_key: str, content: ContentInput, options: StreamOptions) -> None:
        self._stream_key, self._content, self._options = stream_key, content, options

    def __enter__(self) -> Card:
        activity = stream_activity(self._stream_key, self._content, **self._options)
        kept = {k: v for k, v in self._options.items() if k in BlockOptions.__optional_keys__}
        self._card = Card(activity, cast(BlockOptions, kept))
        return self._card

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is None:
            self._card.end()
        else:
            _end_after_error(self._card)

    async def __aenter__(self) -> Card:
        entering = _start(sync_to_async(self.__enter__)())
        try:
            return await asyncio.shield(entering)
        except asyncio.CancelledError:
            await asyncio.shield(_start(self._leave(entering)))
            raise

    async def __aexit__(self, error: type[BaseException] | None, *_: object) -> None:
        await asyncio.shield(_start(sync_to_async(self.__exit__)(error)))

    async def _leave(self, entering: asyncio.Task[Card]) -> None:
        """End the card of a block that was canceled: its thread goes on, and may commit the row."""
        await asyncio.wait([entering])
        if not entering.cancelled() and entering.exception() is None:
            await sync_to_async(self.__exit__)(asyncio.CancelledError)


_running: set[asyncio.Task[Any]] = set()
"""An event loop forgets a task that nothing else refers to."""


def _start(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Begin work that goes on if the task that waits for it is canceled, even twice."""
    task = asyncio.ensure_future(work)
    _running.add(task)
    task.add_done_callback(_running.discard)
    return task


def live_activity(
    stream_key: str, content: ContentInput, **options: Unpack[StreamOptions]
) -> Block:
    """Show a card for the time of the block; it ends on exit and on an exception.

    Works with ``with`` and with ``async with``.

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
    using = conf.stand_in(card.activity.account).database
    if transaction.get_connection(using).needs_rollback:
        return  # the card's own row goes with this transaction
    try:
        card.end()
    except DatabaseError:
        logger.exception("The end of %s could not be stored.", card.activity)
