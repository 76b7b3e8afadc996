"""The metrics for Prometheus: their names, what they tell, and that they stay few."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from django_liveactivity import services
from django_liveactivity.delivery import sweep
from django_liveactivity.models import (
    AccountState,
    LiveActivity,
    MetricTotal,
    Now,
    Operation,
    RateLimitSlot,
)
from django_liveactivity.prometheus import (
    AccountMetrics,
    Collector,
    DatabaseMetrics,
    _Families,
    metrics,
)

from .accounts.sources import PATH, Customers
from .clock import advance
from .delivery.vocabulary import deliver, progress
from .reads import statements

LOCMEM = "django_liveactivity.backends.locmem.LocmemBackend"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
ACCOUNT = ("database", "account")

NAMES = {
    "liveactivity_up": ("gauge", {"database"}),
    "liveactivity_sweep_age_seconds": ("gauge", {"database"}),
    "liveactivity_accounts": ("gauge", {*ACCOUNT, "condition"}),
    "liveactivity_due_ends": ("gauge", {*ACCOUNT}),
    "liveactivity_oldest_due_end_age_seconds": ("gauge", {*ACCOUNT}),
    "liveactivity_overdue_accounts": ("gauge", {*ACCOUNT}),
    "liveactivity_backlog": ("gauge", {*ACCOUNT}),
    "liveactivity_cards_needing_attention": ("gauge", {*ACCOUNT}),
    "liveactivity_rate_limit_slots": ("gauge", {*ACCOUNT, "state"}),
    "liveactivity_calls": ("counter", {"database", "operation", "outcome"}),
    "liveactivity_call_duration_seconds": ("histogram", {"database", "operation", "le"}),
    "liveactivity_end_latency_seconds": ("histogram", {"database", "le"}),
}
"""The metrics that a dashboard or an alert may name: a name that changes is a breaking change."""
STATEMENTS = 8


def scrape(accept: str = "") -> str:
    from django.test import RequestFactory

    response = metrics(RequestFactory().get("/metrics", headers={"accept": accept}))
    assert response.status_code == 200
    return response.content.decode()


def samples(text: str) -> dict[str, float]:
    """Return the value of each series, named as in the exposition without quotes."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(
                f"{k}={v}" for k, v in sorted(sample.labels.items()) if k != "database"
            )
            found[f"{sample.name}{{{labels}}}".removeprefix("liveactivity_")] = sample.value
    return found


def value(name: str) -> float:
    return samples(scrape())[name]


def named(text: str) -> dict[str, tuple[str, set[str]]]:
    found = {}
    for family in text_string_to_metric_families(text):
        labels = set().union(*(sample.labels for sample in family.samples))
        found[family.name] = (family.type, labels)
    return found


@pytest.fixture
def busy(paced):
    """A card that was shown and ended, and an end that the vendor refuses."""
    services.stream_activity("order-42", progress(1))
    deliver()
    services.end_activity(stream_key="order-42")
    deliver()
    paced.faults = "DELETE:403@1+"
    services.end_activity(stream_key="theirs")
    deliver()
    sweep(lambda _: None)
    return paced


