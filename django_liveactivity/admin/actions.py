"""The actions on selected cards: end, retry, give up, probe; and what became of each card."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from typing import TYPE_CHECKING

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.messages import INFO, SUCCESS, WARNING
from django.db import router, transaction
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from django_liveactivity import conf, services
from django_liveactivity.exceptions import ContentRequiredError, InvalidInputError
from django_liveactivity.health import is_open, why_ends_wait, why_nothing_drains
from django_liveactivity.models import LiveActivity, Operation, Source, storable, with_now
from django_liveactivity.services.writer import UNSET, recorded_as

from .confirmation import ConfirmedAction, Dismissal, EndForm, GiveUpForm
from .queryset import accounts_of, short_name

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django_stubs_ext import StrPromise

NAMED = 20
"""Cards named in one message; a message may have to fit into a cookie."""


class Result(Enum):
    """What became of one card; its messages are shown in this order."""

    ENDING = (
        SUCCESS,
        "Ending %(count)d live activity: %(names)s",
        "Ending %(count)d live activities: %(names)s",
    )
    END_WAITS = (
        WARNING,
        "The end of %(count)d live activity is stored and waits for its account: %(names)s",
        "The ends of %(count)d live activities are stored and wait for their account: %(names)s",
    )
    RETRYING = (
        SUCCESS,
        "Retrying the due operations of %(count)d live activity: %(names)s",
        "Retrying the due operations of %(count)d live activities: %(names)s",
    )
    RETRY_WAITS = (
        INFO,
        "The retry of %(count)d live activity is stored and waits for its account: %(names)s",
        "The retries of %(count)d live activities are stored and wait for their account: %(names)s",
    )
    GIVING_UP = (
        SUCCESS,
        "Giving up the unfinished operations of %(count)d live activity: %(names)s",
        "Giving up the unfinished operations of %(count)d live activities: %(names)s",
    )
    PROBING = (SUCCESS, "The next drain probes: %(accounts)s")
    NOTHING_TO_PROBE = (INFO, "Open, so there is nothing to probe: %(accounts)s")
    ALREADY_ENDING = (
        INFO,
        "%(count)d live activity was already ending: %(names)s",
        "%(count)d live activities were already ending: %(names)s",
    )
    ALREADY_ENDED = (
        INFO,
        "%(count)d live activity had already ended: %(names)s",
        "%(count)d live activities had already ended: %(names)s",
    )
    NEEDS_OPERATOR = (
        WARNING,
        (
            "The vendor refuses the end of %(count)d live activity: %(names)s. See its page for "
            "the answer, then retry the end or give it up."
        ),
        (
            "The vendor refuses the ends of %(count)d live activities: %(names)s. See their pages "
            "for the answers, then retry the ends or give them up."
        ),
    )
    NOTHING_UNFINISHED = (
        INFO,
        "%(count)d live activity has no unfinished operations: %(names)s",
        "%(count)d live activities have no unfinished operations: %(names)s",
    )
    SCHEDULED = (
        INFO,
        (
            "The end of %(count)d live activity is scheduled for later and was not retried: "
            "%(names)s. End it to bring that forward."
        ),
        (
            "The ends of %(count)d live activities are scheduled for later and were not retried: "
            "%(names)s. End them to bring that forward."
        ),
    )

    def __init__(self, level: int, singular: str, plural: str = "") -> None:
        self.level = level
        self.text = ngettext_lazy(singular, plural, "count") if plural else _(singular)

    @property
    def is_change(self) -> bool:
        """Tell whether the card has changed, so that its history says so."""
        return self.level == SUCCESS


WHILE_ACCOUNT_WAITS = {
    Result.ENDING: Result.END_WAITS,
    Result.RETRYING: Result.RETRY_WAITS,
    Result.ALREADY_ENDING: Result.ALREADY_ENDING,
}
"""The results that need the account to make calls, and what they are while it makes none."""
NEED_A_DRAIN = (Result.GIVING_UP, Result.PROBING)
"""The results that a drain brings about even while the account makes no calls."""


class CardAction(ConfirmedAction):
    """Does one thing to each of the selected cards, in a savepoint of its own, and logs it.

    Args:
        using: the database of the cards.
        actor: the user who does it.
        reason: why, for the history.
    """

    log_message: StrPromise

    def __init__(self, using: str, actor: User, reason: str) -> None:
        self.using = using
        self.actor = actor
        self.reason = reason

    def run(self, cards: Sequence[LiveActivity]) -> Iterator[tuple[int, str]]:
        """Change the cards in one transaction, and return messages, each with its level."""
        results: dict[Result, list[LiveActivity]] = defaultdict(list)
        refused: dict[str, list[LiveActivity]] = defaultdict(list)
        with transaction.atomic(using=self.using):
            for card in cards:
                try:
                    with transaction.atomic(using=self.using), recorded_as(Source.ADMIN):
                        results[self.apply(card)].append(card)
                except InvalidInputError as error:
                    refused[_why_refused(error)].append(card)
            self._log([c for result in results if result.is_change for c in results[result]])
        return _messages(results, refused)

    def apply(self, card: LiveActivity) -> Result:
        """Do it to one card.

        Raises:
            InvalidInputError: it cannot be done to this card.
        """
        raise NotImplementedError

    def _log(self, cards: Sequence[LiveActivity]) -> None:
        """Write an entry for each card, in characters that Django's own table takes."""
        if not cards:
            return
        field, using = LogEntry._meta.get_field("change_message"), router.db_for_write(LogEntry)
        message = storable(field, using, f"{self.log_message} {self.reason}".strip())
        LogEntry.objects.log_actions(self.actor.pk, cards, CHANGE, message)

    def _unfinished(self, card: LiveActivity) -> list[Operation]:
        operations = Operation.objects.using(self.using).filter(activity=card)
        return list(with_now(operations.filter(state__in=Operation.UNFINISHED).order_by("pk")))


