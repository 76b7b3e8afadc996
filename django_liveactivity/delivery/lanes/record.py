"""Store the answer and release the lane in one transaction.

If the lease was lost, only the attempt is stored, and the account learns from the answer.
"""

import random
from dataclasses import dataclass

from django.db.models import F
from django.db.models.expressions import Combinable

from django_liveactivity.client.answer import Answer, Outcome
from django_liveactivity.delivery.limits import admission, rate
from django_liveactivity.delivery.limits.admission import Changes
from django_liveactivity.delivery.rules import verdicts
from django_liveactivity.delivery.rules.verdicts import AccountEffect, Retry, Verdict
from django_liveactivity.delivery.transaction import durable_transaction
from django_liveactivity.models import (
    AccountState,
    Attempt,
    KnownActivityId,
    Lane,
    LiveActivity,
    Now,
    Operation,
    compiled,
    lane_digest,
    rows_of,
)

from . import apply
from .claim import Claim, DrainContext, quarantine

State = Operation.State
Status = LiveActivity.Status
KEPT_FIRST = 5
KEPT_LAST = 20


@dataclass(frozen=True)
class Recorded:
    """What became of one call.

    Attributes:
        verdict: what becomes of the operation.
        owned: the lease was still this worker's, so the lane and its rows were changed.
        started: the call started a card.
        repeats: the content before was accepted with the same kind of reservation.
    """

    verdict: Verdict
    owned: bool
    started: bool
    repeats: bool


@dataclass(frozen=True)
class _Answered:
    """A call with its answer, and what that means."""

    context: DrainContext
    claim: Claim
    answer: Answer
    verdict: Verdict

    @property
    def database(self) -> str:
        return self.context.database


def is_certain(claim: Claim) -> bool:
    """Tell whether no PUT of ours can arrive after this end; else a later DELETE confirms it."""
    return claim.started_at >= claim.lane.stream_ambiguous_until


@durable_transaction
def record(
    context: DrainContext, claim: Claim, answer: Answer, *, is_key_replaced: bool = False
) -> Recorded:
    """Store the answer and release the lane, which changes only if the lease was not lost.

    Args:
        context: the drain.
        claim: the call that was made.
        answer: the vendor's answer, and our reading of it.
        is_key_replaced: the account has another key by now.
    """
    stripped, vague = claim.operation.stripped, claim.is_end and answer.is_vague
    verdict = verdicts.judge(
        claim.call.endpoint,
        answer.outcome,
        stripped=stripped,
        vague=vague,
        is_key_replaced=is_key_replaced,
    )
    answered = _Answered(context, claim, answer, verdict)
    owned = _release(answered)
    _store_attempt(answered)
    if owned:
        if verdict.retry is not None:
            _try_again(answered)
        elif claim.is_end:
            _record_end(answered)
        else:
            _record_content(answered)
        apply.evict(context.account, answer, claim.operation)
        _trim_attempts(answered)
    _update_account(answered)
    _give_back_slot(answered)
    done = verdict.state == State.DONE
    started = owned and claim.plan.starts and done
    return Recorded(verdict, owned, started, repeats=done and _repeats(answered))


def _release(answered: _Answered) -> bool:
    """Give the lease back; False if another worker has taken the lane in the meantime."""
    claim, answer, verdict = answered.claim, answered.answer, answered.verdict
    lane = claim.lane
    changes: Changes = {"lease_until": 0, "open_attempt": 0}
    if verdict.quarantines:
        changes |= quarantine(claim.call.endpoint, answered.context.timing.quarantine)
    if verdict.state == State.DONE and claim.is_end and is_certain(answered.claim):
        changes |= apply.next_generation(lane, claim.plan.ends) | {"newest_content_id": 0}
    elif verdict.state == State.DONE and not claim.is_end:
        if not answer.is_ignored:  # else an end still carries this content
            paused = answer.outcome == Outcome.PAUSED
            changes |= {
                "displayed_id": claim.operation.pk,
                "hidden_because": Lane.HiddenBecause.PAUSED if paused else "",
            }
        if lane.activity_id and answer.activity_id:
            changes["activity_id"] = answer.activity_id
    elif verdict.state == State.FAILED and (lane.displayed_id or not claim.operation.failures):
        # The time to live of the displayed content counts again. Refused content of which an
        # earlier try may have reached the phone keeps its own.
        changes["newest_content_id"] = lane.displayed_id
        changes["deadline_at"] = Now() if lane.displayed_id else None
    held = {"pk": lane.pk, "fence": lane.fence}
    return bool(compiled.update(Lane, answered.database, held, changes))


