"""The results of actions on cards: messages, and entries in the admin's log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Self

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.messages import INFO, SUCCESS, WARNING
from django.db import router
from django.db.models import Model
from django.utils.translation import gettext, gettext_lazy as _, ngettext, ngettext_lazy

from django_liveactivity import conf
from django_liveactivity.exceptions import ContentRequiredError, InvalidInputError
from django_liveactivity.models import LiveActivity, Operation, storable

from .accounts import why_ends_wait, why_nothing_drains
from .display import short_name

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django_stubs_ext import StrPromise

    from django_liveactivity.services.batch import CardEnd

NAMED = 20
"""Cards named in one message; a message may have to fit into a cookie."""
REASONS = 5
"""Reasons that have a message of their own."""


class Result(Enum):
    """The result of an action on one card; messages are shown in this order."""

    ENDING = (
        SUCCESS,
        ngettext_lazy(
            "Ending %(count)d live activity: %(names)s",
            "Ending %(count)d live activities: %(names)s",
            "count",
        ),
    )
    END_WAITS = (
        WARNING,
        ngettext_lazy(
            "The end of %(count)d live activity is stored and waits for its account: %(names)s",
            "The ends of %(count)d live activities are stored and wait for their account: "
            "%(names)s",
            "count",
        ),
    )
    RETRYING = (
        SUCCESS,
        ngettext_lazy(
            "Retrying the due operations of %(count)d live activity: %(names)s",
            "Retrying the due operations of %(count)d live activities: %(names)s",
            "count",
        ),
    )
    RETRY_WAITS = (
        INFO,
        ngettext_lazy(
            "The retry of %(count)d live activity is stored and waits for its account: %(names)s",
            "The retries of %(count)d live activities are stored and wait for their account: "
            "%(names)s",
            "count",
        ),
    )
    GIVING_UP = (
        SUCCESS,
        ngettext_lazy(
            "Giving up the unfinished operations of %(count)d live activity: %(names)s",
            "Giving up the unfinished operations of %(count)d live activities: %(names)s",
            "count",
        ),
    )
    KEPT = (SUCCESS, _("Scheduled end canceled: %(names)s"))
    SEEN = (SUCCESS, _("Marked as seen: %(names)s"))
    PROBING = (SUCCESS, _("The next drain probes: %(accounts)s"))
    PROBING_ALREADY = (INFO, _("Already requested; the next drain probes: %(accounts)s"))
    NOTHING_TO_PROBE = (INFO, _("Open, so there is nothing to probe: %(accounts)s"))
    ALREADY_ENDING = (
        INFO,
        ngettext_lazy(
            "%(count)d live activity was already ending: %(names)s",
            "%(count)d live activities were already ending: %(names)s",
            "count",
        ),
    )
    ALREADY_ENDED = (
        INFO,
        ngettext_lazy(
            "%(count)d live activity had already ended: %(names)s",
            "%(count)d live activities had already ended: %(names)s",
            "count",
        ),
    )
    NEEDS_OPERATOR = (
        WARNING,
        ngettext_lazy(
            "The vendor refuses the end of %(count)d live activity: %(names)s. See its page for "
            "the answer, then retry the end or give it up.",
            "The vendor refuses the ends of %(count)d live activities: %(names)s. See their pages "
            "for the answers, then retry the ends or give them up.",
            "count",
        ),
    )
    ALREADY_ASKED = (
        INFO,
        ngettext_lazy(
            "This was already requested for %(count)d live activity; the next drain does it: "
            "%(names)s",
            "This was already requested for %(count)d live activities; the next drain does it: "
            "%(names)s",
            "count",
        ),
    )
    NOTHING_UNFINISHED = (
        INFO,
        ngettext_lazy(
            "%(count)d live activity has no unfinished operations: %(names)s",
            "%(count)d live activities have no unfinished operations: %(names)s",
            "count",
        ),
    )
    SCHEDULED = (
        INFO,
        ngettext_lazy(
            "The end of %(count)d live activity is scheduled for later and was not retried: "
            "%(names)s. End it to bring that forward.",
            "The ends of %(count)d live activities are scheduled for later and were not retried: "
            "%(names)s. End them to bring that forward.",
            "count",
        ),
    )

    level: int
    text: StrPromise

    def __new__(cls, level: int, text: StrPromise) -> Self:
        """Number the results, since an Enum takes lazy plural texts for equal."""
        result = object.__new__(cls)
        result._value_ = len(cls.__members__)
        result.level, result.text = level, text
        return result

    @property
    def is_change(self) -> bool:
        """Whether the card has changed, so that the admin's log gets an entry."""
        return self.level == SUCCESS


WHILE_ACCOUNT_WAITS = {
    Result.ENDING: Result.END_WAITS,
    Result.RETRYING: Result.RETRY_WAITS,
    Result.ALREADY_ENDING: Result.ALREADY_ENDING,
}
"""The results that need the account to make calls, and the results while it makes none."""
NEED_A_DRAIN = (Result.GIVING_UP, Result.KEPT, Result.SEEN, Result.PROBING)
"""The results that need a drain, also while the account makes no calls."""


