"""Faults of the vendor: refusals, silence, nonsense, and calls that are applied too late."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from email.utils import formatdate

import pytest

from . import behaviors
from .brokers import Redis
from .generator import end, many, show
from .harness import DISPATCH, OPERATIONS, Host, System
from .matrix import row
from .own_servers import own_server
from .proxy import Faults, Proxy
from .scenarios import a_put_held_until_after_the_end
from .vendor import Behavior


@row(20)
def test_row_20_500_for_a_while(system: System):
    host = system.host()
    system.workers(2)
    keys = [f"card-{n}" for n in range(8)]
    host.must(many([show(key) for key in keys]))
    system.until_called("PUT", count=8)
    system.drained()
    before = len(system.vendor.calls())
    system.vendor.rule(behaviors.status(500), times=None)
    host.must(many([end(key) for key in keys]))
    system.until(lambda: system.account()["blocked_since"], "the block")
    time.sleep(1.0)
    calls = len(system.vendor.calls())
    time.sleep(4.0)
    assert len(system.vendor.calls()) - calls <= 3, "a blocked account probes"
    assert len(system.vendor.calls()) - before <= 16
    system.vendor.end_rules()
    system.judge()
    assert system.account()["blocked_since"] is None


@row(21)
@pytest.mark.parametrize("form", ["seconds", "date", "garbage", "too long"])
def test_row_21_503_with_retry_after(system: System, form: str):
    value = {"seconds": "2", "garbage": "soon", "too long": "99999"}
    host = system.host()
    system.worker(timing={"retry_after_cap": 2500})
    host.must(show("card-1"), show("card-2"))
    system.drained()
    header = value.get(form) or formatdate(time.time() + 3, usegmt=True)
    system.vendor.rule(behaviors.status(503, Retry_After=header))
    host.must(end("card-1"))
    system.until_called("DELETE")
    host.must(end("card-2"))
    system.judge()
    first, second = system.vendor.calls("DELETE")[:2]
    shortest, longest = {"garbage": (0.0, 1.5), "too long": (2.4, 4.0)}.get(form, (1.5, 4.0))
    assert shortest <= second.arrived - first.arrived <= longest


@row(22)
@pytest.mark.parametrize("address", ["http://127.0.0.1:9/api", "https://nowhere.invalid/api"])
def test_row_22_connection_refused_or_name_not_found(system: System, address: str):
    host = system.host()
    host.must(show("card-1"), end("card-1"), show("card-2"))
    unlucky = system.worker(base_url=address)
    system.until(lambda: "not_sent" in system.outcomes(), "a call that was not sent")
    host.must(end("card-2"))
    time.sleep(0.5)
    unlucky.kill()
    assert set(system.outcomes()) <= {"not_sent", ""}
    quarantines = system.database.rows("SELECT MAX(ambiguous_until) FROM django_liveactivity_lane")
    assert quarantines == [(0,)], "what was not sent is not ambiguous"
    system.worker()
    system.judge()


@row(23)
def test_row_23_reset_before_processing(system: System):
    host = system.host()
    system.worker()
    system.vendor.rule(behaviors.reset_before, "PUT", times=2)
    host.must(show("card-1"), show("card-2"))
    system.until(lambda: len(system.vendor.alive()) == 2, "the repeated PUTs")
    system.vendor.rule(behaviors.reset_before, "DELETE", times=2)
    host.must(end("card-1"), end("card-2"))
    system.judge()
    assert system.outcomes().count("ambiguous") == 4


@row(24)
def test_row_24_reset_after_processing(system: System):
    host = system.host()
    system.worker()
    host.must(show("card-1"))
    system.drained()
    system.vendor.rule(behaviors.reset_after, "DELETE")
    last = end("card-1")
    host.must(last)
    system.judge()
    assert len(system.vendor.calls("DELETE")) == 2
    operation = next(f.operation for f in system.facts() if f.serial == last["serial"])
    assert system.operations()[operation].outcome == "already_ended"


@row(24)
@pytest.mark.parametrize("fault", ["cut_after", "half_close_after", "silent"])
def test_row_24_answer_lost_on_the_way(system: System, fault: str):
    with Proxy(system.vendor.port) as proxy:
        host = system.host()
        system.worker(base_url=f"http://127.0.0.1:{proxy.port}/api")
        host.must(show("card-1"))
        system.drained()
        proxy.reset_all()
        setattr(proxy.faults, fault, True if fault == "silent" else 40)
        host.must(end("card-1"))
        system.until(lambda: "ambiguous" in system.outcomes(), "an ambiguous call")
        proxy.faults = Faults()
        system.judge()
    expected = "delivered" if fault == "silent" else "already_ended"
    assert system.outcomes()[-1] == expected


@row(25)
def test_row_25_timed_out_put_applied_after_the_delete(system: System):
    put = a_put_held_until_after_the_end(system)
    system.until(lambda: system.vendor.alive() and put.applied, "the revived card")
    system.judge()
    deletes = system.vendor.calls("DELETE")
    assert len(deletes) == 2, "the end is confirmed once"
    assert deletes[0].arrived < put.applied < deletes[1].arrived


@row(26)
@pytest.mark.parametrize("answer", [behaviors.byte_by_byte, behaviors.huge, behaviors.page])
def test_row_26_answers_that_are_none(system: System, answer: Behavior):
    host = system.host()
    system.worker()
    host.must(show("card-1"))
    system.drained()
    system.vendor.rule(answer, "DELETE")
    begun = time.monotonic()
    host.must(end("card-1"))
    system.until(lambda: "ambiguous" in system.outcomes(), "an ambiguous call")
    assert time.monotonic() - begun < 3.0, "the deadline is total"
    system.judge()
    assert len(system.vendor.calls("DELETE")) == 2


@contextmanager
def somebody_else(system: System, every: float) -> Iterator[None]:
    """Let another program spend calls of the same account for the time of the block."""
    stop = threading.Event()

    def spend() -> None:
        while not stop.wait(every):
            system.vendor.call_as_somebody_else("DELETE", "theirs")

    thread = threading.Thread(target=spend)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def refusals_per_window(system: System, workers: int) -> list[int]:
    """Deliver twice the limit beside somebody who spends half of it; count each window's 429."""
    limit, seconds = rate_limit = (20, 3.0)
    system.vendor.policy.rate_limit = rate_limit
    host = system.host()
    host.must(many([end(f"card-{n}") for n in range(2 * limit)]))
    system.database.execute(f"UPDATE {OPERATIONS} SET rank = 0")  # as if we had shown the cards
    with somebody_else(system, every=seconds / (limit / 2)):
        for _ in range(workers):
            # One drain at a time each: all calls in flight at a 429 may be answered so.
            system.start(*DISPATCH, "--threads", "1", name="worker", rate_limit=rate_limit)
        system.drained()
    system.judge()
    refused = [e.arrived for e in system.vendor.calls() if e.status == 429]
    return [sum(at <= other < at + 0.97 * seconds for other in refused) for at in refused]


