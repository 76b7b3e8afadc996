"""Faults of accounts that come from the host's own database."""

from __future__ import annotations

import threading
import time

import pytest

from . import behaviors
from .customers import Customers
from .generator import end, many, show
from .harness import STATES, Host, System
from .matrix import row

OLD, NEW = "ask_old_0123456789", "ask_new_9876543210"


@pytest.fixture
def customers(system: System) -> Customers:
    """Two customers."""
    found = Customers(system)
    for alias in ("acme", "bolt"):
        found.add(alias, f"ask_{alias}_0123456789")
    return found


@row(42)
@pytest.mark.parametrize("fault", ["down", "slow"])
def test_row_42_the_account_source_is_down_or_slow(
    system: System, customers: Customers, fault: str
):
    host = system.host()
    first = system.workers(2)
    cards = {alias: [f"{alias}-{n}" for n in range(3)] for alias in customers.keys}
    host.must(many([show(key, account=alias) for alias, keys in cards.items() for key in keys]))
    system.until(lambda: len(system.vendor.alive()) == 6, "the cards")
    system.drained()
    customers.suffer(fault)
    time.sleep(2.1)  # what is known of the version is old by now
    begun = time.monotonic()
    host.must(end("acme-0", account="acme"), end("bolt-0", account="bolt"))
    system.until_called("DELETE", "bolt-0")
    assert time.monotonic() - begun < 6, "known accounts go on"
    if fault == "down":
        stranger = system.host().do(end("acme-1", account="acme"))
        assert stranger["error"].startswith("AccountSourceError"), stranger
        for worker in first:
            worker.kill()
        system.workers(2)  # they know nothing
        host.must(end("acme-1", account="acme"))
        time.sleep(2.0)
        assert not system.vendor.calls("DELETE", "acme-1")
    customers.suffer("")
    host.must(*(end(key, account=alias) for alias, keys in cards.items() for key in keys[1:]))
    system.judge()
    assert not customers.leaks()


@row(43)
def test_row_43_a_key_is_rotated_while_a_call_is_in_flight(system: System, customers: Customers):
    customers.add("late", OLD)
    host = system.host()
    system.workers(2)
    host.must(show("late-1", account="late"))
    system.drained()
    answer = threading.Event()
    system.vendor.rule(behaviors.hold(answer), "PUT", key="late-1")
    host.must(show("late-1", account="late"))
    system.until_called("PUT", "late-1", count=2)
    customers.rotate("late", NEW)
    rotated = time.monotonic()
    answer.set()
    refused = system.until(lambda: [e for e in system.vendor.calls() if e.status == 401], "a 401")
    assert refused[0].api_key == OLD
    again = system.until(lambda: system.vendor.calls("PUT", "late-1", NEW), "the call, made again")
    assert again[0].arrived - rotated < 5.0
    while time.monotonic() < rotated + 7.0:
        host.must(show("late-2", account="late"))
        time.sleep(0.3)
    host.must(end("late-1", account="late"), end("late-2", account="late"))
    system.judge()
    blocked = f"SELECT COUNT(*) FROM {STATES} WHERE blocked_since IS NOT NULL"
    assert system.database.rows(blocked) == [(0,)]
    assert not customers.late_calls()
    assert not customers.leaks()


@row(44)
def test_row_44_an_account_is_removed_with_live_cards_and_a_call_in_flight(
    system: System, customers: Customers
):
    # A call is awaited for longer than the removal takes to ask for the ends.
    system.run["timing"] = {"call_deadline": 4_000, "permit": 4_500, "lease": 8_000}
    host = system.host()
    system.workers(2)
    cards = [f"acme-{n}" for n in range(3)]
    host.must(*(show(key, account="acme") for key in cards), show("bolt-0", account="bolt"))
    system.until(lambda: len(system.vendor.alive()) == 4, "the cards")
    system.drained()
    answer = threading.Event()
    system.vendor.rule(behaviors.hold(answer), "PUT", key="acme-0")
    host.must(show("acme-0", account="acme"))
    system.until_called("PUT", "acme-0", count=2)
    key = customers.keys["acme"]
    customers.close("acme")
    assert not closed(host)
    time.sleep(0.5)
    assert not closed(host), "its call is in flight"
    answer.set()
    system.until(lambda: closed(host), "the removal")
    assert set(system.vendor.alive()) == {"bolt-0"}, "its cards end first"
    refused = host.do(show("acme-9", account="acme"))
    assert "is closing" in refused["error"], refused
    customers.remove("acme")
    calls = len(system.vendor.calls(api_key=key))
    host.must(show("bolt-0", account="bolt"), end("bolt-0", account="bolt"))
    time.sleep(2.5)
    assert host.do(end("acme-1", account="acme"))["error"].startswith("UnknownAccountError")
    system.drained()
    assert len(system.vendor.calls(api_key=key)) == calls, "then no call"
    assert not customers.leaks([key, *customers.keys.values()])
    assert not system.unfinished()


def closed(host: Host) -> bool:
    """Go on with the removal; tell whether it is done. It may still be unknown that it began."""
    time.sleep(0.2)
    answer = host.do({"do": "close", "account": "acme"})
    if "is not closing" in answer["error"]:
        return False
    assert not answer["error"], answer
    return bool(answer["told"]["is_done"])
