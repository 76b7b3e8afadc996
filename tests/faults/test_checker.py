"""The checker finds what it is there to find: one small forged history per letter."""

from __future__ import annotations

from typing import Any

import pytest

from .checker import Fact, Records, Row, check
from .vendor import Entry

SHOW_1, END_2, SHOW_3 = (
    Fact(serial=1, key="card", kind="show", operation=1),
    Fact(serial=2, key="card", kind="end", operation=2),
    Fact(serial=3, key="card", kind="show", operation=3),
)
DONE = Row("done", "delivered")


def put(at: float, serial: int, *, until: float | None = None) -> Entry:
    """A PUT that was answered well."""
    body = {"content_state": {"title": f"card #{serial}"}}
    answered = at + 0.1 if until is None else until
    return Entry(0, at, "PUT", "card", body, status=200, answered=answered)


def delete(at: float, status: int = 200) -> Entry:
    """A DELETE and its answer."""
    answer = {"success": True} if status == 200 else {"error": "no", "message": "no"}
    return Entry(0, at, "DELETE", "card", None, status=status, answer=answer, answered=at + 0.1)


def letters(
    facts: list[Fact], log: list[Entry], alive: dict[str, int | None], **rows: Any
) -> set[str]:
    """Return the letters that fail; the change with serial n was committed at n seconds."""
    times = {fact.serial: float(fact.serial) for fact in facts}
    states = {fact.operation: rows.get("row", DONE) for fact in facts}
    return {v.letter for v in check(Records(facts, log, alive, states, times, times))}


def test_a_good_run_has_no_violation():
    log = [put(1.1, 1), delete(2.1), put(3.1, 3)]
    assert letters([SHOW_1, END_2, SHOW_3], log, {"card": 3}) == set()


@pytest.mark.parametrize(
    "log",
    [
        [put(1.1, 1)],
        [put(1.1, 1), delete(2.1, status=500)],
        [put(1.1, 1), delete(2.1, status=401)],
    ],
)
def test_l_an_end_without_an_acknowledged_call(log: list[Entry]):
    assert letters([SHOW_1, END_2], log, {}) == {"L"}


def test_l_an_end_that_waits():
    log = [put(1.1, 1), delete(2.1)]
    assert letters([SHOW_1, END_2], log, {}, row=Row("pending", "")) == {"L"}


def test_l_an_end_that_is_called_never_started_although_there_was_a_call():
    row = Row("done", "never_started")
    assert letters([SHOW_1, END_2], [put(1.1, 1)], {}, row=row) == {"L"}
    assert letters([SHOW_1, END_2], [], {}, row=row) == set()


def test_a_a_card_that_lives_on():
    assert letters([SHOW_1, END_2], [put(1.1, 1), delete(2.1)], {"card": 1}) == {"A"}


def test_a_a_card_of_the_generation_before():
    log = [put(1.1, 1), delete(2.1), put(3.1, 3)]
    assert letters([SHOW_1, END_2, SHOW_3], log, {"card": 1}) == {"A"}


def test_r_content_that_was_rolled_back():
    assert letters([SHOW_1], [put(1.1, 1), put(1.3, 9)], {"card": 1}) == {"R"}


def test_r_an_end_that_was_rolled_back():
    assert letters([SHOW_1], [put(1.1, 1), delete(1.3)], {}) == {"R"}


def test_r_an_end_that_was_sent_before_its_commit():
    log = [put(1.1, 1), delete(1.5), delete(2.1)]
    assert letters([SHOW_1, END_2], log, {}) == {"R"}


def test_o_content_that_goes_back():
    facts = [SHOW_1, Fact(serial=2, key="card", kind="show", operation=2)]
    assert letters(facts, [put(2.1, 2), put(2.3, 1)], {"card": 1}) == {"O"}


def test_o_content_after_its_end():
    log = [put(1.1, 1), delete(2.1), put(2.3, 1), delete(2.5)]
    assert letters([SHOW_1, END_2], log, {}) == {"O"}


def test_s_a_call_that_only_a_frozen_worker_awaits():
    body = {"content_state": {"title": "card #1"}}
    hung = Entry(0, 1.1, "PUT", "card", body, gone=5.1)
    assert letters([SHOW_1, END_2], [hung, delete(4.2)], {}) == set()
    assert letters([SHOW_1, END_2], [hung, delete(1.6), delete(2.1)], {}) == {"R", "S"}


def test_s_two_calls_at_once():
    log = [put(1.1, 1, until=2.5), delete(2.1)]
    assert letters([SHOW_1, END_2], log, {}) == {"S"}


def paced(*bursts: tuple[float, int], refused: int = 0) -> set[str]:
    """Return the letters of a saturated run under 10 calls a second, from bursts of ends."""
    log = [delete(at) for at, count in bursts for _ in range(count)]
    log += [delete(bursts[-1][0], status=429) for _ in range(refused)]
    records = Records([], log, {}, {}, {}, {}, saturated=(10, 1.0))
    return {v.letter for v in check(records)} & {"P"}


def test_p_a_limit_that_is_used_and_kept():
    assert paced((0.0, 10), (1.01, 10), (2.02, 3)) == set()


def test_p_a_limit_that_is_not_used():
    assert paced((0.0, 10), (1.01, 9), (2.02, 3)) == {"P"}
    assert paced((0.0, 10), (2.02, 10), (3.03, 3)) == {"P"}


def test_p_more_than_one_in_a_hundred_refused():
    assert paced((0.0, 10), (1.01, 10), (2.02, 3), refused=1) == {"P"}
    assert paced(*((n * 1.01, 10) for n in range(10)), (10.1, 1), refused=1) == set()
