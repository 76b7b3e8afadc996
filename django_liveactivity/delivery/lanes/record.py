"""Store the answer and release the lane, in one step that a newer lease makes powerless."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from django.db.models import F

from django_liveactivity.client.answer import Answer, Outcome
from django_liveactivity.conf import Account
from django_liveactivity.delivery.limits import admission, rate
from django_liveactivity.delivery.rules.backoff import retry_delay
from django_liveactivity.delivery.rules.verdicts import AccountEffect, Retry, Verdict, judge
from django_liveactivity.delivery.transaction import durable_transaction
from django_liveactivity.models import (
    AccountState,
    Attempt,
    KnownActivityId,
    Lane,
    LiveActivity,
    Now,
    Operation,
    lane_digest,
)

from .apply import (
    card_rows,
    defer_operations,
    finish_operations,
    mark_ended,
    next_generation,
    show_joined,
)
from .claim import Claim
from .evict import evict
from .lost import quarantine_changes

State = Operation.State
Status = LiveActivity.Status
KEPT_FIRST = 5
KEPT_LAST = 20


@dataclass(frozen=True)
class Recorded:
    """What one call came to, for whoever tells the host's receivers."""

    operation: Operation
    verdict: Verdict
    outcome: Outcome
    started: bool
    owned: bool
    repeats: bool = False


@durable_transaction
def record(
    using: str,
    account: Account,
    state: AccountState,
    claim: Claim,
    answer: Answer,
    rate_limit: rate.RateLimit,
) -> Recorded:
    """Store what one call came to; without the lease only the attempt is stored."""
    stripped, vague = claim.operation.stripped, claim.is_end and answer.is_vague
    verdict = judge(claim.call.endpoint, answer.outcome, stripped=stripped, vague=vague)
    owned = _release(using, account, claim, answer, verdict)
    _store_attempt(using, claim, answer)
    if owned:
        if claim.is_end:
            _record_end(using, account, claim, answer, verdict)
        else:
            _record_content(using, account, claim, answer, verdict)
        evict(using, account, answer)
        _trim(using, claim)
    _pass_on(using, account, state, claim, answer, verdict.effect, rate_limit)
    if claim.slot is not None:
        sent = answer.outcome != Outcome.NOT_SENT
        latency = round(answer.duration * 1000) if sent else None
        rate.give_back(account, claim.slot, claim.attempt_id, rate_limit, latency=latency)
    started = owned and claim.plan.starts and verdict.state == State.DONE
    repeats = verdict.state == State.DONE and _repeats(using, claim, answer)
    return Recorded(claim.operation, verdict, answer.outcome, started, owned, repeats)


def _release(using: str, account: Account, claim: Claim, answer: Answer, verdict: Verdict) -> bool:
    """Give the lease back; False if another worker has taken the lane in the meantime."""
    lane = claim.lane
    changes: dict[str, Any] = {"lease_until": 0, "open_attempt": 0}
    if verdict.quarantine_changes:
        changes |= quarantine_changes(claim.call.endpoint, account.timing.quarantine)
    if verdict.state == State.DONE and claim.is_end and _is_certain(claim):
        changes |= next_generation(lane, claim.plan.ends) | {"newest_content_id": 0}
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
        changes["newest_content_id"] = lane.displayed_id
        changes["deadline_at"] = (
            Now() if lane.displayed_id else None
        )  # the shown content's time counts
    # Refused content of which an earlier try may have reached the phone keeps its time to live.
    rows = Lane.objects.using(using).filter(pk=lane.pk, fence=lane.fence)
    return bool(rows.update(**changes))


def _is_certain(claim: Claim) -> bool:
    """Tell whether no PUT of ours can arrive after this end; else a later DELETE confirms it."""
    return claim.started_at >= claim.lane.stream_ambiguous_until


def _store_attempt(using: str, claim: Claim, answer: Answer) -> None:
    Attempt.objects.using(using).filter(pk=claim.attempt_id).update(
        status=answer.status,
        outcome=answer.outcome,
        answer=answer.text,
        error=answer.error[:255],
        duration_ms=round(answer.duration * 1000),
    )


def _record_end(
    using: str, account: Account, claim: Claim, answer: Answer, verdict: Verdict
) -> None:
    ends, deferred = claim.plan.ends, claim.plan.deferred
    if verdict.state != State.DONE:
        next_try = _next_try(account, claim, verdict)
        _try_again(using, claim, answer, verdict, next_try)
        defer_operations(using, [*ends, *deferred], next_try)
        if verdict.state == State.NEEDS_OPERATOR:
            card_rows(using, claim.lane.cards).update(needs_attention=True)
        return
    attention = answer.needs_attention
    rows = Operation.objects.using(using).filter(
        pk__in=[e.pk for e in ends], state__in=Operation.UNFINISHED
    )
    changes = {"outcome": answer.outcome, "needs_attention": attention, "tries": F("tries") + 1}
    if _is_certain(claim):
        rows.update(
            state=State.DONE, next_try_at=None, acknowledged_at=Now(), finished_at=Now(), **changes
        )
        defer_operations(using, deferred, Now())
        _reshow(using, claim)
    else:
        until = claim.lane.stream_ambiguous_until
        rows.update(acknowledged_at=Now(), next_try_at=until, **changes)
        defer_operations(using, deferred, until)
    mark_ended(using, claim.lane, claim.lane.cards, attention=attention)
    if not claim.lane.displayed_id:  # else its ids are known from the answers to its content
        newest = _remember(using, account, claim, answer)
        if newest:
            card_rows(using, claim.lane.cards).update(**newest)


