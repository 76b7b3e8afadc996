"""Tell of a call: log lines, warnings and the public signals, outside every transaction of ours."""

from collections.abc import Iterable

from django.dispatch import Signal

from django_liveactivity import signals
from django_liveactivity.client.answer import Answer, Outcome
from django_liveactivity.conf import Account
from django_liveactivity.content.endpoints import Endpoint
from django_liveactivity.models import Lane, LiveActivity, Operation, batched
from django_liveactivity.printable import get_logger

from .lanes.apply import generation_cards
from .lanes.claim import Claim
from .lanes.record import Recorded
from .rules.plan import Plan
from .rules.verdicts import AccountEffect, Verdict

State = Operation.State
QUOTED = 200
"""Characters of an answer in a warning."""
TOLD_BY_STATUS = (AccountEffect.FREEZE, AccountEffect.BILLING, AccountEffect.LIMIT)
"""Conditions of the account, which the status reports; the operation is not at fault."""
BY_ACTIVITY_ID = (Endpoint.UPDATE, Endpoint.END)
NEXT = {
    State.FAILED: "it is not sent again",
    State.NEEDS_OPERATOR: "it is tried once an hour, and needs an operator",
    State.PENDING: "it is tried again",
}
WRONG_ADDRESS = "this may not be the vendor's API: check base_url"
UNKNOWN_CARD = "it was shown before and may still be on phones: check base_url and api_key"

logger = get_logger("django_liveactivity.delivery")
calls_logger = get_logger("django_liveactivity.calls")


def log_call(account: Account, claim: Claim, answer: Answer) -> None:
    """Log the call and its answer: ``default: PUT deploy-42 200 delivered in 84 ms``."""
    call, milliseconds = claim.call, answer.duration * 1000
    what = f"{call.method} {call.endpoint}" if call.endpoint in BY_ACTIVITY_ID else call.method
    status = "" if answer.status is None else f" {answer.status}"
    line = f"{what} {call.target}{status} {answer.outcome} in {milliseconds:.0f} ms"
    calls_logger.info("%s: %s", account.alias, line)


def report(account: Account, claim: Claim, answer: Answer, recorded: Recorded) -> None:
    """Warn of what is wrong with a stored answer, and send the signals that it calls for."""
    warning = _warning(claim, answer, recorded)
    if warning:
        logger.warning("%s: %s", account.alias, warning)
    if not recorded.owned:
        logger.warning("Lane %s: the lease ran out before the answer was stored.", claim.lane)
    _send_signals(account, claim, answer, recorded)


def _warning(claim: Claim, answer: Answer, recorded: Recorded) -> str | None:
    """Return what is wrong, in words, or None if nothing is or if it was said before."""
    if recorded.verdict.state == State.DONE:
        follows = _reservation(claim, answer, repeats=recorded.repeats)
    else:
        follows = _consequence(claim.operation, answer, recorded.verdict)
    if follows is None:
        return None
    quoted = answer.error or answer.text[:QUOTED]
    words = [str(answer.outcome), str(answer.status or ""), quoted]
    reason = " ".join(word for word in words if word)
    what = f"{claim.operation.kind} of {claim.lane}: {reason}"
    return f"{what}; {follows}." if follows else f"{what}."


def _consequence(operation: Operation, answer: Answer, verdict: Verdict) -> str | None:
    """Return what becomes of an operation that is not done."""
    if verdict.effect in TOLD_BY_STATUS:
        return None
    counts = verdict.effect == AccountEffect.FAILURE
    failed_before = operation.failures if counts else operation.tries
    if verdict.state == operation.state and failed_before:
        return None
    wrong = answer.outcome == Outcome.UNAUTHORIZED and answer.status != 401
    follows = NEXT[verdict.state]
    return f"{WRONG_ADDRESS}; {follows}" if wrong else follows


def _reservation(claim: Claim, answer: Answer, *, repeats: bool) -> str | None:
    """Return what to say of an operation that is done with reservations; "" for the answer only."""
    if answer.acknowledged:
        return "" if answer.error and not repeats else None
    shown = claim.lane.displayed_id and claim.operation.acknowledged_at is None
    return UNKNOWN_CARD if shown and answer.status == 404 else None


def _send_signals(account: Account, claim: Claim, answer: Answer, recorded: Recorded) -> None:
    send_plan_signals(account, claim.lane, claim.plan)
    using, state = account.database, recorded.verdict.state
    if not recorded.owned:
        return  # the worker that has the lane now repeats the call and sends the signals
    if state == State.DONE and claim.is_end:
        _send_end_signals(using, claim, answer.outcome)
    elif state == State.DONE:
        send_for_operations(using, signals.operation_delivered, [claim.operation])
        if recorded.started:
            _send_for_cards(using, signals.activity_started, claim.lane.cards)
    elif state not in (State.PENDING, claim.operation.state):
        send_for_operations(using, signals.operation_failed, [claim.operation], state=state)


def send_plan_signals(account: Account, lane: Lane, plan: Plan) -> None:
    """Send the signals for what an applied plan has ended without a call."""
    using = account.database
    send_for_operations(using, signals.operation_delivered, plan.already_covered)
    _send_ended(using, plan.ended_cards, Outcome.ALREADY_ENDED)
    if plan.never_started:
        send_for_operations(using, signals.operation_delivered, plan.ends)
        _send_ended(using, generation_cards(lane, plan), Outcome.NEVER_STARTED)


def _send_end_signals(using: str, claim: Claim, outcome: Outcome) -> None:
    """Send the signals of each end and card once: a call that only confirms sends none."""
    ends = claim.plan.ends
    confirmed = {end.activity_id for end in ends if end.acknowledged_at is not None}
    new = [end for end in ends if end.acknowledged_at is None]
    cards = {end.activity_id for end in new} - confirmed
    if not confirmed:
        cards |= {*claim.lane.cards}
    send_for_operations(using, signals.operation_delivered, new)
    _send_ended(using, cards, outcome)


def send_for_operations(
    using: str, signal: Signal, operations: Iterable[Operation], **only: str
) -> None:
    """Send a signal for each of the operations, as its row is now."""
    if signal.has_listeners(Operation):
        rows = Operation.objects.using(using).select_related("activity").filter(**only)
        for some in batched(sorted({o.pk for o in operations})):
            for operation in rows.filter(pk__in=some).order_by("pk"):
                signal.send_robust(Operation, operation=operation, outcome=operation.outcome)


def _send_ended(using: str, cards: Iterable[int], outcome: Outcome) -> None:
    _send_for_cards(using, signals.activity_ended, cards, outcome=str(outcome))


def _send_for_cards(using: str, signal: Signal, cards: Iterable[int], **arguments: str) -> None:
    if signal.has_listeners(LiveActivity):
        rows = LiveActivity.objects.using(using).order_by("pk")
        for some in batched(sorted(cards)):
            for activity in rows.filter(pk__in=some):
                signal.send_robust(LiveActivity, activity=activity, **arguments)