@dataclass
class Tally:
    """Cards that are counted, of which the first 20 are named."""

    count: int = 0
    names: list[str] = field(default_factory=list)
    accounts: set[str] = field(default_factory=set)

    def add(self, card: LiveActivity) -> None:
        """Count a card."""
        self.count += 1
        self.accounts.add(card.account)
        if len(self.names) < NAMED:
            self.names.append(short_name(card))

    def __add__(self, other: Tally) -> Tally:
        names = [*self.names, *other.names][:NAMED]
        return Tally(self.count + other.count, names, self.accounts | other.accounts)

    def fill(self, text: StrPromise | str, **values: str) -> str:
        """Return a text with the number and the names of the cards, and their accounts."""
        names = ", ".join(self.names)
        if self.count > len(self.names):
            more = {"names": names, "count": self.count - len(self.names)}
            names = gettext("%(names)s and %(count)d more") % more
        accounts = ", ".join(sorted(self.accounts))
        return text % {"count": self.count, "names": names, "accounts": accounts, **values}


class Report:
    """The results for any number of cards: by result and account, and refusals by reason."""

    def __init__(self) -> None:
        self._results: dict[tuple[Result, str], Tally] = defaultdict(Tally)
        self._refused: dict[str, Tally] = defaultdict(Tally)
        self._gone = 0

    def add(self, card: LiveActivity, outcome: Result | InvalidInputError) -> None:
        """Add the result for a card, or the error that refused it."""
        if isinstance(outcome, Result):
            self._results[outcome, card.account].add(card)
        else:
            self.refuse(card, _refusal_text(outcome))

    def refuse(self, card: LiveActivity, why: str) -> None:
        """Add a card that was refused."""
        self._refused[why].add(card)

    def miss(self, count: int) -> None:
        """Add a number of cards that are no longer there."""
        self._gone += count

    def has(self, result: Result) -> bool:
        """Return whether a card has this result."""
        return any(found == result for found, _account in self._results)

    def messages(self) -> Iterator[tuple[int, str]]:
        """Yield a message for each result, each account that makes no calls, and each refusal."""
        waiting = self._by_account(why_ends_wait, WHILE_ACCOUNT_WAITS)
        undrained = self._by_account(why_nothing_drains, NEED_A_DRAIN)
        shown: dict[Result, Tally] = defaultdict(Tally)
        for (result, account), tally in self._results.items():
            now = WHILE_ACCOUNT_WAITS.get(result, result) if account in waiting else result
            shown[now] += tally
        for result in Result:
            if result in shown:
                yield result.level, shown[result].fill(result.text)
        for alias, why in (undrained | waiting).items():
            yield WARNING, gettext("Account %(account)s: %(why)s") % {"account": alias, "why": why}
        yield from self._refusals()

    def _by_account(
        self, why: Callable[[conf.Account], str], concerned: Iterable[Result]
    ) -> dict[str, str]:
        """Return why the work for these results does not start now, by account."""
        concerned = {*concerned}
        aliases = sorted({account for result, account in self._results if result in concerned})
        accounts = filter(None, map(conf.find_stand_in, aliases))
        return {each.alias: text for each in accounts if (text := why(each))}

    def _refusals(self) -> Iterator[tuple[int, str]]:
        reasons = list(self._refused.items())
        if len(reasons) > REASONS:
            others = sum((tally for _why, tally in reasons[REASONS:]), Tally())
            reasons = [*reasons[:REASONS], (gettext("for other reasons"), others)]
        for why, tally in reasons:
            text = ngettext_lazy(
                "Nothing was done to %(count)d live activity: %(names)s (%(why)s)",
                "Nothing was done to %(count)d live activities: %(names)s (%(why)s)",
                "count",
            )
            yield WARNING, tally.fill(text, why=why)
        if self._gone:
            yield INFO, gone_text(self._gone)


def gone_text(count: int) -> str:
    """Return the message that cards are no longer there."""
    text = ngettext(
        "%(count)d live activity is no longer there.",
        "%(count)d live activities are no longer there.",
        count,
    )
    return text % {"count": count}


def result_messages(card: LiveActivity, result: Result) -> Iterator[tuple[int, str]]:
    """Yield the messages about the result for one card, each with its level."""
    report = Report()
    report.add(card, result)
    return report.messages()


def existing_result(end: Operation) -> Result:
    """Return the result for a card that already had an end."""
    if end.state == Operation.State.NEEDS_OPERATOR:
        return Result.NEEDS_OPERATOR
    return Result.ALREADY_ENDED if end.is_settled else Result.ALREADY_ENDING


def outcome_of(end: CardEnd) -> Result | InvalidInputError:
    """Return the result of ending one card of several, or the error that refused it."""
    if end.error is not None:
        return end.error
    return Result.ENDING if end.standing is None else existing_result(end.standing)


def _refusal_text(error: InvalidInputError) -> str:
    """Return a service's error as the reason in a message."""
    if isinstance(error, ContentRequiredError):
        return gettext("its content is not known, so its end needs a title")
    return str(error)


def log_change(actor: User, rows: Sequence[Model], text: str) -> None:
    """Write an entry for each card or object, in characters that Django's own table takes."""
    if not rows:
        return
    field_, using = LogEntry._meta.get_field("change_message"), router.db_for_write(LogEntry)
    LogEntry.objects.log_actions(actor.pk, rows, CHANGE, storable(field_, using, text.strip()))
