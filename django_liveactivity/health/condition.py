"""Whether an account makes the calls that are due, why it does not, and whether anything drains."""

from enum import StrEnum
from typing import NamedTuple

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Q

from django_liveactivity import conf
from django_liveactivity.client.answer import Outcome
from django_liveactivity.exceptions import AccountSourceError, UnknownAccountError
from django_liveactivity.models import AccountState, Heartbeat, Now, rows_of, with_now


class Condition(StrEnum):
    """Whether an account makes the calls that are due."""

    OPEN = "open"
    """It makes them all."""
    FROZEN = "frozen"
    """The vendor answered 429: every call waits."""
    BLOCKED = "blocked"
    """The key or the address is refused, or calls fail: one probe at a time."""
    BILLING = "billing"
    """The vendor asks for payment: content waits, ends are sent."""
    LIMIT = "limit"
    """As many cards are alive as the vendor allows: new cards wait."""
    UNKNOWN = "unknown"
    """The account source has no such account, or does not answer."""
    UNREADABLE = "unreadable"
    """The account's database did not answer, so that nothing else is known."""


HOLDING_UP_ENDS = (Condition.FROZEN, Condition.BLOCKED)
"""The conditions in which an account sends no due end."""
STUCK = (Condition.BLOCKED, Condition.BILLING)
"""The conditions that need an operator; the codes of their problems are the same words."""


class AccountCondition(NamedTuple):
    """An account's condition, why, and in how many seconds it makes its next call."""

    condition: Condition = Condition.OPEN
    reason: str = ""
    next_call_in: float | None = None


def condition_of(state: AccountState | None) -> AccountCondition:
    """Return the condition of an account, by its row, if it has one, that was read with ``now``."""
    if state is None:
        return AccountCondition()

    def waits(condition: Condition, reason: str, until: int) -> AccountCondition:
        return AccountCondition(condition, reason, seconds_between(state.now, until))

    if state.blocked_since is not None:
        until = max(state.probe_at, state.frozen_until)
        return waits(Condition.BLOCKED, _why_blocked(state), until)
    if state.frozen_until > state.now:
        return waits(Condition.FROZEN, "The vendor has asked for a pause.", state.frozen_until)
    if state.billing_since is not None:
        reason = "The vendor asks for payment: content waits, ends are sent."
        return waits(Condition.BILLING, reason, state.billing_probe_at)
    if state.limit_since is not None:
        reason = "As many cards are alive as the vendor allows: new cards wait."
        return waits(Condition.LIMIT, reason, state.limit_probe_at)
    return AccountCondition()


def _why_blocked(state: AccountState) -> str:
    """Return what the last answer of a blocked account asks for: no key is at fault for a 500."""
    last = state.blocked_reason
    if last.startswith(Outcome.UNAUTHORIZED):
        return f"The vendor refuses the account ({last}): check its api_key and base_url."
    return f"Calls fail, {state.failures} in a row (the last: {last}): the vendor or the network."


def condition_age(condition: Condition, state: AccountState) -> float | None:
    begun = {
        Condition.BLOCKED: state.blocked_since,
        Condition.BILLING: state.billing_since,
        Condition.LIMIT: state.limit_since,
    }
    return seconds_between(begun.get(condition), state.now)


def is_stopped() -> Q:
    """Return, as a condition on the state of an account, that it is not open."""
    stopped = Q(frozen_until__gt=Now())
    for since in ("blocked_since", "billing_since", "limit_since"):
        stopped |= Q((f"{since}__isnull", False))
    return stopped


def _condition(account: conf.Account) -> AccountCondition:
    return condition_of(with_now(rows_of(account, AccountState)).first())


def is_open(account: conf.Account) -> bool:
    """Tell whether the account makes every call that is due, so that there is nothing to probe."""
    return _condition(account).condition == Condition.OPEN


def why_ends_wait(account: conf.Account) -> str:
    """Return what keeps the account's due ends from being sent now, in words; "" if nothing does.

    The operator reads it after asking for an end: that it is stored does not mean that it is sent.
    """
    condition, reason, next_call_in = _condition(account)
    if condition in HOLDING_UP_ENDS:
        return f"{reason} The next call is made in {next_call_in:.0f} s."
    return why_nothing_drains(account)


def why_nothing_drains(account: conf.Account) -> str:
    """Return why an operator's decision is not carried out now, in words; "" if it is."""
    if account.dispatcher == "immediate":
        return ""
    return why_silent(heartbeat_age(account.database), account.timing)


def why_silent(age: float | None, timing: conf.Timing) -> str:
    """Return that nothing drains, in words, or "" if a sweep was made lately."""
    if not is_silent(age, timing):
        return ""
    last = "there was never a sweep" if age is None else f"the last sweep was {age:.0f} s ago"
    cure = "run liveactivity_dispatch, Celery with beat, or Django's worker"
    return f"nothing drains: {last}; {cure}."


def is_silent(age: float | None, timing: conf.Timing) -> bool:
    """Tell whether nothing drains, by how many seconds the last sweep is past; None if none was."""
    return age is None or age * 1000 > timing.silent_after


def heartbeat_age(using: str) -> float | None:
    """Return for how many seconds the last sweep of a database is past; None if none ever ran."""
    beat = with_now(Heartbeat.objects.using(using)).first()
    return None if beat is None else seconds_between(beat.beat_at, beat.now)


def why_unknown(alias: str) -> str:
    """Return why an account of the source cannot be had, in words, or "" if it can."""
    try:
        conf.account(alias)
    except UnknownAccountError as error:
        return "; ".join(message for _, message in error.errors)
    except (AccountSourceError, ImproperlyConfigured) as error:
        return str(error)
    return ""


def seconds_between(begin: int | None, end: int) -> float | None:
    return None if begin is None else max(0.0, (end - begin) / 1000)
