"""Every cell of the verdict table by its value, written out: no constant of the code is asked."""

from __future__ import annotations

import pytest

from django_liveactivity.client import Outcome
from django_liveactivity.content.endpoints import Endpoint
from django_liveactivity.delivery.rules.verdicts import TABLE, judge

RETRY = "pending failure backoff"
LOST = "pending failure backoff quarantine"
STRIP = "pending open now stripped"
OPERATOR = "needs_operator open hourly"
FREEZE = "pending freeze now"
BLOCK = "pending block now"
UNPAID = "pending billing now"
UNPAID_END = "pending same hourly"
FULL = "pending limit now"
DONE = "done open"
FAILED = "failed open"

ENDPOINTS = (Endpoint.STREAM, Endpoint.UPDATE, Endpoint.END_STREAM, Endpoint.END)
CELLS = {
    # answer          PUT stream  POST update  DELETE stream  POST end
    "not_sent":        (RETRY,    RETRY,       RETRY,         RETRY),
    "ambiguous":       (LOST,     RETRY,       LOST,          RETRY),
    "rate_limited":    (FREEZE,   FREEZE,      FREEZE,        FREEZE),
    "limit_reached":   (FULL,     FREEZE,      FREEZE,        FREEZE),
    "billing_blocked": (UNPAID,   UNPAID,      UNPAID_END,    UNPAID_END),
    "not_found":       (FAILED,   FAILED,      DONE,          OPERATOR),
    "no_recipients":   (FAILED,   FAILED,      DONE,          DONE),
    "forbidden":       (FAILED,   FAILED,      OPERATOR,      OPERATOR),
    "rejected":        (FAILED,   FAILED,      STRIP,         STRIP),
    "unauthorized":    (BLOCK,    BLOCK,       BLOCK,         BLOCK),
    "delivered":       (DONE,     DONE,        DONE,          DONE),
    "already_ended":   (DONE,     DONE,        DONE,          DONE),
    "forced":          (DONE,     DONE,        DONE,          DONE),
    "partial":         (DONE,     DONE,        DONE,          DONE),
    "queued":          (DONE,     DONE,        DONE,          DONE),
    "noop":            (DONE,     DONE,        DONE,          DONE),
    "paused":          (DONE,     DONE,        DONE,          DONE),
}  # fmt: skip
"""State, effect on the account, when it is tried again, and what the call leaves behind."""


def words(endpoint: Endpoint, outcome: str, *, stripped: bool = False) -> str:
    """A verdict as in the table."""
    verdict = judge(endpoint, Outcome(outcome), stripped=stripped)
    found = [str(verdict.state), verdict.effect.name.lower()]
    found += [verdict.retry.name.lower()] if verdict.retry else []
    found += ["quarantine"] if verdict.quarantines else []
    return " ".join([*found, *(["stripped"] if verdict.strips else [])])


@pytest.mark.parametrize(
    ("outcome", "endpoint", "cell"),
    [
        (outcome, endpoint, cell)
        for outcome, cells in CELLS.items()
        for endpoint, cell in zip(ENDPOINTS, cells, strict=True)
    ],
)
def test_cell(outcome, endpoint, cell):
    assert words(endpoint, outcome) == cell


@pytest.mark.parametrize(
    ("outcome", "endpoint", "cell"),
    [
        (outcome, endpoint, OPERATOR if cell == STRIP else cell)
        for outcome, cells in CELLS.items()
        for endpoint, cell in zip(ENDPOINTS, cells, strict=True)
    ],
)
def test_cell_of_a_stripped_body(outcome, endpoint, cell):
    assert words(endpoint, outcome, stripped=True) == cell


def test_every_outcome_of_a_call_is_in_the_table():
    assert set(CELLS) == set(TABLE) == set(Outcome) - {"never_started"}