def _store_attempt(answered: _Answered) -> None:
    answer = answered.answer
    stored = {
        "status": answer.status,
        "outcome": answer.outcome,
        "answer": answer.text,
        "error": answer.error[:255],
        "duration_ms": round(answer.duration * 1000),
    }
    compiled.update(Attempt, answered.database, {"pk": answered.claim.attempt_id}, stored)


def _record_end(answered: _Answered) -> None:
    lane, also = answered.claim.lane, _displayed(answered)
    _acknowledge_ends(answered)
    if not lane.displayed_id:  # else its ids are known from the answers to its content
        also |= _remember_ids(answered)
    attention = answered.answer.needs_attention
    apply.mark_ended(answered.database, lane, lane.cards, attention=attention, **also)


def _acknowledge_ends(answered: _Answered) -> None:
    """Finish the ends, or have them confirmed after the quarantine; then content may go."""
    using, plan, answer = answered.database, answered.claim.plan, answered.answer
    changes: Changes = {
        "outcome": answer.outcome,
        "needs_attention": answer.needs_attention,
        "tries": F("tries") + 1,
        "acknowledged_at": Now(),
    }
    content_at: int | Combinable = Now()
    if is_certain(answered.claim):
        changes |= {"state": State.DONE, "next_try_at": None, "finished_at": Now()}
    else:
        content_at = answered.claim.lane.stream_ambiguous_until
        changes["next_try_at"] = content_at
    apply.update_unfinished(using, plan.ends, **changes)
    apply.update_unfinished(using, plan.deferred, next_try_at=content_at)
    if is_certain(answered.claim) and plan.redisplay is not None:
        Operation.objects.using(using).filter(pk=plan.redisplay.pk).update(
            state=State.PENDING, next_try_at=Now(), finished_at=None
        )


def _record_content(answered: _Answered) -> None:
    using, claim, answer = answered.database, answered.claim, answered.answer
    apply.finish_operations(using, [claim.operation], answered.verdict.state, answer.outcome)
    cards = claim.lane.cards
    if answered.verdict.state == State.DONE:
        paused = answer.outcome == Outcome.PAUSED
        shown: Changes = {
            "status": Status.PAUSED if paused else Status.LIVE,
            "generation": claim.lane.generation,
            "ended_at": None,
        }
        shown |= _displayed(answered) | _remember_ids(answered)
        apply.update_cards(using, cards, shown)
    elif claim.lane.displayed_id:
        apply.mark_displayed(using, claim.lane, cards)
    else:
        apply.update_cards(using, cards, {"status": Status.FAILED, "ended_at": Now()})


def _displayed(answered: _Answered) -> dict[str, str]:
    """Return the title and type that the phone shows after the call, if it has changed them."""
    answer = answered.answer
    unshown = answer.is_ignored or answer.outcome == Outcome.ALREADY_ENDED
    if unshown or not answer.acknowledged:
        return {}
    content = answered.claim.call.body.get("content_state") or {}
    return {name: content[name] for name in ("title", "type") if name in content}


def _remember_ids(answered: _Answered) -> dict[str, str]:
    """Store every id that the vendor names for a card; return its newest if that has changed."""
    account, answer = answered.context.account, answered.answer
    named = set(filter(None, (answer.activity_id, answer.previous_activity_id)))
    if not named:
        return {}
    # Not by operation.activity: a router might ask a replica.
    card = answered.claim.operation.activity_id
    rows = LiveActivity.objects.using(account.database).filter(pk=card)
    current = rows.values_list("activity_id", flat=True).first()
    if current is None:  # the row is gone
        return {}
    for identity in named - {current}:
        ids, digest = rows_of(account, KnownActivityId), lane_digest(activity_id=identity)
        if not ids.filter(activity=card, id_digest=digest).exists():
            ids.create(activity_id=card, account=account.alias, id_digest=digest)
    newest = answer.activity_id
    return {} if newest in (None, current) else {"activity_id": newest}


