"""Count what all processes have done into totals that never fall, before its rows are pruned.

The attempts are the history of the calls, so that counting them costs a drain nothing. A sweep
settles those for which a worker's lease is long over: no answer will change them, and no open
transaction holds an older id. Younger ones are counted anew by each sweep. What is told is never
lowered, as a monitor takes a value that falls for a restart, and counts all of it once more.
"""

import functools
import operator
import time
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from django.db import models
from django.db.models.functions import Greatest

from django_liveactivity import conf
from django_liveactivity.client.answer import Outcome
from django_liveactivity.content.endpoints import Endpoint
from django_liveactivity.models import Attempt, Heartbeat, MetricTotal, Now, Operation

from .rules.verdicts import TABLE, judge
from .transaction import durable_transaction

ROWS = 20_000
"""Attempts, by their ids, that are counted in one step."""
SECONDS = 2.0
"""How long one sweep counts in a database, so that its heart goes on beating."""
SETTLED_AFTER = 2
"""How many times as long as a call and its lease can last."""

Metric = MetricTotal.Metric
OPERATIONS = {
    Endpoint.STREAM: Operation.Kind.STREAM,
    Endpoint.UPDATE: Operation.Kind.UPDATE,
    Endpoint.END_STREAM: Operation.Kind.END,
    Endpoint.END: Operation.Kind.END,
}
"""What a call was made for, by its endpoint."""

Attempts = models.QuerySet[Attempt, Attempt]


class Key(NamedTuple):
    """Which total something belongs to."""

    metric: str
    operation: str
    outcome: str
    bound: int


Totals = Counter[tuple[Key, bool]]
"""Numbers by what they belong to, and by whether they are settled."""


class Window(NamedTuple):
    """The attempts that one step counts.

    Attributes:
        fence: that of the totals when the window was read.
        after: the last id that is settled.
        until: the first id that is too much for one step.
        through: the last id that can be settled; the same if none can.
        is_last: whether nothing after the window can be settled.
    """

    fence: int
    after: int
    until: int
    through: int
    is_last: bool


def count_calls(using: str, accounts: conf.DatabaseAccounts) -> bool:
    """Count the calls that were made since the last sweep, and the ends that they acknowledged.

    Args:
        using: the database.
        accounts: its accounts.

    Returns:
        Whether all that is settled has been counted, so that it can be pruned. If not, time is up,
        or another sweep counts, too.
    """
    deadline = time.monotonic() + SECONDS
    age = SETTLED_AFTER * max(each.lease + each.call_deadline for each in accounts.timings)
    while (window := _window(using, age)) is not None:
        if not _store(using, window, *_count(using, window)):
            return False
        if window.is_last:
            return True
        if time.monotonic() > deadline:
            return False
    return True


def _window(using: str, age: int) -> Window | None:
    """Return what to count next, or None if all is settled."""
    rows = Attempt.objects.using(using)
    ids = rows.order_by("pk").values("pk")
    new = ids.filter(pk__gt=models.OuterRef("counted_through"))
    beats = Heartbeat.objects.using(using).annotate(
        first=models.Subquery(new[:1]), last=models.Subquery(ids.reverse()[:1])
    )
    fence, after, first, last = beats.values_list(
        "count_fence", "counted_through", "first", "last"
    ).get(pk=1)
    if first is None:
        return None
    until = first + ROWS
    old = rows.filter(pk__gt=after, pk__lt=until, started_at__lt=Now() - age)
    through = old.aggregate(newest=models.Max("pk"))["newest"] or after
    return Window(fence, after, until, through, is_last=last < until or through == after)


def _count(using: str, window: Window) -> tuple[Totals, Totals]:
    """Return how many there were, and how many milliseconds they took together."""
    rows = Attempt.objects.using(using).filter(pk__gt=window.after, pk__lt=window.until)
    settled = models.ExpressionWrapper(models.Q(pk__lte=window.through), models.BooleanField())
    marked = rows.annotate(settled=settled).order_by()
    counts, durations = Totals(), Totals()
    answered = marked.filter(models.Q(pk__lte=window.through) | ~models.Q(outcome=""))
    for is_settled, key, count, duration in [*_calls(answered), *_ends(answered)]:
        counts[key, is_settled] += count
        durations[key, is_settled] += duration or 0
    return counts, durations


