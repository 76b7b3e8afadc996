"""What an operator decides on unfinished operations, and on the accounts of cards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from django_liveactivity import services
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import LiveActivity, Operation, OperatorAction, with_now

from .actions import why_accounts_wait
from .confirmation import Confirmation, ReasonForm
from .results import log_entries, named, waiting_lines

Kind = OperatorAction.Kind
QUESTIONS = {
    Kind.RETRY: Confirmation(
        "retry_selected",
        gettext_lazy("Retry what is unfinished"),
        gettext_lazy("What is unfinished of these live activities is tried again at once:"),
        gettext_lazy("Retry"),
    ),
    Kind.GIVE_UP: Confirmation(
        "give_up_selected",
        gettext_lazy("Give up what is unfinished"),
        gettext_lazy(
            "What is unfinished of these live activities is never sent. Those whose end is given "
            "up may stay on the phones, and are marked as needing attention:"
        ),
        gettext_lazy("Give up"),
    ),
    Kind.PROBE: Confirmation(
        "probe_accounts",
        gettext_lazy("Probe accounts"),
        "",  # names the accounts
        gettext_lazy("Probe"),
    ),
}


def question(kind: OperatorAction.Kind, cards: Sequence[LiveActivity]) -> Confirmation:
    """Return what is asked before it is decided; of a probe it names the accounts of the cards."""
    asked = QUESTIONS[kind]
    return replace(asked, text=_probing(cards)) if kind == Kind.PROBE else asked


def _probing(cards: Sequence[LiveActivity]) -> str:
    accounts = _accounts(cards)
    text = ngettext(
        "The account of these live activities makes its next call at once: %(accounts)s",
        "The accounts of these live activities make their next call at once: %(accounts)s",
        len(accounts),
    )
    return text % {"accounts": ", ".join(accounts)}


def _accounts(cards: Sequence[LiveActivity]) -> list[str]:
    return sorted({card.account for card in cards})


class GiveUpForm(ReasonForm):
    """Why a card may stay on the phone: that must be said."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = True
        self.fields["reason"].help_text = gettext_lazy(
            "For the history: the cards may stay on the phones."
        )


@dataclass
class Decisions:
    """What became of the cards.

    Args:
        decided: something was decided on.
        idle: nothing of them is unfinished.
        scheduled: their end is for later, and nothing else is unfinished: no retry hastens it.
        waiting: what keeps an account from making calls, by its alias.
        refused: with the reason.
    """

    decided: list[LiveActivity] = field(default_factory=list)
    idle: list[LiveActivity] = field(default_factory=list)
    scheduled: list[LiveActivity] = field(default_factory=list)
    waiting: dict[str, str] = field(default_factory=dict)
    refused: list[tuple[LiveActivity, InvalidInputError]] = field(default_factory=list)


def decide(
    kind: OperatorAction.Kind, cards: Sequence[LiveActivity], using: str, *, actor: Any, reason: str
) -> Decisions:
    """Decide on the unfinished operations of cards, or on their accounts, and log it per card.

    Args:
        kind: what to do.
        cards: cards of one database.
        using: its alias.
        actor: the user who decides.
        reason: why, for the history.
    """
    result, why = Decisions(), {"actor": actor, "reason": reason}
    probed: set[str] = set()
    with transaction.atomic(using=using):
        for card in cards:
            try:
                with transaction.atomic(using=using):
                    if kind == Kind.PROBE:
                        _probe(card.account, probed, why)
                        found = result.decided
                    else:
                        found = _decide(result, kind, card, using, why)
            except InvalidInputError as error:
                result.refused.append((card, error))
            else:
                found.append(card)
        _log(kind, result.decided, actor, reason)
    if kind == Kind.RETRY:
        result.waiting = why_accounts_wait(result.decided)
    return result


def _decide(
    result: Decisions,
    kind: OperatorAction.Kind,
    card: LiveActivity,
    using: str,
    why: dict[str, Any],
) -> list[LiveActivity]:
    """Decide on what is unfinished of a card, and return where its result is listed."""
    operations = Operation.objects.using(using).filter(activity=card)
    unfinished = operations.filter(state__in=Operation.UNFINISHED).order_by("pk")
    chosen, act = list(with_now(unfinished)), services.give_up_operation
    if not chosen:
        return result.idle
    if kind == Kind.RETRY:
        chosen, act = [o for o in chosen if o.due_at <= o.now], services.retry_operation
    for operation in chosen:
        act(operation, **why)
    return result.decided if chosen else result.scheduled


def _probe(account: str, probed: set[str], why: dict[str, Any]) -> None:
    if account not in probed:
        services.probe_account(account, **why)
        probed.add(account)


def _log(kind: OperatorAction.Kind, cards: Sequence[LiveActivity], user: Any, reason: str) -> None:
    message = {
        Kind.RETRY: _("Retry requested."),
        Kind.GIVE_UP: _("Unfinished operations given up."),
        Kind.PROBE: _("Probe of the account requested."),
    }[kind]
    if cards:
        log_entries(user, cards, f"{message} {reason}".strip())


def lines(kind: OperatorAction.Kind, result: Decisions) -> list[tuple[int, str]]:
    """Return a level and a text for what was decided, and for what was not."""
    told = [
        (_level(result), _success(kind, result.decided)),
        *waiting_lines(result.waiting),
        (messages.INFO, _nothing(result.idle)),
        (messages.INFO, _scheduled(result.scheduled)),
    ]
    told += [(messages.WARNING, f"{card}: {error}") for card, error in result.refused]
    return [(level, text) for level, text in told if text]


def _level(result: Decisions) -> int:
    return messages.INFO if result.waiting else messages.SUCCESS


def _success(kind: OperatorAction.Kind, cards: Sequence[LiveActivity]) -> str:
    if not cards:
        return ""
    if kind == Kind.PROBE:
        accounts = ", ".join(_accounts(cards))
        return _("The next drain probes: %(accounts)s") % {"accounts": accounts}
    if kind == Kind.RETRY:
        text = ngettext(
            "What is due of %(count)d live activity is tried again: %(names)s",
            "What is due of %(count)d live activities is tried again: %(names)s",
            len(cards),
        )
    else:
        text = ngettext(
            "Giving up what is unfinished of %(count)d live activity: %(names)s",
            "Giving up what is unfinished of %(count)d live activities: %(names)s",
            len(cards),
        )
    return named(text, cards)


def _scheduled(cards: Sequence[LiveActivity]) -> str:
    if not cards:
        return ""
    text = ngettext(
        "The end of %(count)d live activity is scheduled for later, and nothing was tried: "
        "%(names)s. End it to bring that forward.",
        "The ends of %(count)d live activities are scheduled for later, and nothing was tried: "
        "%(names)s. End them to bring that forward.",
        len(cards),
    )
    return named(text, cards)


def _nothing(cards: Sequence[LiveActivity]) -> str:
    if not cards:
        return ""
    text = ngettext(
        "%(count)d live activity has nothing unfinished: %(names)s",
        "%(count)d live activities have nothing unfinished: %(names)s",
        len(cards),
    )
    return named(text, cards)
