"""Delivery for accounts of a source: rotated keys, accounts that are gone, and who is woken."""

from __future__ import annotations

import importlib
import threading

import pytest
from django.conf import settings

from django_liveactivity import Progress, conf, services
from django_liveactivity.delivery import drain, sweep
from django_liveactivity.dispatch import wake
from django_liveactivity.exceptions import UnknownAccountError
from django_liveactivity.health import Condition, ProblemCode, check_health
from django_liveactivity.management.loop import DispatchLoop
from django_liveactivity.models import AccountState, Attempt, LiveActivity, Operation
from tests.clock import advance

IN_MEMORY = settings.DATABASES["default"]["NAME"] == ":memory:"
draining = importlib.import_module("django_liveactivity.delivery.drain")
OLD, NEW = "ask_old_0123456789", "ask_new_0123456789"
pytestmark = pytest.mark.django_db(transaction=True)


def show(key: str = "order-42", account: str = "acme") -> LiveActivity:
    return services.stream_activity(
        key, Progress(title="On its way", percentage=1), account=account
    )


def states() -> list[str]:
    return list(Operation.objects.order_by("pk").values_list("state", flat=True))


class TestRotation:
    def test_an_attempt_remembers_which_key_it_was_made_with(self, customer, later):
        customer(api_key=OLD)
        show()
        drain("acme")
        customer(api_key=NEW)
        later()
        show("order-43")
        drain("acme")
        first, second = Attempt.objects.order_by("pk").values_list("key_fingerprint", flat=True)
        assert first != second
        assert len(first) == len(second) == 16

    def test_a_new_key_opens_a_blocked_account_at_once(self, customer, later, sandbox):
        sandbox.policy.api_keys = {NEW}
        customer(api_key=OLD)
        show()
        assert drain("acme").condition == Condition.BLOCKED
        assert drain("acme").calls == 0  # its probe is due in 30 s
        customer(api_key=NEW)
        later()
        assert drain("acme").calls == 1
        assert states() == ["done"]
        state = AccountState.objects.get()
        assert (state.blocked_since, state.refused_key) == (None, "")

    def test_so_does_another_key_in_the_settings(self, configure, sandbox, settings):
        sandbox.policy.api_keys = {NEW}
        configure(api_key=OLD)
        show(account="default")
        assert drain().condition == Condition.BLOCKED
        configure(api_key=NEW)
        assert drain().calls == 1
        assert states() == ["done"]

    def test_the_same_key_waits_for_its_probe(self, customer, later, sandbox):
        sandbox.policy.api_keys = {NEW}
        customer(api_key=OLD)
        show()
        drain("acme")
        customer(api_key=OLD, CLOSING=False)
        later()
        assert drain("acme").calls == 0
        advance(31)
        assert drain("acme").calls == 1  # the probe

    def test_a_block_that_no_key_caused_waits_for_its_probe(self, customer, later, sandbox):
        customer(api_key=OLD)
        sandbox.faults = "PUT:500@1+"
        for number in range(6):
            show(f"order-{number}")
        while drain("acme").condition != Condition.BLOCKED:
            advance(31)
        customer(api_key=NEW)
        later()
        assert drain("acme").calls == 0
        assert AccountState.objects.get().refused_key == ""

    def test_a_401_for_an_older_key_blocks_no_account(self, customer, later, sandbox, monkeypatch):
        customer(api_key=OLD)
        show()
        send = draining._Drain._send

        def rotate_while_sending(self, claimed, begun):
            sandbox.policy.api_keys = {NEW}
            answer = send(self, claimed, begun)
            if answer.status == 401:
                customer(api_key=NEW)
            return answer

        monkeypatch.setattr(draining._Drain, "_send", rotate_while_sending)
        done = drain("acme")
        assert (done.calls, done.condition) == (2, Condition.OPEN)
        assert states() == ["done"]
        outcomes = Attempt.objects.order_by("pk").values_list("outcome", "status")
        assert list(outcomes) == [("unauthorized", 401), ("delivered", 200)]
        assert AccountState.objects.get().blocked_since is None

    def test_no_call_is_made_with_a_key_that_was_replaced_after_the_claim(
        self, customer, later, sandbox, monkeypatch
    ):
        customer(api_key=OLD)
        show()
        claim = draining.claim

        def rotate_after_claim(context, snapshot, slot):
            claimed = claim(context, snapshot, slot)
            if sandbox.policy.api_keys is None:
                sandbox.policy.api_keys = {NEW}
                customer(api_key=NEW)
                later()
            return claimed

        monkeypatch.setattr(draining, "claim", rotate_after_claim)
        drain("acme")
        advance(5)
        drain("acme")
        outcomes = Attempt.objects.order_by("pk").values_list("outcome", "status")
        assert list(outcomes) == [("not_sent", None), ("delivered", 200)]


