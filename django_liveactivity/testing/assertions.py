"""Assert what was sent, by functions or in test cases; a failure's message lists what was sent."""

import datetime
import json
import unittest
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from django.db.models import Q
from django.test import override_settings

from django_liveactivity import conf
from django_liveactivity.backends.locmem import outbox
from django_liveactivity.client import Call
from django_liveactivity.content.endpoints import Endpoint
from django_liveactivity.models import LiveActivity, Operation
from django_liveactivity.models.clock import Now, from_datetime
from django_liveactivity.printable import printable

from .capture import capture_activities, locmem_accounts

if TYPE_CHECKING:
    from django.test import SimpleTestCase as Base
else:
    Base = object

SHOWS = frozenset({Endpoint.STREAM, Endpoint.UPDATE})
ENDS = frozenset({Endpoint.END_STREAM, Endpoint.END})


def assert_activity_streamed(
    name: LiveActivity | str, /, *, calls: Iterable[Call] | None = None, **content: object
) -> Call:
    """Assert that content was sent for a card, and return the last such call.

    Args:
        name: the card's row, its stream key or its activity id; ``*`` stands for any characters,
            as in ``"order-42-*"`` for the fresh keys of a ``ModelActivity``.
        calls: the captured calls; by default the whole outbox.
        **content: what the card showed, in the vendor's names, as in ``percentage=40``.

    Raises:
        AssertionError: there is no such call; the message lists the calls.
    """
    __tracebackhide__ = True
    return _last("showed", SHOWS, name, calls, content)


def assert_activity_ended(
    name: LiveActivity | str, /, *, calls: Iterable[Call] | None = None, **content: object
) -> Call:
    """Assert that the end of a card was sent, and return the last such call.

    Args:
        name: as for ``assert_activity_streamed``.
        calls: the captured calls; by default the whole outbox.
        **content: what the ended card showed. An end that leaves the card as it is sends none.

    Raises:
        AssertionError: there is no such call; the message lists the calls.
    """
    __tracebackhide__ = True
    return _last("ended", ENDS, name, calls, content)


def assert_activity_end_scheduled(
    name: LiveActivity | str, /, *, at: datetime.datetime | None = None
) -> Operation:
    """Assert that a card ends later, and return that end; nothing has to be delivered.

    An end that a newer one or ``keep_activity`` has replaced does not count.

    Args:
        name: as for ``assert_activity_streamed``.
        at: when it ends, to the millisecond; by default any time to come.

    Raises:
        AssertionError: there is no such end; the message lists those there are.
    """
    __tracebackhide__ = True
    scheduled = [end for end in _scheduled_ends() if fnmatchcase(str(end.activity), str(name))]
    for end in scheduled:
        if at is None or end.due_at == from_datetime(at):
            return end
    when = "" if at is None else f" at {at.isoformat()}"
    found = "".join(f"\n  {printable(end.activity)} at {end.due.isoformat()}" for end in scheduled)
    others = f"Scheduled:{found}" if found else "No end of it is scheduled."
    raise AssertionError(f"No end of {str(name)!r} is scheduled{when}. {others}")


def _scheduled_ends() -> list[Operation]:
    """Return the ends to come of all accounts, the newest first."""
    ends: list[Operation] = []
    for using in conf.databases():
        rows = Operation.objects.using(using).filter(
            ~Q(Operation.is_moved()), kind=Operation.Kind.END, state=Operation.State.PENDING
        )
        to_come = rows.filter(Operation.SCHEDULED, due_at__gt=Now()).select_related("activity")
        ends += to_come.order_by("-pk")
    return ends


def assert_no_activities(
    name: LiveActivity | str = "*", /, *, calls: Iterable[Call] | None = None
) -> None:
    """Assert that nothing was sent, for one card or at all.

    Args:
        name: as for ``assert_activity_streamed``; by default any.
        calls: the captured calls; by default the whole outbox.

    Raises:
        AssertionError: something was sent; the message lists it.
    """
    __tracebackhide__ = True
    sent = _sent(calls)
    if any(_is_named(call, name) for call in sent):
        raise AssertionError(f"Something was sent for {str(name)!r}. {_describe(sent)}")


class LiveActivityTestMixin(Base):
    """Keeps every account in memory during the tests of a class; each test starts with no calls.

    Put it before Django's class: ``class OrderTests(LiveActivityTestMixin, TestCase)``.
    """

    captureActivities = staticmethod(capture_activities)  # noqa: N815 - as Django names them
    assertActivityStreamed = staticmethod(assert_activity_streamed)  # noqa: N815
    assertActivityEnded = staticmethod(assert_activity_ended)  # noqa: N815
    assertActivityEndScheduled = staticmethod(assert_activity_end_scheduled)  # noqa: N815
    assertNoActivities = staticmethod(assert_no_activities)  # noqa: N815

    @classmethod
    def setUpClass(cls) -> None:
        cls.enterClassContext(override_settings(LIVEACTIVITY=locmem_accounts()))
        super().setUpClass()

    def run(self, result: unittest.TestResult | None = None) -> unittest.TestResult | None:
        """Run the test with an empty outbox; not in ``setUp``, which a test may override."""
        outbox.clear()
        try:
            return super().run(result)
        finally:
            outbox.clear()


def _last(
    verb: str,
    endpoints: frozenset[Endpoint],
    name: LiveActivity | str,
    calls: Iterable[Call] | None,
    content: Mapping[str, object],
) -> Call:
    __tracebackhide__ = True
    sent = _sent(calls)
    for call in reversed(sent):
        if call.endpoint in endpoints and _is_named(call, name) and _shows(call, content):
            return call
    shown = "".join(f", {field}={value!r}" for field, value in content.items())
    raise AssertionError(f"No call {verb} {str(name)!r}{shown}. {_describe(sent)}")


def _sent(calls: Iterable[Call] | None) -> list[Call]:
    return list(outbox if calls is None else calls)


def _is_named(call: Call, name: LiveActivity | str) -> bool:
    return fnmatchcase(call.target, str(name))


def _shows(call: Call, content: Mapping[str, object]) -> bool:
    return content.items() <= (call.body.get("content_state") or {}).items()


def _describe(sent: list[Call]) -> str:
    if not sent:
        return "Nothing was sent; capture_activities delivers when its block ends."
    lines = (f"\n  {number}. {_line(call)}" for number, call in enumerate(sent, 1))
    return f"Sent:{''.join(lines)}"


def _line(call: Call) -> str:
    if call.json is None:
        return f"{call.method} {call.path}"
    body = json.dumps(call.json, ensure_ascii=False, sort_keys=True)
    return printable(f"{call.method} {call.path} {body}")
