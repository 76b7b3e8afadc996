"""Health checks, and the log of alerts."""

from __future__ import annotations

import datetime as dt
import logging

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_liveactivity import conf, services
from django_liveactivity.delivery import sweep
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.health import Condition, ProblemCode, check_health
from django_liveactivity.models import AccountState, Operation

from .clock import advance
from .delivery.vocabulary import beat, deliver, progress

LOGGER = "django_liveactivity.alerts"


@pytest.fixture
def alerts(caplog):
    """What was logged for people: the messages, as they come."""
    caplog.set_level(logging.INFO, LOGGER)

    def messages() -> list[str]:
        found = [r.getMessage() for r in caplog.records if r.name == LOGGER]
        assert {r.levelname for r in caplog.records if r.name == LOGGER} <= {"ERROR"}
        return found

    return messages


def codes() -> list[str]:
    return [f"{problem.account} {problem.code}" for problem in check_health().problems]


class TestOverdue:
    def test_an_end_is_overdue_after_five_minutes(self, vendor):
        services.end_activity(stream_key="order-42")
        advance(299)
        beat()
        assert check_health().ok
        advance(2)
        assert codes() == ["default overdue"]

    def test_an_end_that_is_tried_again_later_is_overdue_all_the_same(self, vendor):
        vendor.faults = "DELETE:403@1+"
        services.end_activity(stream_key="order-42")
        deliver()
        assert Operation.objects.get().state == "needs_operator"
        advance(301)
        beat()
        assert codes() == ["default overdue"]

    def test_an_end_that_was_kept_is_not_overdue(self, vendor):
        services.end_activity(stream_key="order-42", after=dt.timedelta(seconds=60))
        services.keep_activity(stream_key="order-42")
        advance(500)  # nobody drains, as of an account that is blocked
        AccountState.objects.create(account="default")
        beat()
        assert check_health().ok
        assert check_health().accounts[0].due_ends == 0

    def test_an_end_for_later_is_overdue_only_after_its_time(self, vendor):
        services.end_activity(stream_key="order-42", after=dt.timedelta(hours=1))
        advance(3600 + 299)
        beat()
        assert check_health().ok
        advance(2)
        assert codes() == ["default overdue"]

    @pytest.mark.parametrize("how", ["delivered", "given up"])
    def test_an_end_that_is_settled_is_not_overdue(self, vendor, how):
        vendor.faults = "" if how == "delivered" else "DELETE:500@1+"
        end = services.end_activity(stream_key="order-42")
        deliver()
        if how == "given up":
            services.give_up_operation(end, actor="ann", reason="The phone was lost.")
            deliver()
        advance(301)
        beat()
        assert check_health().ok

    def test_content_that_waits_is_not_overdue(self, vendor):
        services.stream_activity("order-42", progress(1))
        advance(3600)
        beat()
        assert check_health().ok


class TestSilence:
    def test_due_work_that_no_sweep_has_ever_seen_is_a_problem_at_once(self, vendor):
        services.end_activity(stream_key="order-42")
        assert codes() == ["default silent"]

    def test_an_account_that_was_used_once_is_to_be_swept_for_ever(self, vendor):
        services.end_activity(stream_key="order-42")
        deliver()
        beat()
        advance(89)
        assert check_health().ok
        advance(2)
        assert codes() == ["default silent"]

    def test_an_account_that_was_never_used_may_be_silent(self, vendor):
        assert check_health().ok
        beat()
        advance(3600)
        assert check_health().ok

    def test_an_act_that_waits_is_work_too(self, vendor):
        services.probe_account(actor="ann")
        assert codes() == ["default silent"]


class TestAccounts:
    @pytest.fixture(autouse=True)
    def _two(self, vendor, settings):
        settings.LIVEACTIVITY = dict.fromkeys(["one", "two"], settings.LIVEACTIVITY["default"])

    def test_each_account_is_judged_by_itself(self):
        services.end_activity(stream_key="order-42", account="two")
        assert codes() == ["two silent"]
        assert [status.account for status in check_health().accounts] == ["one", "two"]

    def test_one_account_can_be_asked_for(self):
        services.end_activity(stream_key="order-42", account="two")
        assert check_health(["one"]).ok
        assert not check_health(["two"]).ok

    def test_an_unknown_account_is_named(self):
        with pytest.raises(InvalidInputError, match="account: LIVEACTIVITY has no account 'three'"):
            check_health(["three"])

    def test_limits_are_the_account_s_own(self, settings):
        account = settings.LIVEACTIVITY["one"] | {"TIMING": {"overdue_after": 1000}}
        settings.LIVEACTIVITY = {"one": account, "two": settings.LIVEACTIVITY["two"]}
        for alias in ("one", "two"):
            services.end_activity(stream_key="order-42", account=alias)
        advance(2)
        beat()
        assert codes() == ["one overdue"]