def _repeats(answered: _Answered) -> bool:
    """Tell whether the content before was accepted with the same kind of reservation."""
    claim, answer = answered.claim, answered.answer
    if not answer.error or claim.is_end or not claim.lane.displayed_id:
        return False
    before = Attempt.objects.using(answered.database).filter(operation=claim.lane.displayed_id)
    return before.filter(outcome=answer.outcome).exclude(error="").exists()


def _try_again(answered: _Answered) -> None:
    """Have the operation tried again; the other ends of its lane and its content wait with it."""
    using, claim, verdict = answered.database, answered.claim, answered.verdict
    operation, next_try = claim.operation, _next_try(answered)
    counts = verdict.effect == AccountEffect.FAILURE
    changes: Changes = {
        "state": verdict.state,
        "outcome": answered.answer.outcome,
        "tries": F("tries") + 1,
        "failures": F("failures") + (1 if counts else 0),
        "next_try_at": next_try,
        "stripped": operation.stripped or verdict.strips,
        "needs_attention": verdict.state == State.NEEDS_OPERATOR,
    }
    if operation.first_tried_at is None:
        changes["first_tried_at"] = claim.started_at
    if operation.rank == Operation.Rank.END and operation.failures + counts >= 2:
        changes["rank"] = Operation.Rank.RETRIED_END
    apply.update_unfinished(using, [operation], **changes)
    apply.update_unfinished(using, [*claim.plan.ends, *claim.plan.deferred], next_try_at=next_try)
    if verdict.state == State.NEEDS_OPERATOR:
        apply.update_cards(using, claim.lane.cards, {"needs_attention": True})


def _next_try(answered: _Answered) -> Combinable:
    claim, timing = answered.claim, answered.context.timing
    match answered.verdict.retry:
        case Retry.HOURLY:
            return Now() + timing.operator_retry
        case Retry.PROBE_CAP:
            return Now() + timing.probe_cap
        case Retry.NOW:
            return Now()
    age = claim.started_at - (claim.operation.first_tried_at or claim.started_at)
    tries = claim.operation.failures + 1
    return Now() + verdicts.retry_delay(tries, age, random.random(), timing)


def _trim_attempts(answered: _Answered) -> None:
    """Keep the first and the last calls of an operation that is tried for days."""
    operation = answered.claim.operation
    last_dropped = operation.tries + 1 - KEPT_LAST
    if last_dropped > KEPT_FIRST:
        Attempt.objects.using(answered.database).filter(
            operation=operation, number__gt=KEPT_FIRST, number__lte=last_dropped
        )._raw_delete(answered.database)


def _update_account(answered: _Answered) -> None:
    """Write what the answer says of the account; if there is room, wake one waiting start."""
    context, claim = answered.context, answered.claim
    changes = admission.account_changes(
        answered.verdict.effect,
        context.state,
        answered.answer,
        lane_id=claim.lane.pk,
        is_content=not claim.is_end,
        starts=claim.plan.starts,
        window=context.rate_limit.window,
        timing=context.timing,
        key_fingerprint=context.key_fingerprint,
    )
    if changes:
        compiled.update(AccountState, context.database, {"pk": context.state.pk}, changes)
    has_room = "limit_since" in changes and changes["limit_since"] is None
    if has_room or changes.get("limit_probe_at") == 0:
        operations = rows_of(context.account, Operation)
        starts = operations.filter(rank=Operation.Rank.WAITING_START, next_try_at__gt=Now())
        first = starts.order_by("pk").values_list("pk", flat=True).first()
        if first is not None:
            operations.filter(pk=first).update(next_try_at=Now())


def _give_back_slot(answered: _Answered) -> None:
    claim, answer, context = answered.claim, answered.answer, answered.context
    if claim.slot is not None:
        sent = answer.outcome != Outcome.NOT_SENT
        latency = round(answer.duration * 1000) if sent else None
        rate.give_back(
            context.account, claim.slot, claim.attempt_id, context.rate_limit, latency=latency
        )