class EndCards(CardAction):
    """End the cards."""

    name = "end_selected"
    title = _("End live activities")
    text = _("These live activities will end on every phone, unless they have ended already:")
    button = _("End them")
    form = EndForm
    log_message = _("End requested.")

    def __init__(self, using: str, actor: User, reason: str, dismissal: str) -> None:
        super().__init__(using, actor, reason)
        self._dismiss_after = datetime.timedelta(0) if dismissal == Dismissal.AT_ONCE else UNSET
        ends = Operation.objects.using(using).order_by("-pk").values_list("pk", flat=True)
        self._newest_before = ends.first() or 0

    def apply(self, card: LiveActivity) -> Result:
        end = services.end_activity(
            card, dismiss_after=self._dismiss_after, actor=self.actor, reason=self.reason
        )
        if end.pk > self._newest_before:
            return Result.ENDING
        if end.state == Operation.State.NEEDS_OPERATOR:
            return Result.NEEDS_OPERATOR
        return Result.ALREADY_ENDED if end.is_settled else Result.ALREADY_ENDING


class RetryOperations(CardAction):
    """Retry the cards' unfinished operations that are due."""

    name = "retry_selected"
    title = _("Retry unfinished operations")
    text = _("The unfinished operations of these live activities will be tried again now:")
    button = _("Retry")
    log_message = _("Retry requested.")

    def apply(self, card: LiveActivity) -> Result:
        unfinished = self._unfinished(card)
        due = [operation for operation in unfinished if operation.due_at <= operation.now]
        for operation in due:
            services.retry_operation(operation, actor=self.actor, reason=self.reason)
        if due:
            return Result.RETRYING
        return Result.SCHEDULED if unfinished else Result.NOTHING_UNFINISHED


class GiveUpOperations(CardAction):
    """Give up the cards' unfinished operations."""

    name = "give_up_selected"
    title = _("Give up unfinished operations")
    text = _(
        "The unfinished operations of these live activities will never be sent. A card whose "
        "end is given up may stay on the phones, and is marked as needing attention:"
    )
    button = _("Give up")
    form = GiveUpForm
    log_message = _("Unfinished operations given up.")

    def apply(self, card: LiveActivity) -> Result:
        unfinished = self._unfinished(card)
        for operation in unfinished:
            services.give_up_operation(operation, actor=self.actor, reason=self.reason)
        return Result.GIVING_UP if unfinished else Result.NOTHING_UNFINISHED


class ProbeAccounts(CardAction):
    """Let each account of the cards make its next call at once."""

    name = "probe_accounts"
    title = _("Probe accounts")
    text = ngettext_lazy(
        "The account of these live activities makes its next call at once: %(accounts)s",
        "The accounts of these live activities make their next call at once: %(accounts)s",
        "count",
    )
    button = _("Probe")
    log_message = _("Probe of the account requested.")

    def __init__(self, using: str, actor: User, reason: str) -> None:
        super().__init__(using, actor, reason)
        self._probed: set[str] = set()

    def apply(self, card: LiveActivity) -> Result:
        if is_open(conf.account(card.account)):
            return Result.NOTHING_TO_PROBE
        if card.account not in self._probed:
            services.probe_account(card.account, actor=self.actor, reason=self.reason)
            self._probed.add(card.account)
        return Result.PROBING


def _messages(
    results: dict[Result, list[LiveActivity]], refused: dict[str, list[LiveActivity]]
) -> Iterator[tuple[int, str]]:
    """Yield a message for each result, each account that makes no calls, and each refusal."""
    waiting = _by_account(why_ends_wait, results, WHILE_ACCOUNT_WAITS)
    undrained = _by_account(why_nothing_drains, results, NEED_A_DRAIN)
    shown: dict[Result, list[LiveActivity]] = defaultdict(list)
    for result, cards in results.items():
        for card in cards:
            waits = WHILE_ACCOUNT_WAITS.get(result, result)
            shown[waits if card.account in waiting else result].append(card)
    for result in Result:
        if result in shown:
            yield result.level, _filled(result.text, shown[result])
    for alias, why in (undrained | waiting).items():
        yield WARNING, gettext("Account %(account)s: %(why)s") % {"account": alias, "why": why}
    for why, cards in refused.items():
        text = ngettext_lazy(
            "Nothing was done to %(count)d live activity: %(names)s (%(why)s)",
            "Nothing was done to %(count)d live activities: %(names)s (%(why)s)",
            "count",
        )
        yield WARNING, _filled(text, cards, why=why)


def _by_account(
    why: Callable[[conf.Account], str],
    results: dict[Result, list[LiveActivity]],
    concerned: Iterable[Result],
) -> dict[str, str]:
    """Return why nothing comes of these results now, by the alias of each account it holds for."""
    known = conf.accounts()
    aliases = accounts_of(card for result in concerned for card in results.get(result, ()))
    return {a: text for a in aliases if a in known and (text := why(known[a]))}


def _why_refused(error: InvalidInputError) -> str:
    if isinstance(error, ContentRequiredError):
        return gettext("its content is not known, so its end needs content: use liveactivity_end")
    return str(error)


def _filled(text: StrPromise, cards: Sequence[LiveActivity], **values: str) -> str:
    """Return a text with the number and the names of the cards, and their accounts."""
    names = ", ".join(map(short_name, cards[:NAMED]))
    if len(cards) > NAMED:
        more = {"names": names, "count": len(cards) - NAMED}
        names = gettext("%(names)s and %(count)d more") % more
    accounts = ", ".join(accounts_of(cards))
    return text % {"count": len(cards), "names": names, "accounts": accounts, **values}
