"""The accounts in trouble: what is wrong with each, and whether a probe would help."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import gettext as _, ngettext

from django_liveactivity import conf, health
from django_liveactivity.health import AccountStatus, Condition, is_silent, statuses, troubled
from django_liveactivity.health.condition import HOLDING_UP_ENDS
from django_liveactivity.models import LiveActivity, from_datetime
from django_liveactivity.printable import printable

from .labels import HOUR, SECOND, ago_text, duration, minute, outcome_words
from .queryset import accounts_of

NOTHING_TO_PROBE = (Condition.OPEN, Condition.UNKNOWN, Condition.UNREADABLE)
"""The conditions in which a probe would not help."""
KEY_REFUSED = "unauthorized"
"""The start of ``last_failure`` if the vendor refuses the account's key or address."""


@dataclass(frozen=True)
class TroubledAccount:
    """An account in trouble, as the line above the list shows it."""

    alias: str
    sentence: str
    backlog: int
    last_sweep: str
    can_probe: bool


def read_accounts(
    cards: Iterable[LiveActivity], others: Iterable[str] = ()
) -> dict[str, AccountStatus]:
    """Return the status of the cards' accounts, by alias, in a fixed number of statements.

    Args:
        cards: their accounts, except for unknown ones.
        others: aliases of more accounts; only those in trouble are returned.
    """
    mine = list(filter(None, map(conf.find_stand_in, accounts_of(cards))))
    more = troubled(list(filter(None, map(conf.find_stand_in, others))))
    wanted = {account.alias: account for account in [*mine, *more]}
    found = statuses([*wanted.values()], details=False)
    return {status.account: status for status in found}


def troubled_accounts(found: Iterable[AccountStatus], now: int) -> list[TroubledAccount]:
    """Return the accounts that are in trouble.

    Args:
        found: the status of accounts.
        now: the database's clock, in milliseconds.
    """
    return [
        TroubledAccount(
            alias=status.account,
            sentence=sentence,
            backlog=status.backlog,
            last_sweep=_ago(status.heartbeat_age),
            can_probe=status.condition not in NOTHING_TO_PROBE,
        )
        for status in found
        if (sentence := account_sentence(status, now))
    ]


def account_sentence(status: AccountStatus, now: int) -> str:
    """Return what is wrong with an account, or "" if nothing is."""
    if status.condition != Condition.OPEN:
        return f"{condition_sentence(status, now)} {_vendor_words(status)}".strip()
    return (silence(status) if status.is_used else "") or _overdue(status)


def _vendor_words(status: AccountStatus) -> str:
    """Return the vendor's message about the account, in one printable line."""
    said = printable(status.vendor_words)
    return _("The vendor says: “%(said)s”") % {"said": said} if said else ""


def _overdue(status: AccountStatus) -> str:
    count, age = status.overdue_cards.count, status.oldest_due_end_age or 0
    if not count:
        return ""
    text = ngettext(
        "%(count)d card has an end that has been due for up to %(age)s.",
        "%(count)d cards have ends that have been due for up to %(age)s.",
        count,
    )
    return text % {"count": count, "age": duration(round(age * SECOND))}


def condition_sentence(status: AccountStatus, now: int) -> str:
    """Return the condition of an account that is not open, and what happens next.

    Args:
        status: of the account.
        now: the database's clock, in milliseconds.
    """
    words = {
        "since": _since(status, now),
        "wait": duration(round((status.next_call_in or 0) * SECOND)),
        "failure": _failure_words(status.last_failure),
        "count": status.failures,
        "reason": status.reason,
        "limit": status.vendor_limit,
    }
    return _text(status) % words


def _text(status: AccountStatus) -> str:
    texts = {
        Condition.UNREADABLE: _("The account's database does not answer: %(reason)s"),
        Condition.UNKNOWN: _("Nothing can be sent for the account: %(reason)s"),
        Condition.FROZEN: _(
            "The vendor has asked for a pause (too many calls, or Retry-After); the "
            "account calls again in %(wait)s."
        ),
        Condition.BILLING: _(
            "The vendor has asked for payment since %(since)s: content waits, ends are sent; "
            "next probe in %(wait)s."
        ),
        Condition.LIMIT: _("Waits: %(limit)d cards are alive, which is the vendor's limit.")
        if status.vendor_limit
        else _("Waits: as many cards are alive as the vendor allows."),
    }
    return texts.get(status.condition) or _text_of_block(status)


def _text_of_block(status: AccountStatus) -> str:
    if status.last_failure.startswith(KEY_REFUSED):
        return _(
            "The account has been blocked since %(since)s: the vendor refuses its key or address "
            "(%(failure)s); next probe in %(wait)s."
        )
    return _(
        "The account has been blocked since %(since)s: %(count)d calls in a row have failed, the "
        "last with %(failure)s; next probe in %(wait)s."
    )


def silence(status: AccountStatus | None) -> str:
    """Return that no worker drains the account, or "" if one does."""
    if status is None or status.condition == Condition.UNREADABLE:
        return ""
    account, age = conf.stand_in(status.account), status.heartbeat_age
    if account.dispatcher == "immediate" or not is_silent(age, account.timing):
        return ""
    if age is None:
        return _(
            "No worker has ever delivered here. Start one: liveactivity_dispatch, Celery's worker "
            "and beat, or a worker of Django's tasks."
        )
    text = _(
        "No worker has delivered for %(age)s. Is one running: liveactivity_dispatch, Celery's "
        "worker and beat, or a worker of Django's tasks?"
    )
    return text % {"age": duration(round(age * SECOND))}


def why_ends_wait(account: conf.Account) -> str:
    """Return in words why the account's due ends are not sent now, or ""."""
    if not health.why_ends_wait(account):
        return ""
    [status] = statuses([account], details=False)
    if status.condition in HOLDING_UP_ENDS:
        return condition_sentence(status, from_datetime(timezone.now()))
    return silence(status)


def why_nothing_drains(account: conf.Account) -> str:
    """Return in words why an operator's decision is not carried out now, or ""."""
    if not health.why_nothing_drains(account):
        return ""
    return silence(*statuses([account], details=False))


def _failure_words(failure: str) -> str:
    """Return the last failure in words; that of a refused key stays as HTTP has it."""
    if failure.startswith(KEY_REFUSED):
        return failure
    outcome, _space, status = failure.partition(" ")
    return f"{outcome_words(outcome)}, HTTP {status}" if status else outcome_words(outcome)


def _since(status: AccountStatus, now: int) -> str:
    """Return when the condition began: the time of day, with the date if it is long ago."""
    age = round((status.condition_age or 0) * SECOND)
    begun = minute(now - age)
    return begun[11:] if age < 12 * HOUR else begun


def _ago(seconds: float | None) -> str:
    if seconds is None:
        return _("never")
    return ago_text(round(seconds * SECOND))