@row(27)
def test_row_27_foreign_caller_spends_half_the_limit(system: System):
    counts = refusals_per_window(system, workers=1)
    assert counts, "the limit was never met"
    assert max(counts) == 1, counts


@row(27)
def test_row_27_foreign_caller_and_calls_in_flight_at_the_429(system: System):
    counts = refusals_per_window(system, workers=2)
    assert counts, "the limit was never met"
    assert max(counts) <= 2, f"beyond one per worker that had claimed already: {counts}"


@row(28)
def test_row_28_429_for_concurrency(system: System):
    system.vendor.policy.concurrent = 4
    host = system.host()
    system.workers(2)
    host.must(*(show(f"card-{n}") for n in range(4)))
    system.until(lambda: len(system.vendor.alive()) == 4, "four cards")
    host.must(show("card-5"), show("card-6"))
    system.until(lambda: "limit_reached" in system.outcomes(), "the limit")
    refused = len([e for e in system.vendor.calls() if e.status == 429])
    time.sleep(0.6)
    assert len([e for e in system.vendor.calls() if e.status == 429]) - refused <= 2
    asked = time.monotonic()
    host.must(end("card-1"))
    ended = system.until_called("DELETE", "card-1")
    assert ended.arrived - asked < 1.0, "ends flow"
    system.until(lambda: len(system.vendor.alive()) == 4, "the start that waited")
    host.must(end("card-2"))
    system.judge()
    assert sorted(system.vendor.alive()) == ["card-0", "card-3", "card-5", "card-6"]


