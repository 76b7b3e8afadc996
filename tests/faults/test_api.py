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
from .harness import DISPATCH, OPERATIONS, Host, World
from .matrix import row
from .own_servers import private
from .proxy import Faults, Proxy
from .scenarios import a_put_held_until_after_the_end
from .vendor import Behavior


@row(20)
def test_row_20_500_for_a_while(world: World):
    host = world.host()
    world.workers(2)
    keys = [f"card-{n}" for n in range(8)]
    host.must(many([show(key) for key in keys]))
    world.until_called("PUT", count=8)
    world.drained()
    before = len(world.vendor.calls())
    world.vendor.rule(behaviors.status(500), times=None)
    host.must(many([end(key) for key in keys]))
    world.until(lambda: world.account()["blocked_since"], "the block")
    time.sleep(1.0)
    calls = len(world.vendor.calls())
    time.sleep(4.0)
    assert len(world.vendor.calls()) - calls <= 3, "a blocked account probes"
    assert len(world.vendor.calls()) - before <= 16
    world.vendor.end_rules()
    world.judge()
    assert world.account()["blocked_since"] is None


@row(21)
@pytest.mark.parametrize("form", ["seconds", "date", "garbage", "too long"])
def test_row_21_503_with_retry_after(world: World, form: str):
    value = {"seconds": "2", "garbage": "soon", "too long": "99999"}
    host = world.host()
    world.worker(timing={"retry_after_cap": 2500})
    host.must(show("card-1"), show("card-2"))
    world.drained()
    header = value.get(form) or formatdate(time.time() + 3, usegmt=True)
    world.vendor.rule(behaviors.status(503, Retry_After=header))
    host.must(end("card-1"))
    world.until_called("DELETE")
    host.must(end("card-2"))
    world.judge()
    first, second = world.vendor.calls("DELETE")[:2]
    shortest, longest = {"garbage": (0.0, 1.5), "too long": (2.4, 4.0)}.get(form, (1.5, 4.0))
    assert shortest <= second.arrived - first.arrived <= longest


@row(22)
@pytest.mark.parametrize("address", ["http://127.0.0.1:9/api", "https://nowhere.invalid/api"])
def test_row_22_connection_refused_or_name_not_found(world: World, address: str):
    host = world.host()
    host.must(show("card-1"), end("card-1"), show("card-2"))
    unlucky = world.worker(base_url=address)
    world.until(lambda: "not_sent" in world.outcomes(), "a call that was not sent")
    host.must(end("card-2"))
    time.sleep(0.5)
    unlucky.kill()
    assert set(world.outcomes()) <= {"not_sent", ""}
    quarantines = world.database.rows("SELECT MAX(ambiguous_until) FROM django_liveactivity_lane")
    assert quarantines == [(0,)], "what was not sent is not ambiguous"
    world.worker()
    world.judge()


@row(23)
def test_row_23_reset_before_processing(world: World):
    host = world.host()
    world.worker()
    world.vendor.rule(behaviors.reset_before, "PUT", times=2)
    host.must(show("card-1"), show("card-2"))
    world.until(lambda: len(world.vendor.alive()) == 2, "the repeated PUTs")
    world.vendor.rule(behaviors.reset_before, "DELETE", times=2)
    host.must(end("card-1"), end("card-2"))
    world.judge()
    assert world.outcomes().count("ambiguous") == 4


@row(24)
def test_row_24_reset_after_processing(world: World):
    host = world.host()
    world.worker()
    host.must(show("card-1"))
    world.drained()
    world.vendor.rule(behaviors.reset_after, "DELETE")
    last = end("card-1")
    host.must(last)
    world.judge()
    assert len(world.vendor.calls("DELETE")) == 2
    operation = next(f.operation for f in world.facts() if f.serial == last["serial"])
    assert world.operations()[operation].outcome == "already_ended"