def test_a_code_is_a_member_and_a_string(vendor):
    services.end_activity(stream_key="order-42")
    [problem] = check_health().problems
    assert problem.code is ProblemCode.SILENT
    assert problem.code == "silent"
    [status] = check_health().accounts
    assert status.condition is Condition.OPEN
    assert status.condition == "open"


class TestAlerts:
    def test_an_overdue_end_is_logged_once_by_many_sweeps(self, vendor, alerts):
        services.end_activity(stream_key="order-42")
        advance(301)
        for _ in range(4):
            beat()
        assert alerts() == ["default: an end has been due for 5 minutes."]

    def test_it_is_logged_again_when_the_period_is_over(self, vendor, alerts):
        services.end_activity(stream_key="order-42")
        advance(301)
        beat()
        advance(301)
        beat()
        assert alerts()[1:] == ["default: an end has been due for 10 minutes."]

    def test_a_worker_that_looked_at_the_same_moment_logs_nothing(self, vendor, alerts):
        """Whoever finds it has asked the same: the UPDATE lets one of them."""
        from django_liveactivity.health.problems import log_problems

        services.end_activity(stream_key="order-42")
        advance(301)
        for _ in range(2):
            log_problems("default", conf.databases()["default"])
        assert len(alerts()) == 1

    def test_a_key_that_is_refused_is_logged_by_the_next_sweep(self, vendor, alerts):
        vendor.policy.api_keys = ["another"]
        services.end_activity(stream_key="order-42")
        deliver()
        beat()
        [message] = alerts()
        assert message.startswith(
            "default: The vendor refuses the account (unauthorized 401): check"
        )
        assert check_health().ok

    def test_that_the_vendor_asks_for_payment_is_logged(self, vendor, alerts):
        vendor.faults = "PUT:402@1+"
        services.stream_activity("order-42", progress(1))
        deliver()
        beat()
        [message] = alerts()
        assert message.startswith("default: The vendor asks for payment")

    def test_that_nothing_drains_is_logged_once_by_a_check(self, vendor, alerts):
        services.end_activity(stream_key="order-42")
        for _ in range(3):
            assert not check_health().ok
        [message] = alerts()
        assert message.startswith("default: nothing drains: there was never a sweep;")

    def test_nothing_is_logged_while_all_is_well(self, vendor, alerts):
        services.end_activity(stream_key="order-42")
        deliver()
        beat()
        assert check_health().ok
        assert alerts() == []
        assert AccountState.objects.get().alerted_at is None


def test_a_look_costs_as_many_queries_however_long_the_history(vendor, django_assert_num_queries):
    services.end_activity(stream_key="order-42")
    beat()
    with django_assert_num_queries(7):
        check_health()
    for number in range(20):
        services.end_activity(stream_key=f"order-{number}")
    with django_assert_num_queries(7):
        check_health()


@pytest.mark.parametrize("measure", ["sweep", "check_health", "due_accounts"])
def test_the_statements_do_not_grow_with_idle_accounts(vendor, settings, measure):
    """Three accounts and three hundred, all used once, cost the same."""
    from django_liveactivity.delivery import due_accounts

    run = {
        "sweep": lambda: sweep(lambda _: None),
        "check_health": check_health,
        "due_accounts": lambda: due_accounts("default"),
    }[measure]
    counts = []
    for number in (3, 300):
        aliases = [f"account-{n}" for n in range(number)]
        settings.LIVEACTIVITY = dict.fromkeys(aliases, settings.LIVEACTIVITY["default"]) | {
            "default": settings.LIVEACTIVITY["default"]
        }
        AccountState.objects.all().delete()
        AccountState.objects.bulk_create([AccountState(account=alias) for alias in aliases])
        beat()
        with CaptureQueriesContext(connection) as queries:
            run()
        # Outside of a test's transaction the durable step of the sweep is no savepoint.
        counts.append(sum("SAVEPOINT" not in query["sql"] for query in queries))
    assert counts[0] == counts[1] <= 12
