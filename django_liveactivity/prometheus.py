"""Metrics for Prometheus: register a ``Collector``, or mount ``metrics``.

A scrape reads the tables, and no process counts by itself. So one scrape, of any process that has
the project's settings, tells what all workers on all machines did. Nothing here is imported by
Django's set-up.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
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
from .health.metrics import CONDITIONS, AccountMetrics, DatabaseMetrics, read_metrics
from .models import MetricTotal, Operation
from .printable import get_logger

__all__ = ["Collector", "metrics"]

Metric = MetricTotal.Metric
OPERATIONS = (*Operation.CONTENT_KINDS, Operation.Kind.END)
OUTCOMES = tuple(outcome for outcome in Outcome if outcome != Outcome.NEVER_STARTED)
"""The outcomes of a call: each is exported from the start, so that none appears with a jump."""

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