def _calls(rows: Attempts) -> Iterator[tuple[bool, Key, int, int | None]]:
    """Yield how many calls there were; one that is settled without an answer is ambiguous."""
    grouped = (
        rows.annotate(bound=_bound("duration_ms", Metric.CALL))
        .values_list("settled", "endpoint", "outcome", "bound")
        .annotate(number=models.Count("pk"), spent=models.Sum("duration_ms"))
    )
    for settled, endpoint, outcome, bound, count, duration in grouped:
        key = Key(Metric.CALL, OPERATIONS[endpoint], outcome or Outcome.AMBIGUOUS, bound)
        yield bool(settled), key, count, duration


def _ends(rows: Attempts) -> Iterator[tuple[bool, Key, int, int | None]]:
    """Yield how many ends were acknowledged; a call that only confirms one does not count again."""
    acknowledged = _is_acknowledged()
    before = Attempt.objects.filter(
        acknowledged, operation=models.OuterRef("operation"), number__lt=models.OuterRef("number")
    )
    due_at = models.F("operation__due_at")
    # Not below 0, even if the clock was set back: MariaDB refuses an unsigned difference.
    answered_at = Greatest(models.F("started_at") + models.F("duration_ms"), due_at)
    latency = models.ExpressionWrapper(answered_at - due_at, models.BigIntegerField())
    grouped = (
        rows.filter(acknowledged, ~models.Exists(before))
        .annotate(latency=latency)
        .annotate(bound=_bound("latency", Metric.END))
        .values_list("settled", "bound")
        .annotate(number=models.Count("pk"), spent=models.Sum("latency"))
    )
    for settled, bound, count, duration in grouped:
        yield bool(settled), Key(Metric.END, Operation.Kind.END, "", bound), count, duration


def _is_acknowledged() -> models.Q:
    """Return, as a condition on attempts, that the answer finishes an end."""
    ends = (Endpoint.END_STREAM, Endpoint.END)
    finishing = [models.Q(endpoint=each, outcome__in=_finishing(each)) for each in ends]
    return functools.reduce(operator.or_, finishing) & models.Q(duration_ms__isnull=False)


def _finishing(endpoint: Endpoint) -> list[Outcome]:
    """Return the outcomes that finish what was sent to an endpoint, as it was asked for."""
    verdicts = {outcome: judge(endpoint, outcome, stripped=False) for outcome in TABLE}
    return sorted(o for o, verdict in verdicts.items() if verdict.state == Operation.State.DONE)


def _bound(duration: str, metric: MetricTotal.Metric) -> models.Case:
    """Return the smallest of a metric's bounds that a duration does not exceed."""
    return models.Case(
        models.When(**{f"{duration}__isnull": True}, then=models.Value(MetricTotal.UNKNOWN)),
        *(
            models.When(**{f"{duration}__lte": b}, then=models.Value(b))
            for b in MetricTotal.BOUNDS[metric]
        ),
        default=models.Value(MetricTotal.ABOVE),
        output_field=models.BigIntegerField(),
    )


@durable_transaction
def _store(using: str, window: Window, counts: Totals, durations: Totals) -> bool:
    """Add what was counted to the totals; False if another sweep has counted meanwhile."""
    beats = Heartbeat.objects.using(using).filter(pk=1, count_fence=window.fence)
    if not beats.update(count_fence=models.F("count_fence") + 1, counted_through=window.through):
        return False
    rows = MetricTotal.objects.using(using)
    keys, known = {key for key, _ in counts}, {_key(row): row for row in rows.all()}
    new = [MetricTotal(**key._asdict()) for key in keys - known.keys()]
    changed = [known[key] for key in keys & known.keys()]
    for row in [*new, *changed]:
        _add(row, counts, durations)
    rows.bulk_create(new)
    names = ("count", "duration", "settled_count", "settled_duration")
    rows.bulk_update(changed, names)
    return True


def _key(total: MetricTotal) -> Key:
    return Key(total.metric, total.operation, total.outcome, total.bound)


def _add(total: MetricTotal, counts: Totals, durations: Totals) -> None:
    key = _key(total)
    total.settled_count += counts[key, True]
    total.settled_duration += durations[key, True]
    count = total.settled_count + counts[key, False]
    if count >= total.count:
        duration = total.settled_duration + durations[key, False]
        total.count, total.duration = count, max(total.duration, duration)