class TestUnknown:
    @pytest.fixture
    def gone(self, customer, source, later):
        """An account that was removed while an end of it is due."""
        customer()
        card = show()
        drain("acme")
        services.end_activity(card)
        source.remove("acme")
        later()
        return card

    def test_its_end_stays_pending(self, gone, customer, later):
        done = drain("acme")
        assert (done.calls, done.more, done.condition) == (0, True, Condition.UNKNOWN)
        assert states() == ["done", "pending"]
        customer()
        later()
        assert drain("acme").calls == 1
        assert states() == ["done", "done"]

    def test_a_sweep_wakes_it_and_raises_nothing(self, gone, caplog):
        woken = []
        assert sweep(lambda alias: (woken.append(alias), wake(alias))) == ["acme"]
        assert "could not be swept" not in caplog.text
        assert woken == ["acme"]

    def test_health_says_which(self, gone, caplog):
        advance(301)
        sweep(lambda _: None)
        [status] = check_health().accounts
        assert (status.account, status.condition, status.due_ends) == ("acme", "unknown", 1)
        assert "has an account 'acme'" in status.reason
        codes = {problem.code for problem in check_health().problems}
        assert codes == {ProblemCode.OVERDUE, ProblemCode.UNKNOWN}
        [alert] = [r for r in caplog.records if r.name == "django_liveactivity.alerts"]
        assert "acme: its ends wait. Neither LIVEACTIVITY nor the account source" in alert.message

    def test_one_with_a_key_that_is_none_is_no_reason_to_raise(self, customer, source, later):
        customer()
        services.end_activity(stream_key="order-42", account="acme")
        customer(api_key="")
        later()
        assert drain("acme").condition == Condition.UNKNOWN
        assert states() == ["pending"]

    def test_without_a_source_an_unknown_alias_is_an_error(self, settings):
        with pytest.raises(UnknownAccountError, match="has no account 'acme'"):
            drain("acme")


class TestDown:
    def test_a_known_account_goes_on(self, customer, source, later):
        customer()
        show()
        conf.account("acme")
        source.error = OSError("down")
        later()
        assert drain("acme").calls == 1

    def test_an_unknown_one_waits_and_nothing_is_lost(self, customer, source, later, settings):
        customer()
        services.end_activity(stream_key="order-42", account="acme")
        settings.LIVEACTIVITY_ACCOUNTS = settings.LIVEACTIVITY_ACCOUNTS  # as in a new process
        source.error = OSError("down")
        assert drain("acme").condition == Condition.UNKNOWN
        assert sweep(lambda _: None) == ["acme"]
        assert states() == ["pending"]
        source.error = None
        assert drain("acme").calls == 1


class TestNeverListed:
    def test_a_sweep_asks_the_source_for_no_account(self, customer, source, settings, later):
        for number in range(5):
            customer(f"customer-{number}")
            services.end_activity(stream_key="order-42", account=f"customer-{number}")
        settings.LIVEACTIVITY_ACCOUNTS = settings.LIVEACTIVITY_ACCOUNTS
        source.asked.clear()
        assert len(sweep(lambda _: None)) == 5
        assert set(source.asked) <= {"version"}

    def test_health_asks_for_none_that_is_well(self, customer, source, settings):
        customer()
        services.end_activity(stream_key="order-42", account="acme")
        drain("acme")
        sweep(lambda _: None)
        source.asked.clear()
        health = check_health()
        assert (health.accounts, health.ok) == ((), True)
        assert set(source.asked) <= {"version"}

    def test_content_of_an_account_with_another_key_is_woken(self, customer, sandbox, later):
        sandbox.policy.api_keys = {NEW}
        customer(api_key=OLD)
        show()
        sweep(lambda _: None)
        drain("acme")
        assert sweep(lambda _: None) == []  # it sleeps until its alarm
        customer(api_key=NEW)
        later()
        assert sweep(lambda _: None) == ["acme"]


@pytest.mark.skipif(IN_MEMORY, reason="threads do not share an SQLite database in memory")
class TestLoop:
    def test_it_serves_the_source_s_accounts_as_they_come(self, customer, source, later):
        stop = threading.Event()
        loop = DispatchLoop(None, stop, _NoBars(), threads=2, interval=0.02)
        thread = threading.Thread(target=loop.run)
        thread.start()
        try:
            customer()
            services.end_activity(stream_key="order-42", account="acme")
            for _ in range(500):
                if states() == ["done"]:
                    break
                stop.wait(0.02)
        finally:
            stop.set()
            thread.join(20)
        assert states() == ["done"]


class _NoBars:
    is_seen = False

    def show(self, *_: object) -> None:
        """Draw nothing."""