class TestTheScrape:
    def test_has_these_names_types_and_labels(self, busy):
        assert named(scrape()) == NAMES

    def test_is_the_same_in_both_formats(self, busy):
        families = list(openmetrics.text_string_to_metric_families(scrape(OPENMETRICS)))
        assert {family.name: family.type for family in families} == {
            name: kind for name, (kind, _) in NAMES.items()
        }
        assert {f.name for f in families if f.unit == "seconds"} == {
            name for name in NAMES if name.endswith("_seconds")
        }

    def test_keeps_prometheus_rules_for_names(self, busy):
        for family in text_string_to_metric_families(scrape()):
            assert re.fullmatch(r"liveactivity(_[a-z]+)+", family.name)
            assert family.documentation.endswith(".") or ":" in family.documentation
            assert family.type not in family.name
            assert not family.name.endswith(("_total", "_count", "_sum", "_bucket", "_info"))

    @pytest.mark.skipif(not shutil.which("promtool"), reason="no promtool")
    def test_pleases_promtool(self, busy):
        done = subprocess.run(
            ["promtool", "check", "metrics"], input=scrape(), capture_output=True, text=True
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_tells_every_series_from_the_start(self, busy):
        with_calls = samples(scrape()).keys()
        MetricTotal.objects.all().delete()
        assert samples(scrape()).keys() == with_calls

    def test_escapes_what_a_label_holds(self):
        families = _Families()
        odd = 'a"b\\c\nd'
        families.add(odd, DatabaseMetrics({odd: AccountMetrics()}, 1.0, []))

        class Once:
            def collect(self) -> list[Any]:
                return families.all

        registry = CollectorRegistry()
        registry.register(Once())
        read = text_string_to_metric_families(generate_latest(registry).decode())
        labels = [sample.labels for family in read for sample in family.samples]
        assert {each["database"] for each in labels} == {odd}
        assert {each.get("account", odd) for each in labels} == {odd}

    def test_answers_get_and_head_alone(self, rf, db):
        assert metrics(rf.post("/metrics")).status_code == 405


class TestWhatIsTold:
    def test_calls_and_ends_of_any_process(self, busy):
        found = samples(scrape())
        assert found["calls_total{operation=stream,outcome=delivered}"] == 1
        assert found["calls_total{operation=end,outcome=delivered}"] == 1
        assert found["calls_total{operation=end,outcome=forbidden}"] == 1
        assert found["calls_total{operation=end,outcome=ambiguous}"] == 0
        assert found["call_duration_seconds_count{operation=end}"] == 2
        assert found["call_duration_seconds_bucket{le=+Inf,operation=end}"] == 2
        assert found["end_latency_seconds_count{}"] == 1

    def test_a_histogram_is_cumulative(self, db):
        for bound, count in ((250, 3), (700, 2), (1_000, 1), (MetricTotal.ABOVE, 1), (-1, 9)):
            MetricTotal.objects.create(
                metric="end", operation="end", bound=bound, count=count, duration=count * 100
            )
        found = samples(scrape())
        buckets = [found[f"end_latency_seconds_bucket{{le={le}}}"] for le in ("0.25", "0.5", "1.0")]
        assert buckets == [3, 3, 6], "a bound that an older version had counts at the next one"
        assert found["end_latency_seconds_bucket{le=7200.0}"] == 6
        assert found["end_latency_seconds_bucket{le=+Inf}"] == 7
        assert found["end_latency_seconds_count{}"] == 7
        assert found["end_latency_seconds_sum{}"] == pytest.approx(0.7)

    def test_ends_that_are_due(self, busy):
        assert value("oldest_due_end_age_seconds{account=default}") < 200
        advance(301)
        found = samples(scrape())
        assert found["due_ends{account=default}"] == 1
        assert 301 <= found["oldest_due_end_age_seconds{account=default}"] < 500
        assert found["overdue_accounts{account=default}"] == 1
        assert found["backlog{account=default}"] == 0, "it is tried again in an hour"
        services.end_activity(stream_key="another")
        assert value("backlog{account=default}") == 1

    def test_cards_that_need_an_operator(self, busy):
        assert value("cards_needing_attention{account=default}") == 1

    def test_the_use_of_the_rate_limit(self, busy):
        assert value("rate_limit_slots{account=default,state=used}") == 3
        assert value("rate_limit_slots{account=default,state=free}") == 57

    def test_no_rate_limit_has_no_slots(self, vendor):
        assert "rate_limit_slots" not in str([*samples(scrape())])

    @pytest.mark.parametrize(
        ("column", "condition"),
        [
            ("blocked_since", "blocked"),
            ("frozen_until", "frozen"),
            ("billing_since", "billing"),
            ("limit_since", "limit"),
        ],
    )
    def test_the_condition_of_an_account(self, busy, column, condition):
        def conditions() -> dict[str, float]:
            found = samples(scrape())
            names = (name for name in found if name.startswith("accounts{account=default"))
            return {re.search(r"condition=(\w+)", n)[1]: found[n] for n in names}

        assert conditions() == {"open": 1, "frozen": 0, "blocked": 0, "billing": 0, "limit": 0}
        AccountState.objects.update(**{column: Now() + 60_000})
        expected = {"open": 0, "frozen": 0, "blocked": 0, "billing": 0, "limit": 0, condition: 1}
        assert conditions() == expected

    def test_the_age_of_the_last_sweep(self, vendor):
        assert value("sweep_age_seconds{}") == float("inf")
        sweep(lambda _: None)
        advance(100)
        assert 100 <= value("sweep_age_seconds{}") < 300

    def test_a_database_that_does_not_answer(self, busy, settings):
        gone = {"BACKEND": LOCMEM, "DATABASE": "gone"}
        settings.LIVEACTIVITY = settings.LIVEACTIVITY | {"far": gone}
        up = {}
        for family in text_string_to_metric_families(scrape()):
            for sample in family.samples:
                if sample.name == "liveactivity_up":
                    up[sample.labels["database"]] = sample.value
                else:
                    assert sample.labels["database"] == "default"
        assert up == {"default": 1, "gone": 0}


class TestManyAccounts:
    def fill(self, number: int) -> None:
        """Give so many accounts an end that is overdue, a blocked state, a card and a slot."""
        names = [f"c{each}" for each in range(number)]
        AccountState.objects.bulk_create(
            [AccountState(account=name, blocked_since=1, blocked_reason="500") for name in names]
        )
        RateLimitSlot.objects.bulk_create(
            [RateLimitSlot(account=name, number=0, free_at=2**60) for name in names]
        )
        cards = LiveActivity.objects.bulk_create(
            [
                LiveActivity(
                    account=name,
                    stream_key="k",
                    lane_digest="d",
                    created_at=1,
                    needs_attention=True,
                )
                for name in names
            ]
        )
        Operation.objects.bulk_create(
            [
                Operation(
                    activity=card, account=card.account, lane_digest="d", kind="end", rank=0,
                    due_at=1, created_at=1, next_try_at=1,
                )
                for card in cards
            ]
        )  # fmt: skip

    @pytest.mark.parametrize("number", [10, 1_000])
    def test_of_the_settings_take_as_many_statements(self, db, settings, number):
        settings.LIVEACTIVITY = {f"c{each}": {"BACKEND": LOCMEM} for each in range(number)}
        self.fill(number)
        scrape()
        assert len(statements(scrape)) <= STATEMENTS
        assert value("accounts{account=c7,condition=blocked}") == 1

    @pytest.mark.parametrize("number", [10, 1_000])
    def test_of_a_source_take_as_many_statements_and_series(self, db, settings, number):
        settings.LIVEACTIVITY, settings.LIVEACTIVITY_ACCOUNTS = {}, PATH
        Customers.reset()
        nobody = len(samples(scrape()))
        self.fill(number)
        assert len(statements(scrape)) <= STATEMENTS
        found = samples(scrape())
        assert len(found) == nobody
        assert found["accounts{account=*,condition=blocked}"] == number
        assert found["overdue_accounts{account=*}"] == number
        assert found["due_ends{account=*}"] == found["backlog{account=*}"] == number
        assert found["cards_needing_attention{account=*}"] == number
        assert Customers.asked == []

    def test_of_a_source_are_told_apart_from_those_of_the_settings(self, db, settings):
        settings.LIVEACTIVITY = {"c1": {"BACKEND": LOCMEM}}
        settings.LIVEACTIVITY_ACCOUNTS = PATH
        self.fill(10)
        found = samples(scrape())
        assert found["due_ends{account=c1}"] == 1
        assert found["due_ends{account=*}"] == 9
        assert found["accounts{account=*,condition=blocked}"] == 9


def test_to_register_asks_no_database():
    registry = CollectorRegistry()
    registry.register(Collector())
    with pytest.raises(ValueError, match="Duplicated"):
        registry.register(Collector())


@pytest.mark.skipif(settings.IN_MEMORY, reason="a database in memory stays open")
def test_a_scrape_outside_of_a_request_leaves_no_connection_open(transactional_db):
    connection.close()
    assert generate_latest(Collector())
    assert connection.connection is None
    connection.ensure_connection()
    assert generate_latest(Collector())
    assert connection.connection is not None, "it is not the collector's to close"
