"""The engine, broken on purpose: each way is applied in a process of a run as it starts.

``RUN["mutation"]`` names one. The test of the checker says in advance which letters it must cost.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from django_liveactivity import conf
from django_liveactivity.backends import get_backend
from django_liveactivity.client.call import Call
from django_liveactivity.content.endpoints import Endpoint
from django_liveactivity.delivery.lanes import apply, candidates, claim, record
from django_liveactivity.delivery.lanes.candidates import Target
from django_liveactivity.delivery.limits import rate
from django_liveactivity.delivery.limits.admission import Admission
from django_liveactivity.delivery.rules import plan
from django_liveactivity.models import AccountState, Lane, Now, Operation, activity
from django_liveactivity.services.writer import Writer

Kind, State = Operation.Kind, Operation.State
PACKAGE = "django_liveactivity"
MESSAGE_TAKES = 0.3
"""Seconds that a message is on its way from the host to whoever sends."""


def replace(original: Any, mutant: Any) -> None:
    """Put the mutant in the place of the original, wherever the package has imported it."""
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == PACKAGE:
            for key, value in list(vars(module).items()):
                if value is original:
                    setattr(module, key, mutant)


def no_fence() -> None:
    """Whoever has an answer stores it, although the lane is another's by now."""
    release = record._release

    def mutant(answered: Any) -> bool:
        lane = answered.claim.lane
        lane.fence = Lane.objects.using(answered.database).get(pk=lane.pk).fence
        return release(answered)

    replace(release, mutant)


def no_quarantine() -> None:
    """A call without an answer leaves no doubt."""
    replace(claim.quarantine, lambda endpoint, duration: {})


def kick_instead_of_row() -> None:
    """An end is a message, sent at once and kept in memory; there is no row of it."""
    insert = Writer.insert_operation

    def deliver(account: str, stream_key: str) -> None:
        time.sleep(MESSAGE_TAKES)
        get_backend(account).send(Call(Endpoint.END_STREAM, stream_key, {}))

    def mutant(self: Writer, card: Any, kind: Kind, **values: Any) -> Operation:
        row = insert(self, card, kind, **values)
        if kind == Kind.END:
            using, alias = self.account.database, self.account.alias
            Operation.objects.using(using).filter(pk=row.pk)._raw_delete(using)
            threading.Thread(target=deliver, args=[alias, card.stream_key], daemon=True).start()
        return row

    Writer.insert_operation = mutant  # type: ignore[method-assign]


def no_slot() -> None:
    """Calls are made as if there were no limit."""
    rate.RateLimit.of = lambda rate_limit: rate.RateLimit(0, 0)  # type: ignore[method-assign]


def update_after_end() -> None:
    """An end closes nothing: what was not sent before it is sent after it."""
    replace(plan.closes, lambda ends, content: False)
    replace(plan._is_past, lambda content, lane: False)


def first_in_first_out() -> None:
    """What was due first goes first, end or not."""

    def mutant(
        account: conf.Account, state: AccountState, admission: Admission
    ) -> Iterator[Target]:
        rows = Operation.objects.using(account.database).filter(next_try_at__lte=Now())
        first = rows.select_related("activity").order_by("next_try_at", "pk").first()
        if first is not None:
            lanes = Lane.objects.using(account.database).filter(digest=first.lane_digest)
            ready_at = admission.ends_at if first.kind == Kind.END else admission.contents_at
            names = first.lane_digest, first.activity.stream_key, first.activity.activity_id
            yield Target(*names, not lanes.exists(), Operation.Rank(first.rank), ready_at)

    replace(candidates.targets, mutant)


def keys_without_case() -> None:
    """Keys are compared as the database compares text."""

    def mutant(*, stream_key: str = "", activity_id: str = "") -> str:
        return f"stream:{stream_key}" if stream_key else f"activity:{activity_id}"

    replace(activity.lane_digest, mutant)


def retries_run_out() -> None:
    """After the third call an end is given up, by count."""
    try_again = record._try_again

    def mutant(answered: Any, *rest: Any) -> None:
        try_again(answered, *rest)
        operation = answered.claim.operation
        if operation.kind == Kind.END and operation.tries >= 2:
            apply.finish_operations(answered.database, [operation], State.GIVEN_UP)

    replace(try_again, mutant)


MUTATIONS: dict[str, Callable[[], None]] = {
    mutation.__name__: mutation
    for mutation in (
        no_fence,
        no_quarantine,
        kick_instead_of_row,
        no_slot,
        update_after_end,
        first_in_first_out,
        keys_without_case,
        retries_run_out,
    )
}
