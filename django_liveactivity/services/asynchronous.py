"""The async face of the services: each wraps the sync one, as Django's own ORM does."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import sync_to_async

from .ends import end_activities, end_activity, keep_activity
from .operator_actions import give_up_operation, probe_account, retry_operation
from .streams import stream_activity, track_activity

P = ParamSpec("P")
T = TypeVar("T")


def to_async(service: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Return the service as a coroutine function, which runs it in the thread of sync code.

    That thread has the connections of Django's async ORM, too, but no transaction stays open from
    one ``await`` to the next: what shall commit together belongs into one sync function.
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
agive_up_operation = to_async(give_up_operation)
akeep_activity = to_async(keep_activity)
aprobe_account = to_async(probe_account)
aretry_operation = to_async(retry_operation)
astream_activity = to_async(stream_activity)
atrack_activity = to_async(track_activity)