def _reshow(using: str, claim: Claim) -> None:
    """Show again what a late end took from the phone although it is newer than that end."""
    if claim.plan.redisplay is not None:
        Operation.objects.using(using).filter(pk=claim.plan.redisplay.pk).update(
            state=State.PENDING, next_try_at=Now(), finished_at=None
        )


def _record_content(
    using: str, account: Account, claim: Claim, answer: Answer, verdict: Verdict
) -> None:
    operation = claim.operation
    cards = card_rows(using, claim.lane.cards)
    if verdict.state == State.PENDING:
        _try_again(using, claim, answer, verdict, _next_try(account, claim, verdict))
        return
    finish_operations(using, [operation], verdict.state, answer.outcome)
    if verdict.state == State.FAILED:
        if claim.lane.displayed_id:
            show_joined(using, claim.lane, claim.lane.cards)
        else:
            cards.update(status=Status.FAILED, ended_at=Now())
        return
    paused = answer.outcome == Outcome.PAUSED
    changes: dict[str, Any] = {
        "status": Status.PAUSED if paused else Status.LIVE,
        "generation": claim.lane.generation,
        "ended_at": None,
    }
    cards.update(**changes, **_remember(using, account, claim, answer))


def _remember(using: str, account: Account, claim: Claim, answer: Answer) -> dict[str, str]:
    """Note every id that the vendor names for a card; return its newest if that has changed."""
    named = set(filter(None, (answer.activity_id, answer.previous_activity_id)))
    if not named:
        return {}
    # Not by operation.activity: a router might ask a replica.
    card = claim.operation.activity_id
    rows = LiveActivity.objects.using(using).filter(pk=card)
    current = rows.values_list("activity_id", flat=True).first()
    if current is None:  # the row is gone
        return {}
    for identity in named - {current}:
        known = {
            "activity_id": card,
            "account": account.alias,
            "id_digest": lane_digest(activity_id=identity),
        }
        if not KnownActivityId.objects.using(using).filter(**known).exists():
            KnownActivityId.objects.using(using).create(**known)
    newest = answer.activity_id
    return {} if newest in (None, current) else {"activity_id": newest}


def _repeats(using: str, claim: Claim, answer: Answer) -> bool:
    """Tell whether the content before was accepted with reservations of the same kind."""
    if not answer.error or claim.is_end or not claim.lane.displayed_id:
        return False
    before = Attempt.objects.using(using).filter(operation=claim.lane.displayed_id)
    return before.filter(outcome=answer.outcome).exclude(error="").exists()


def _try_again(using: str, claim: Claim, answer: Answer, verdict: Verdict, next_try: Any) -> None:
    operation = claim.operation
    counts = verdict.effect == AccountEffect.FAILURE
    changes: dict[str, Any] = {
        "state": verdict.state,
        "outcome": answer.outcome,
        "tries": F("tries") + 1,
        "failures": F("failures") + (1 if counts else 0),
        "next_try_at": next_try,
        "stripped": operation.stripped or verdict.stripped,
        "needs_attention": verdict.state == State.NEEDS_OPERATOR,
    }
    if operation.first_tried_at is None:
        changes["first_tried_at"] = claim.started_at
    if operation.rank == Operation.Rank.END and operation.failures + counts >= 2:
        changes["rank"] = Operation.Rank.RETRIED_END
    rows = Operation.objects.using(using).filter(pk=operation.pk)
    rows.filter(state__in=Operation.UNFINISHED).update(**changes)  # unless it was given up


def _next_try(account: Account, claim: Claim, verdict: Verdict) -> Any:
    if verdict.retry == Retry.HOURLY:
        return Now() + account.timing.operator_retry
    if verdict.retry == Retry.PROBE_CAP:
        return Now() + account.timing.probe_cap
    if verdict.retry == Retry.NOW:
        return Now()
    operation = claim.operation
    age = claim.started_at - (operation.first_tried_at or claim.started_at)
    chance = random.random()
    return Now() + retry_delay(operation.failures + 1, age, chance, account.timing)


def _trim(using: str, claim: Claim) -> None:
    """Keep the first and the last calls of an operation that is tried for days."""
    last_dropped = claim.operation.tries + 1 - KEPT_LAST
    if last_dropped > KEPT_FIRST:
        Attempt.objects.using(using).filter(
            operation=claim.operation, number__gt=KEPT_FIRST, number__lte=last_dropped
        )._raw_delete(using)


def _pass_on(
    using: str,
    account: Account,
    state: AccountState,
    claim: Claim,
    answer: Answer,
    effect: AccountEffect,
    rate_limit: rate.RateLimit,
) -> None:
    """Tell the account what the answer says of it, and one waiting start that there is room."""
    changes = admission.after(
        effect,
        state,
        answer,
        lane_id=claim.lane.pk,
        is_content=not claim.is_end,
        starts=claim.plan.starts,
        window=rate_limit.window,
        timing=account.timing,
    )
    if changes:
        AccountState.objects.using(using).filter(pk=state.pk).update(**changes)
    if changes.get("limit_probe_at") == 0 or "limit_since" in changes:
        _wake_a_start(using, account)


def _wake_a_start(using: str, account: Account) -> None:
    deferred = Operation.objects.using(using).filter(
        account=account.alias, rank=Operation.Rank.WAITING_START, next_try_at__gt=Now()
    )
    first = deferred.order_by("pk").values_list("pk", flat=True).first()
    if first is not None:
        Operation.objects.using(using).filter(pk=first).update(next_try_at=Now())