@row(29)
def test_row_29_400_on_the_final_content(system: System):
    host = system.host()
    system.worker()
    host.must(show("card-1"))
    system.drained()
    system.vendor.rule(behaviors.reject_body, "DELETE", times=None)
    host.must(end("card-1", content=True))
    system.judge()
    assert [(bool(e.body), e.status) for e in system.vendor.calls("DELETE")] == [
        (True, 400),
        (False, 200),
    ]


@row(30)
def test_row_30_401_and_the_key_rotated_later(system: System):
    host = system.host()
    system.workers(2)
    host.must(*(show(f"card-{n}") for n in range(3)))
    system.until(lambda: len(system.vendor.alive()) == 3, "the cards")
    system.vendor.policy.api_keys = ["another"]
    host.must(*(end(f"card-{n}") for n in range(3)))
    system.until(lambda: system.account()["blocked_since"], "the block")
    time.sleep(3.0)
    assert len([e for e in system.vendor.calls() if e.status == 401]) <= 4
    system.vendor.policy.api_keys = None
    system.judge()


@row(38)
def test_row_38_timed_out_delete_applied_after_the_next_put(system: System):
    host = system.host()
    system.workers(2)
    host.must(show("card-1"))
    system.drained()
    system.vendor.rule(behaviors.late_by(2.5), "DELETE")
    newest = show("card-1")
    host.must(end("card-1"), newest)
    first = system.until_called("DELETE")
    system.judge()
    second_put = system.vendor.calls("PUT")[1]
    assert first.applied is not None
    assert first.applied < second_put.arrived, "the next generation waits"
    assert system.vendor.alive() == {"card-1": newest["serial"]}


@row(41)
@pytest.mark.parametrize("way", ["celery", "loops"])
def test_row_41_one_accounts_vendor_is_silent_and_anothers_is_well(system: System, way: str):
    accounts = {name: {"api_key": name} for name in ("silent", "well")}
    # A call is awaited for 5 s, so that whoever waits behind one waits for more than 2.
    system.run |= {"accounts": accounts, "divisor": 3, "rate_limit": (60, 3.0)}
    with own_server(Redis) if way == "celery" else nullcontext() as redis:
        if redis is None:
            system.workers(2)
        else:
            system.run |= redis.run_settings()
            system.celery("-c", "2")
        host = system.host()
        keys = {name: [f"{name}-{n}" for n in range(6)] for name in accounts}
        host.must(many([show(key, account=name) for name in keys for key in keys[name]]))
        system.until(lambda: len(system.vendor.alive()) == 12, "the cards")
        system.drained()
        system.vendor.rule(behaviors.hang, api_key="silent", times=None)
        first, *rest = [end(key, account="silent") for key in keys["silent"]]
        host.must(first)
        system.until(lambda: "ambiguous" in system.outcomes(), "the first call that timed out")
        host.must(many(rest))
        system.until(lambda: len(system.vendor.calls("DELETE", api_key="silent")) > 1, "the next")
        waits = waits_of_ends(system, host, keys["well"])
        system.vendor.end_rules()
        system.judge()
    assert max(waits) <= 2.0, f"the ends of the other account waited {waits} s"


def waits_of_ends(system: System, host: Host, keys: list[str]) -> list[float]:
    """End a card a second; return the seconds from each commit until the vendor had the call."""
    committed = {}
    for key in keys:
        answer = host.do(end(key, account="well"))
        assert not answer["error"], answer["error"]
        committed[key] = answer["over"]
        time.sleep(1.0)
    return [system.until_called("DELETE", key).arrived - committed[key] for key in keys]
