"""``liveactivity_dispatch`` in this process: once, and its options."""

from __future__ import annotations

import signal

import pytest
from django.core.management import CommandError

from django_liveactivity import Progress, services
from django_liveactivity.models import Heartbeat, Operation

from .running import run

CONTENT = Progress(title="Order 42", percentage=40)
ONCE = ("liveactivity_dispatch", "--once")


def beats() -> bool:
    return Heartbeat.objects.filter(beat_at__isnull=False).exists()


class TestOnce:
    def test_delivers_until_nothing_is_due(self, vendor):
        for number in range(3):
            services.stream_activity(f"card-{number}", CONTENT)
        assert run(*ONCE) == "default: 3 calls, nothing is due.\n"
        assert len(vendor.phone()["alive"]) == 3

    def test_tells_of_what_waits_for_its_time(self, vendor):
        vendor.faults = "DELETE:500@1"
        services.end_activity(stream_key="order-42")
        with pytest.raises(CommandError) as left:
            run(*ONCE)
        assert str(left.value).startswith(
            "default: 1 call, 0 operations left to try now, 1 due end not acknowledged yet. "
            "What failed is tried again. 1 operation for later, the first in "
        )
        assert left.value.returncode == 3

    def test_content_that_waits_for_its_next_try_is_told(self, vendor):
        vendor.faults = "PUT:500@1"
        services.stream_activity("order-42", CONTENT)
        assert run(*ONCE).startswith(
            "default: 1 call, nothing is due. 1 operation for later, the first in "
        )

    def test_sits_through_the_account_s_pace(self, configure, sandbox, db):
        configure(rate_limit=(3, 1))
        for number in range(5):
            services.end_activity(stream_key=f"key-{number}")
        assert "5 calls" in run(*ONCE)

    def test_waits_for_an_account_that_is_frozen(self, configure, sandbox, db):
        configure(timing={"freeze_step": 300, "freeze_cap": 300})
        sandbox.faults = "DELETE:429@1"
        services.end_activity(stream_key="order-42")
        assert "2 calls, nothing is due." in run(*ONCE)

    def test_says_what_is_left_and_why_if_the_key_is_refused(self, vendor):
        vendor.policy.api_keys = ["another"]
        services.stream_activity("order-41", CONTENT)
        services.end_activity(stream_key="order-42")
        with pytest.raises(CommandError) as gave_up:
            run(*ONCE)
        assert str(gave_up.value).startswith(
            "default: 1 call, 2 operations left to try now, 1 due end not acknowledged yet. "
            "The vendor refuses the account (unauthorized 401): check its api_key and base_url. "
            "A probe may open it in "
        )
        assert gave_up.value.returncode == 3

    def test_says_so_if_the_vendor_asks_for_payment(self, vendor):
        vendor.faults = "PUT:402@1+"
        services.stream_activity("order-42", CONTENT)
        with pytest.raises(CommandError, match="The vendor asks for payment") as gave_up:
            run(*ONCE)
        assert gave_up.value.returncode == 3

    def test_a_blocked_account_does_not_keep_the_next_from_its_turn(self, vendor, settings):
        vendor.policy.api_keys = ["good"]
        account = settings.LIVEACTIVITY["default"]
        good = account | {"OPTIONS": account["OPTIONS"] | {"api_key": "good"}}
        settings.LIVEACTIVITY = {"default": account, "other": good}
        for alias in ("default", "other"):
            services.end_activity(stream_key="order-42", account=alias)
        with pytest.raises(CommandError, match="^default: "):
            run(*ONCE)
        assert Operation.objects.get(account="other").state == "done"

    def test_is_a_heartbeat_of_its_database(self, vendor, settings):
        settings.LIVEACTIVITY = dict.fromkeys(["one", "two"], settings.LIVEACTIVITY["default"])
        run(*ONCE, "--account", "two")
        assert beats()

    def test_leaves_the_handlers_of_signals_as_they_were(self, vendor):
        before = signal.getsignal(signal.SIGTERM)
        run(*ONCE)
        assert signal.getsignal(signal.SIGTERM) is before


class TestOptions:
    def test_names_an_unknown_account(self, vendor):
        with pytest.raises(CommandError, match="no account 'other'"):
            run(*ONCE, "--account", "other")

    @pytest.mark.parametrize("interval", ["0", "-1", "nan", "inf"])
    def test_refuses_an_interval_that_is_none(self, vendor, interval):
        with pytest.raises(CommandError, match=r"--interval is .*: give a number of seconds"):
            run("liveactivity_dispatch", f"--interval={interval}")

    def test_says_what_to_add_to_settings_without_an_account(self, settings):
        settings.LIVEACTIVITY = {}
        with pytest.raises(CommandError, match=r"add LIVEACTIVITY\['default'\]"):
            run("liveactivity_dispatch")