@row(24)
@pytest.mark.parametrize("fault", ["cut_after", "half_close_after", "silent"])
def test_row_24_answer_lost_on_the_way(world: World, fault: str):
    with Proxy(world.vendor.port) as proxy:
        host = world.host()
        world.worker(base_url=f"http://127.0.0.1:{proxy.port}/api")
        host.must(show("card-1"))
        world.drained()
        proxy.reset_all()
        setattr(proxy.faults, fault, True if fault == "silent" else 40)
        host.must(end("card-1"))
        world.until(lambda: "ambiguous" in world.outcomes(), "an ambiguous call")
        proxy.faults = Faults()
        world.judge()
    expected = "delivered" if fault == "silent" else "already_ended"
    assert world.outcomes()[-1] == expected


@row(25)
def test_row_25_timed_out_put_applied_after_the_delete(world: World):
    put = a_put_held_until_after_the_end(world)
    world.until(lambda: world.vendor.alive() and put.applied, "the revived card")
    world.judge()
    deletes = world.vendor.calls("DELETE")
    assert len(deletes) == 2, "the end is confirmed once"
    assert deletes[0].arrived < put.applied < deletes[1].arrived


@row(26)
@pytest.mark.parametrize("answer", [behaviors.byte_by_byte, behaviors.huge, behaviors.page])
def test_row_26_answers_that_are_none(world: World, answer: Behavior):
    host = world.host()
    world.worker()
    host.must(show("card-1"))
    world.drained()
    world.vendor.rule(answer, "DELETE")
    begun = time.monotonic()
    host.must(end("card-1"))
    world.until(lambda: "ambiguous" in world.outcomes(), "an ambiguous call")
    assert time.monotonic() - begun < 3.0, "the deadline is total"
    world.judge()
    assert len(world.vendor.calls("DELETE")) == 2


@contextmanager
def somebody_else(world: World, every: float) -> Iterator[None]:
    """Let another program spend calls of the same account for the time of the block."""
    stop = threading.Event()

    def spend() -> None:
        while not stop.wait(every):
            world.vendor.call_as_somebody_else("DELETE", "theirs")

    thread = threading.Thread(target=spend)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def refusals_per_window(world: World, workers: int) -> list[int]:
    """Deliver twice the limit beside somebody who spends half of it; count each window's 429."""
    limit, seconds = rate_limit = (20, 3.0)
    world.vendor.policy.rate_limit = rate_limit
    host = world.host()
    host.must(many([end(f"card-{n}") for n in range(2 * limit)]))
    world.database.execute(f"UPDATE {OPERATIONS} SET rank = 0")  # as if we had shown the cards
    with somebody_else(world, every=seconds / (limit / 2)):
        for _ in range(workers):
            # One drain at a time each: all calls in flight at a 429 may be answered so.
            world.start(*DISPATCH, "--threads", "1", name="worker", rate_limit=rate_limit)
        world.drained()
    world.judge()
    refused = [e.arrived for e in world.vendor.calls() if e.status == 429]
    return [sum(at <= other < at + 0.97 * seconds for other in refused) for at in refused]


@row(27)
def test_row_27_foreign_caller_spends_half_the_limit(world: World):
    counts = refusals_per_window(world, workers=1)
    assert counts, "the limit was never met"
    assert max(counts) == 1, counts


@row(27)
def test_row_27_foreign_caller_and_calls_in_flight_at_the_429(world: World):
    counts = refusals_per_window(world, workers=2)
    assert counts, "the limit was never met"
    assert max(counts) <= 2, f"beyond one per worker that had claimed already: {counts}"


@row(28)
def test_row_28_429_for_concurrency(world: World):
    world.vendor.policy.concurrent = 4
    host = world.host()
    world.workers(2)
    host.must(*(show(f"card-{n}") for n in range(4)))
    world.until(lambda: len(world.vendor.alive()) == 4, "four cards")
    host.must(show("card-5"), show("card-6"))
    world.until(lambda: "limit_reached" in world.outcomes(), "the limit")
    refused = len([e for e in world.vendor.calls() if e.status == 429])
    time.sleep(0.6)
    assert len([e for e in world.vendor.calls() if e.status == 429]) - refused <= 2
    asked = time.monotonic()
    host.must(end("card-1"))
    ended = world.until_called("DELETE", "card-1")
    assert ended.arrived - asked < 1.0, "ends flow"
    world.until(lambda: len(world.vendor.alive()) == 4, "the start that waited")
    host.must(end("card-2"))
    world.judge()
    assert sorted(world.vendor.alive()) == ["card-0", "card-3", "card-5", "card-6"]


