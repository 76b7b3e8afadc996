"""What the log says of a call: a line for each, and what is wrong with an answer, once."""

from __future__ import annotations

from django_liveactivity.client.answer import Answer, Outcome
from django_liveactivity.content import Endpoint
from django_liveactivity.delivery.rules.verdicts import AccountEffect, State, Verdict
from django_liveactivity.models import Operation

from .claim import Claim

SHOWN_OF_ANSWER = 200
"""Characters."""
SPOKEN_OF_ELSEWHERE = (AccountEffect.FREEZE, AccountEffect.BILLING, AccountEffect.LIMIT)
"""The account's condition, which the status tells, is no fault of the operation."""
REFUSED_KEY, NOT_FOUND = 401, 404
NEXT = {
    State.FAILED: "it is not sent again",
    State.NEEDS_OPERATOR: "it is tried once an hour, and needs an operator",
    State.PENDING: "it is tried again",
}
WRONG_ADDRESS = "this may not be the vendor's API: check base_url"
DENIED = "we had shown that card, and it may live on: check base_url and api_key"
BY_ACTIVITY_ID = (Endpoint.UPDATE, Endpoint.END)


def call_line(claim: Claim, answer: Answer) -> str:
    """Return what was called and what was answered: ``PUT deploy-42 200 delivered in 84 ms``."""
    call = claim.call
    what = f"{call.method} {call.endpoint}" if call.endpoint in BY_ACTIVITY_ID else call.method
    status = "" if answer.status is None else f" {answer.status}"
    return f"{what} {call.target}{status} {answer.outcome} in {answer.duration * 1000:.0f} ms"


def complaint(
    claim: Claim, answer: Answer, verdict: Verdict, *, repeats: bool = False
) -> str | None:
    """Return what is wrong, in words, or None if nothing is or if it was said before.

    Args:
        claim: the call.
        answer: what was answered.
        verdict: what becomes of the operation.
        repeats: the content before was accepted with reservations of the same kind.
    """
    if verdict.state == State.DONE:
        follows = _reservation(claim, answer, repeats=repeats)
    else:
        follows = _consequence(claim.operation, answer, verdict)
    if follows is None:
        return None
    said = answer.error or answer.text[:SHOWN_OF_ANSWER]
    words = [str(answer.outcome), str(answer.status or ""), said]
    reason = " ".join(word for word in words if word)
    what = f"{claim.operation.kind} of {claim.lane}: {reason}"
    return f"{what}; {follows}." if follows else f"{what}."


def _consequence(operation: Operation, answer: Answer, verdict: Verdict) -> str | None:
    """Return what becomes of an operation that is not done."""
    state = State(verdict.state)
    if verdict.effect in SPOKEN_OF_ELSEWHERE:
        return None
    failed_before = (
        operation.failures if verdict.effect == AccountEffect.FAILURE else operation.tries
    )
    if state == State(operation.state) and failed_before:
        return None
    wrong = answer.outcome == Outcome.UNAUTHORIZED and answer.status != REFUSED_KEY
    return f"{WRONG_ADDRESS}; {NEXT[state]}" if wrong else NEXT[state]


def _reservation(claim: Claim, answer: Answer, *, repeats: bool) -> str | None:
    """Return what is to be said of an operation that is done though not all is well."""
    if answer.acknowledged:
        return "" if answer.error and not repeats else None
    shown = claim.lane.displayed_id and claim.operation.acknowledged_at is None
    return DENIED if shown and answer.status == NOT_FOUND else None
