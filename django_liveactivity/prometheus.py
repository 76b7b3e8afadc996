"""Metrics for Prometheus: register a ``Collector``, or mount ``metrics``.

A scrape reads the tables, and no process counts by itself. So one scrape, of any process that has
the project's settings, tells what all workers on all machines did. Nothing here is imported by
Django's set-up.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec

from django.core.exceptions import ImproperlyConfigured
from django.db import Error, connections
from django.http import HttpRequest, HttpResponse
from django.utils.connection import ConnectionDoesNotExist
from django.views.decorators.http import require_safe

if not find_spec("prometheus_client"):
    raise ImportError(
        "django_liveactivity.prometheus needs prometheus-client: "
        "pip install 'django-liveactivity[prometheus]'"
    )

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family

from . import conf
from .client.answer import Outcome
from .health import Condition, status
from .health.condition import condition_of, heartbeat_age, is_stopped
from .models import (
    AccountState,
    LiveActivity,
    MetricTotal,
    Now,
    Operation,
    RateLimitSlot,
    with_now,
)
from .printable import get_logger

__all__ = ["Collector", "metrics"]

Metric = MetricTotal.Metric
OPERATIONS = (*Operation.CONTENT_KINDS, Operation.Kind.END)
OUTCOMES = tuple(outcome for outcome in Outcome if outcome != Outcome.NEVER_STARTED)
"""The outcomes of a call: each is exported from the start, so that none appears with a jump."""
CONDITIONS = tuple(
    each for each in Condition if each not in (Condition.UNKNOWN, Condition.UNREADABLE)
)
"""The conditions that an account's row shows."""


@dataclass
class AccountMetrics:
    """The numbers of one account, or of all those together that ``LIVEACTIVITY`` does not name.

    Args:
        conditions: how many accounts are in each condition.
        backlog: operations that are due to be tried.
        due_ends: ends that are due and not acknowledged.
        oldest_due_end_age: for how many seconds the oldest of them has been due; 0 without any.
        overdue: how many accounts have an end that is overdue.
        attention: cards that an operator should look at.
        slots: of the rate limit, those in use and the free ones; None without a limit.
    """

    conditions: Counter[Condition] = field(default_factory=Counter)
    backlog: int = 0
    due_ends: int = 0
    oldest_due_end_age: float = 0.0
    overdue: int = 0
    attention: int = 0
    slots: tuple[int, int] | None = None


@dataclass(frozen=True)
class DatabaseMetrics:
    """The numbers of one database.

    Args:
        accounts: by alias; ``*`` stands for those that ``LIVEACTIVITY`` does not name.
        sweep_age: seconds since the last sweep; infinite if there was none.
        totals: what all processes have done until the last sweep.
    """

    accounts: Mapping[str, AccountMetrics]
    sweep_age: float
    totals: Collection[MetricTotal]


OF_ACCOUNT: tuple[tuple[str, str, Callable[[AccountMetrics], float]], ...] = (
    (
        "liveactivity_due_ends",
        "Ends that are due and not acknowledged, those that are tried again later included.",
        lambda account: account.due_ends,
    ),
    (
        "liveactivity_oldest_due_end_age_seconds",
        "Time since the oldest of these ends was due; 0 if there is none.",
        lambda account: account.oldest_due_end_age,
    ),
    (
        "liveactivity_overdue_accounts",
        "Accounts with an end that has been due for too long, by default for 5 minutes.",
        lambda account: account.overdue,
    ),
    (
        "liveactivity_backlog",
        "Operations of any kind that are due to be tried now.",
        lambda account: account.backlog,
    ),
    (
        "liveactivity_cards_needing_attention",
        "Cards that an operator should look at.",
        lambda account: account.attention,
    ),
)
"""The gauges that have one value per account."""

logger = get_logger("django_liveactivity.prometheus")


