"""When an account admits a call: it is open, frozen or blocked, and content has limits of its own.

Each function takes the account's state as it was read. What it returns is written with a
condition on the values that were seen, so that of many workers one probes and the others wait.
"""

from dataclasses import dataclass, field

from django.db.models import F, Q, Value
from django.db.models.functions import Greatest

from django_liveactivity.client.answer import Answer, Outcome
from django_liveactivity.conf import Account, Timing
from django_liveactivity.delivery.rules.verdicts import AccountEffect, freeze_delay, probe_delay
from django_liveactivity.delivery.transaction import durable_transaction
from django_liveactivity.models import AccountState, Now, rows_of
from django_liveactivity.printable import shortened

Changes = dict[str, object]
"""The columns to write, each with its value or expression."""
OPENED: Changes = {"blocked_since": None, "blocked_reason": "", "probes": 0, "refused_key": ""}
BLOCK_AFTER_FAILURES = 5
BLOCK_AFTER_LANES = 3
LONGEST_WORDS = 200
"""Characters of what the vendor says that are kept with an account."""


@dataclass(frozen=True)
class Admission:
    """From when on (milliseconds) an account admits calls for ends, and calls for content."""

    ends_at: int
    contents_at: int


def admission(state: AccountState) -> Admission:
    """Return from when on calls may be made, as far as the account's condition goes."""
    everything = state.frozen_until
    if state.blocked_since is not None:
        everything = max(everything, state.probe_at)
    contents = max(everything, state.next_update_at)
    if state.billing_since is not None:
        contents = max(contents, state.billing_probe_at)
    return Admission(everything, contents)


@dataclass
class Reservation:
    """What has to be true still, and what is written, for one call to be admitted."""

    seen: dict[str, object] = field(default_factory=dict)
    updates: Changes = field(default_factory=dict)

    def take(self, state: AccountState, name: str, value: object) -> None:
        """Claim one moment: it must be as it was seen, and is moved on for every other worker."""
        self.seen[name] = getattr(state, name)
        self.updates[name] = value

    def probe(self, state: AccountState, condition: str, first: int, cap: int) -> None:
        """Claim the next probe of a condition, which the names of its columns begin with."""
        probes = f"{condition}probes"
        delay = probe_delay(getattr(state, probes), first, cap)
        self.take(state, f"{condition}probe_at", Now() + delay)
        self.updates[probes] = F(probes) + 1


def reserve(
    state: AccountState, *, is_content: bool, starts: bool, spacing: int, timing: Timing
) -> Reservation:
    """Return the reservation for one call.

    Args:
        state: the account's state, which admits the call.
        is_content: whether the call shows content; ends are exempt from the spacing.
        starts: whether the call would start a card.
        spacing: milliseconds between two calls for content, 0 for none.
        timing: the durations in force.
    """
    taken = Reservation()
    if state.blocked_since is not None:
        taken.probe(state, "", timing.probe_first, timing.probe_cap)
    if is_content and spacing:
        # On a grid: what a late worker lost is caught up with, but no longer than catch_up.
        catch_up = max(spacing, timing.catch_up)
        at = Greatest(Value(state.next_update_at), Now() - catch_up) + spacing
        taken.take(state, "next_update_at", at)
    if is_content and state.billing_since is not None:
        taken.probe(state, "billing_", timing.probe_first, timing.probe_cap)
    if starts and state.limit_since is not None:
        taken.probe(state, "limit_", timing.limit_first, timing.limit_cap)
    return taken


def account_changes(
    effect: AccountEffect,
    state: AccountState,
    answer: Answer,
    *,
    lane_id: int,
    is_content: bool,
    starts: bool,
    window: int,
    timing: Timing,
    key_fingerprint: str = "",
) -> Changes:
    """Return what an answer changes in the account's state; mostly nothing."""
    changes: Changes = {}
    match effect:
        case AccountEffect.OPEN:
            changes = _opened(state, is_content=is_content, starts=starts)
            if answer.acknowledged and answer.address not in ("", state.known_address):
                changes["known_address"] = answer.address
        case AccountEffect.FREEZE:
            delay = freeze_delay(answer.retry_after, state.freezes, window, timing)
            until = Greatest(F("frozen_until"), Now() + delay)
            changes = {"frozen_until": until, "freezes": F("freezes") + 1}
        case AccountEffect.BLOCK:
            changes = _blocked(state, answer, timing) | {"refused_key": key_fingerprint}
        case AccountEffect.FAILURE:
            changes = _failed(state, answer, lane_id, timing)
        case AccountEffect.BILLING if state.billing_since is None:
            changes = {
                "billing_since": Now(),
                "billing_probe_at": Now() + timing.probe_first,
                "vendor_words": shortened(answer.message, LONGEST_WORDS),
            }
        case AccountEffect.LIMIT if state.limit_since is None:
            changes = {"limit_since": Now(), "limit_probe_at": Now() + timing.limit_first}
    silent = answer.status is None and answer.outcome in (Outcome.AMBIGUOUS, Outcome.NOT_SENT)
    if silent != state.is_unresponsive:
        changes["is_unresponsive"] = silent
    return changes


