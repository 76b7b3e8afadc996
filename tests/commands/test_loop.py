"""The loop of ``liveactivity_dispatch``, by the steps that its threads take."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from django_liveactivity import services
from django_liveactivity.management import loop as loops
from django_liveactivity.models import DrainPermit

ACCOUNTS = ("default", "a", "b")
pytestmark = pytest.mark.django_db(transaction=True)


class Pool:
    """Threads that are all busy until a test has them work."""

    def __init__(self) -> None:
        self.jobs: list[Callable[[], None]] = []

    def submit(self, job: Callable[[], None]) -> None:
        self.jobs.append(job)

    def work(self) -> int:
        """Do what is waiting, in one thread; return how much it was."""
        done = 0
        while self.jobs:
            self.jobs.pop(0)()
            done += 1
        return done


class NoBars:
    is_seen = False

    def show(self, *_: object) -> None:
        """Draw nothing."""


class Loop(loops.DispatchLoop):
    """A loop whose threads work when they are told to."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._pool = Pool()

    def look(self) -> int:
        """Poll, and do what that began; return how many drains it were."""
        self._poll()
        return self._pool.work()


@pytest.fixture
def loop(vendor) -> Loop:
    return Loop(None, threading.Event(), NoBars())


class TestSweep:
    @pytest.fixture
    def events(self, monkeypatch) -> list[str]:
        """What drains and sweeps, in that order."""
        events: list[str] = []

        def noted(name: str) -> None:
            function = getattr(loops, name)

            def note(*arguments, **options):
                events.append(name)
                return function(*arguments, **options)

            monkeypatch.setattr(loops, name, note)

        noted("drain")
        noted("sweep")
        return events

    def test_goes_before_the_accounts_that_wait_for_a_thread(self, vendor, settings, events):
        settings.LIVEACTIVITY = dict.fromkeys(ACCOUNTS, settings.LIVEACTIVITY["default"])
        for alias in ACCOUNTS:
            services.end_activity(stream_key="order-42", account=alias)
        loop = Loop(None, threading.Event(), NoBars())
        loop._poll()
        loop._sweep()
        loop._pool.work()
        assert events == ["sweep", "drain", "drain", "drain"]
        assert len(vendor.calls()) == len(ACCOUNTS)

    def test_is_one_at_a_time_and_comes_again(self, loop, events, monkeypatch):
        loop._sweep_every = 0
        loop._sweep()
        loop._sweep()
        assert loop._pool.work() == 1
        monkeypatch.setattr(loops, "sweep", lambda *_: 1 / 0)
        for _ in range(2):
            loop._sweep()
            with pytest.raises(ZeroDivisionError):
                loop._pool.work()


class TestOperatorAction:
    """One that comes during a pause, in which another one was applied, or still waits."""

    @pytest.fixture
    def blocked(self, loop, vendor) -> Loop:
        """The loop, when the vendor has refused the key."""
        vendor.policy.api_keys = ["another"]
        services.end_activity(stream_key="order-42")
        assert (loop.look(), loop.look()) == (1, 0)
        return loop

    def test_ends_each_pause(self, blocked, vendor):
        for calls in (2, 3):
            services.probe_account(actor="ann")
            assert (blocked.look(), blocked.look()) == (1, 0)
            assert len(vendor.calls()) == calls

    def test_that_cannot_be_applied_now_waits(self, blocked, vendor):
        DrainPermit.objects.update(lease_until=2**60)
        for _ in range(2):
            services.probe_account(actor="ann")
            assert (blocked.look(), blocked.look()) == (1, 0)
        assert len(vendor.calls()) == 1


def test_what_waits_for_a_thread_is_not_begun_after_the_stop(vendor, loop):
    services.end_activity(stream_key="order-42")
    loop._poll()
    loop._sweep()
    loop.stop.set()
    loop._pool.work()
    assert vendor.calls() == []