class Collector:
    """What a registry of ``prometheus_client`` asks for the metrics of this project's accounts.

    A scrape makes at most eight statements for each database. If one does not answer, its
    ``liveactivity_up`` is 0, and its other series are missing.
    """

    def describe(self) -> list[Family]:
        """Return the metrics without values: to register a collector asks no database."""
        return _Families().all

    def collect(self) -> list[Family]:
        """Return the metrics with the values of all databases that have accounts."""
        families = _Families()
        for using, accounts in conf.databases().items():
            found = _read(using, accounts)
            families.up.add_metric([using], found is not None)
            if found is not None:
                families.add(using, found)
        return families.all


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer a scrape with the metrics of this package alone; who may scrape is the host's to say.

    In ``urls.py``: ``path("metrics/liveactivity", prometheus.metrics)``.
    """
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(encode(Collector()), content_type=content_type)


def _read(using: str, accounts: conf.DatabaseAccounts) -> DatabaseMetrics | None:
    try:
        with _connection(using):
            return read_metrics(using, accounts)
    except (Error, ConnectionDoesNotExist, ImproperlyConfigured) as error:
        logger.warning("The metrics of database %r cannot be read: %s", using, error)
        return None


@contextmanager
def _connection(using: str) -> Iterator[None]:
    """Close the connection that the block opens: outside of a request nothing else would."""
    connection = connections[using]
    was_open = connection.connection is not None
    try:
        yield
    finally:
        if not (was_open or connection.in_atomic_block):
            connection.close()


class _Families:
    """All metrics, with their names, help texts and labels."""

    def __init__(self) -> None:
        self.up = GaugeMetricFamily(
            "liveactivity_up",
            "Whether the database of the accounts answers.",
            labels=["database"],
        )
        self.sweep_age = GaugeMetricFamily(
            "liveactivity_sweep_age_seconds",
            "Time since the last sweep, infinite before the first: above 90, nothing delivers.",
            labels=["database"],
            unit="seconds",
        )
        self.accounts = GaugeMetricFamily(
            "liveactivity_accounts",
            "Accounts by their condition; only an open one makes every call that is due.",
            labels=["database", "account", "condition"],
        )
        self.of_account = [_of_account(name, text) for name, text, _ in OF_ACCOUNT]
        self.slots = GaugeMetricFamily(
            "liveactivity_rate_limit_slots",
            "Calls of the account's rate limit, by whether they are used or free now.",
            labels=["database", "account", "state"],
        )
        self.calls = CounterMetricFamily(
            "liveactivity_calls",
            "Calls to the vendor, by operation and outcome.",
            labels=["database", "operation", "outcome"],
        )
        self.call_duration = HistogramMetricFamily(
            "liveactivity_call_duration_seconds",
            "Duration of a call that the worker has seen the end of.",
            labels=["database", "operation"],
            unit="seconds",
        )
        self.end_latency = HistogramMetricFamily(
            "liveactivity_end_latency_seconds",
            "Time from when an end was asked for, or was due, until the vendor acknowledged it.",
            labels=["database"],
            unit="seconds",
        )

    @property
    def all(self) -> list[Family]:
        """Every metric, in the order of a scrape."""
        own = [self.up, self.sweep_age, self.accounts, *self.of_account, self.slots]
        return [*own, self.calls, self.call_duration, self.end_latency]

    def add(self, using: str, found: DatabaseMetrics) -> None:
        """Add the numbers of a database."""
        self.sweep_age.add_metric([using], found.sweep_age)
        for alias, account in sorted(found.accounts.items()):
            self._add_account([using, alias], account)
        self._add_totals(using, found.totals)

    def _add_account(self, labels: list[str], account: AccountMetrics) -> None:
        for condition in CONDITIONS:
            self.accounts.add_metric([*labels, condition], account.conditions[condition])
        for family, (_, _, value) in zip(self.of_account, OF_ACCOUNT, strict=True):
            family.add_metric(labels, value(account))
        if account.slots is not None:
            for state, count in zip(("used", "free"), account.slots, strict=True):
                self.slots.add_metric([*labels, state], count)

    def _add_totals(self, using: str, totals: Collection[MetricTotal]) -> None:
        for operation in OPERATIONS:
            mine = [t for t in totals if (t.metric, t.operation) == (Metric.CALL, operation)]
            for outcome in OUTCOMES:
                count = sum(total.count for total in mine if total.outcome == outcome)
                self.calls.add_metric([using, operation, outcome], count)
            _add_histogram(self.call_duration, [using, operation], Metric.CALL, mine)
        ends = [total for total in totals if total.metric == Metric.END]
        _add_histogram(self.end_latency, [using], Metric.END, ends)


def _of_account(name: str, text: str) -> GaugeMetricFamily:
    unit = "seconds" if name.endswith("_seconds") else ""
    return GaugeMetricFamily(name, text, labels=["database", "account"], unit=unit)


def _add_histogram(
    family: HistogramMetricFamily, labels: list[str], metric: Metric, totals: list[MetricTotal]
) -> None:
    """Add a histogram; totals of bounds that an older version had count at the next higher one."""
    known = [total for total in totals if total.bound != MetricTotal.UNKNOWN]
    bounds = [*MetricTotal.BOUNDS[metric], MetricTotal.ABOVE]
    buckets = [
        (_seconds(bound), sum(total.count for total in known if total.bound <= bound))
        for bound in bounds
    ]
    family.add_metric(labels, buckets, sum(total.duration for total in known) / 1000)


def _seconds(bound: int) -> str:
    """Return a bound as the label ``le`` has it."""
    return "+Inf" if bound == MetricTotal.ABOVE else str(bound / 1000)


def read_metrics(using: str, accounts: conf.DatabaseAccounts) -> DatabaseMetrics:
    """Return the numbers of a database in at most eight statements.

    Neither the statements nor the numbers grow with the accounts of the account source, and it is
    not asked.

    Args:
        using: the database.
        accounts: its accounts.

    Raises:
        Error: the database does not answer.
    """
    found = _PerAccount(using, accounts)
    found.add_conditions()
    found.add_operations()
    found.add_cards()
    found.add_slots()
    age = heartbeat_age(using)
    totals = list(MetricTotal.objects.using(using))
    return DatabaseMetrics(found.metrics, float("inf") if age is None else age, totals)


class _PerAccount:
    """The numbers of each account that is named, and of all others together."""

    def __init__(self, using: str, accounts: conf.DatabaseAccounts) -> None:
        self.using, self.accounts = using, accounts
        self.metrics: dict[str, AccountMetrics] = defaultdict(AccountMetrics)
        for alias in accounts.named:
            self._of(alias)
        if accounts.has_source:
            self._of(conf.ANY_OF_SOURCE)

    def _of(self, alias: str) -> AccountMetrics:
        return self.metrics[alias if alias in self.accounts.named else conf.ANY_OF_SOURCE]

    def add_conditions(self) -> None:
        """Add in which condition each account is: one without a row was never drained, and open."""
        states = AccountState.objects.using(self.using)
        stopped = {
            s.account: condition_of(s).condition for s in with_now(states.filter(is_stopped()))
        }
        known = {*states.values_list("account", flat=True), *self.accounts.named}
        for alias in known | stopped.keys():
            self._of(alias).conditions[stopped.get(alias, Condition.OPEN)] += 1

    def add_operations(self) -> None:
        """Add what is due."""
        operations = Operation.objects.using(self.using)
        due = status.unfinished(operations).filter(next_try_at__lte=Now())
        for alias, count in status.counts_by_account(due).items():
            self._of(alias).backlog += count
        for alias, ends in status.due_ends_by_account(operations).items():
            account, mine = self.accounts.find(alias), self._of(alias)
            longest = (account.timing if account else conf.Timing()).overdue_after
            mine.due_ends += ends.all
            mine.oldest_due_end_age = max(mine.oldest_due_end_age, ends.age or 0.0)
            mine.overdue += ends.waits_longer_than(longest)

    def add_cards(self) -> None:
        """Add the cards that an operator should look at."""
        marked = LiveActivity.objects.using(self.using).filter(status.MARKED)
        for alias, count in status.counts_by_account(marked).items():
            self._of(alias).attention += count

    def add_slots(self) -> None:
        """Add the use of each rate limit; the sum of several limits would mean nothing."""
        named = self.accounts.named
        limits = {alias: limit for alias in named if (limit := status.rate_limit_of(alias))}
        if not limits:
            return
        slots = RateLimitSlot.objects.using(self.using).filter(free_at__gt=Now())
        if len(limits) <= status.FILTERED:
            slots = slots.filter(account__in=limits)
        used = status.counts_by_account(slots)
        for alias, (calls, _) in limits.items():
            self._of(alias).slots = used[alias], max(0, calls - used[alias])