def _opened(state: AccountState, *, is_content: bool, starts: bool) -> Changes:
    changes: Changes = {}
    if state.blocked_since is not None:
        changes |= OPENED
    if state.failures:
        changes |= {"failures": 0, "failed_lanes": []}
    if state.freezes:
        changes["freezes"] = 0
    if is_content and state.billing_since is not None:
        changes |= {"billing_since": None, "billing_probes": 0}
    if starts and state.limit_since is not None:
        changes |= {"limit_since": None, "limit_probes": 0}
    if not is_content and state.limit_since is not None:
        changes |= {"limit_probe_at": 0, "limit_probes": 0}  # an end has made room for a start
    return changes


def _blocked(state: AccountState, answer: Answer, timing: Timing) -> Changes:
    """Return what blocks an account, with the answer in words that ``status`` reads."""
    reason = f"{answer.outcome} {answer.status or ''}".strip()
    changes: Changes = {
        "blocked_reason": reason,
        "vendor_words": shortened(answer.message, LONGEST_WORDS),
    }
    if state.blocked_since is None:
        changes |= {"blocked_since": Now(), "probe_at": Now() + timing.probe_first, "probes": 1}
    return changes


def _failed(state: AccountState, answer: Answer, lane_id: int, timing: Timing) -> Changes:
    lanes = sorted({*state.failed_lanes, lane_id})[:BLOCK_AFTER_LANES]
    changes = {"failures": F("failures") + 1, "failed_lanes": lanes}
    many = state.failures + 1 >= BLOCK_AFTER_FAILURES and len(lanes) >= BLOCK_AFTER_LANES
    if many or state.blocked_since is not None:
        changes |= _blocked(state, answer, timing)
    if answer.retry_after is not None:
        delay = freeze_delay(answer.retry_after, state.freezes, 0, timing)
        # A 503 with Retry-After is obeyed, capped.
        changes["frozen_until"] = Greatest(F("frozen_until"), Now() + delay)
    return changes


@durable_transaction
def open_for_another_key(account: Account, state: AccountState, key_fingerprint: str) -> bool:
    """Open an account that is blocked for a key which it has no more.

    Args:
        account: the account.
        state: its state.
        key_fingerprint: of the key that it has now.

    Returns:
        Whether this was the worker that opened it.
    """
    refused = state.refused_key
    if state.blocked_since is None or not refused or refused == key_fingerprint:
        return False
    rows = rows_of(account, AccountState).filter(refused_key=refused)
    return bool(rows.exclude(blocked_since=None).update(**OPENED))


@durable_transaction
def set_alarm(account: Account, at: int, grace: int = 0) -> bool:
    """Set the account's alarm, unless an earlier one is pending.

    The worker that moves the alarm publishes one delayed wake-up, so that an account has one
    pending. Were an alarm that has just passed none, then beside a slow queue every wake-up that
    stands in it would publish another one.

    Args:
        account: the account.
        at: when the account is to be drained again, in milliseconds of the database's clock.
        grace: for how many milliseconds an alarm that has passed is pending still, as its wake-up
            may be late; later it counts as lost.

    Returns:
        Whether the alarm was moved: then the caller has to see to the wake-up.
    """
    later_or_gone = Q(alarm_at__gt=at) | Q(alarm_at__lte=Now() - grace)
    return bool(rows_of(account, AccountState).filter(later_or_gone).update(alarm_at=at))


@durable_transaction
def clear_alarm(account: Account, alarm: int) -> None:
    """Take back an alarm whose wake-up has come, unless it has been moved since."""
    rows_of(account, AccountState).filter(alarm_at=alarm).update(alarm_at=0)