@row(29)
def test_row_29_400_on_the_final_content(world: World):
    host = world.host()
    world.worker()
    host.must(show("card-1"))
    world.drained()
    world.vendor.rule(behaviors.reject_body, "DELETE", times=None)
    host.must(end("card-1", content=True))
    world.judge()
    assert [(bool(e.body), e.status) for e in world.vendor.calls("DELETE")] == [
        (True, 400),
        (False, 200),
    ]


@row(30)
def test_row_30_401_and_the_key_rotated_later(world: World):
    host = world.host()
    world.workers(2)
    host.must(*(show(f"card-{n}") for n in range(3)))
    world.until(lambda: len(world.vendor.alive()) == 3, "the cards")
    world.vendor.policy.api_keys = ["another"]
    host.must(*(end(f"card-{n}") for n in range(3)))
    world.until(lambda: world.account()["blocked_since"], "the block")
    time.sleep(3.0)
    assert len([e for e in world.vendor.calls() if e.status == 401]) <= 4
    world.vendor.policy.api_keys = None
    world.judge()


@row(38)
def test_row_38_timed_out_delete_applied_after_the_next_put(world: World):
    host = world.host()
    world.workers(2)
    host.must(show("card-1"))
    world.drained()
    world.vendor.rule(behaviors.late_by(2.5), "DELETE")
    newest = show("card-1")
    host.must(end("card-1"), newest)
    first = world.until_called("DELETE")
    world.judge()
    second_put = world.vendor.calls("PUT")[1]
    assert first.applied is not None
    assert first.applied < second_put.arrived, "the next generation waits"
    assert world.vendor.alive() == {"card-1": newest["serial"]}


@row(41)
@pytest.mark.parametrize("way", ["celery", "loops"])
def test_row_41_one_accounts_vendor_is_silent_and_anothers_is_well(world: World, way: str):
    accounts = {name: {"api_key": name} for name in ("silent", "well")}
    # A call is awaited for 5 s, so that whoever waits behind one waits for more than 2.
    world.run |= {"accounts": accounts, "divisor": 3, "rate_limit": (60, 3.0)}
    with private(Redis) if way == "celery" else nullcontext() as redis:
        if redis is None:
            world.workers(2)
        else:
            world.run |= redis.run_settings()
            world.celery("-c", "2")
        host = world.host()
        keys = {name: [f"{name}-{n}" for n in range(6)] for name in accounts}
        host.must(many([show(key, account=name) for name in keys for key in keys[name]]))
        world.until(lambda: len(world.vendor.alive()) == 12, "the cards")
        world.drained()
        world.vendor.rule(behaviors.hang, api_key="silent", times=None)
        first, *rest = [end(key, account="silent") for key in keys["silent"]]
        host.must(first)
        world.until(lambda: "ambiguous" in world.outcomes(), "the first call that timed out")
        host.must(many(rest))
        world.until(lambda: len(world.vendor.calls("DELETE", api_key="silent")) > 1, "the next")
        waits = waits_of_ends(world, host, keys["well"])
        world.vendor.end_rules()
        world.judge()
    assert max(waits) <= 2.0, f"the ends of the other account waited {waits} s"


def waits_of_ends(world: World, host: Host, keys: list[str]) -> list[float]:
    """End a card a second; return the seconds from each commit until the vendor had the call."""
    committed = {}
    for key in keys:
        answer = host.do(end(key, account="well"))
        assert not answer["error"], answer["error"]
        committed[key] = answer["over"]
        time.sleep(1.0)
    return [world.until_called("DELETE", key).arrived - committed[key] for key in keys]
