"""What the log says of a call: a line for each, and what is wrong with an answer, once."""

from __future__ import annotations

from django_liveactivity.client.answer import Answer
from django_liveactivity.content import Endpoint

from .claim import Claim
from .verdict import Gate, State, Verdict

SHOWN_OF_ANSWER = 200
"""Characters."""
SPOKEN_OF_ELSEWHERE = (Gate.FREEZE, Gate.BILLING, Gate.LIMIT)
"""The account's condition, which the status tells, is no fault of the operation."""
NEXT = {
    State.FAILED: "it is not sent again",
    State.NEEDS_OPERATOR: "it is tried once an hour, and needs an operator",
    State.PENDING: "it is tried again",
}


BY_ACTIVITY_ID = (Endpoint.UPDATE, Endpoint.END)


def call_line(claim: Claim, answer: Answer) -> str:
    """Return what was called and what was answered: ``PUT deploy-42 200 delivered in 84 ms``."""
    call = claim.call
    what = f"{call.method} {call.endpoint}" if call.endpoint in BY_ACTIVITY_ID else call.method
    status = "" if answer.status is None else f" {answer.status}"
    return f"{what} {call.target}{status} {answer.outcome} in {answer.duration * 1000:.0f} ms"


def complaint(claim: Claim, answer: Answer, verdict: Verdict) -> str | None:
    """Return what is wrong, in words, or None if nothing is or if it was said before."""
    operation, state = claim.operation, State(verdict.state)
    if state == State.DONE or verdict.gate in SPOKEN_OF_ELSEWHERE:
        return None
    failed_before = operation.setbacks if verdict.gate == Gate.FAILURE else operation.tries
    if state == State(operation.state) and failed_before:
        return None
    said = answer.error or answer.text[:SHOWN_OF_ANSWER]
    words = [str(answer.outcome), str(answer.status or ""), said]
    reason = " ".join(word for word in words if word)
    return f"{operation.kind} of {claim.lane}: {reason}; {NEXT[state]}."
