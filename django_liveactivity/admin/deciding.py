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
from django_liveactivity.models import Act, LiveActivity, Operation, with_now

from .asking import Question, ReasonForm
from .ending import why_accounts_wait
from .report import log_entries, named, waiting_lines

Kind = Act.Kind
QUESTIONS = {
    Kind.RETRY: Question(
        "retry_selected",
        gettext_lazy("Retry what is unfinished"),
        gettext_lazy("What is unfinished of these live activities is tried again at once:"),
        gettext_lazy("Retry"),
    ),
    Kind.GIVE_UP: Question(
        "give_up_selected",
        gettext_lazy("Give up what is unfinished"),
        gettext_lazy(
            "What is unfinished of these live activities is never sent. Those whose end is given "
            "up may stay on the phones, and are marked as needing attention:"
        ),
        gettext_lazy("Give up"),
    ),
    Kind.PROBE: Question(
        "probe_accounts",
        gettext_lazy("Probe accounts"),
        "",  # names the accounts
        gettext_lazy("Probe"),
    ),
}


def question(kind: Act.Kind, cards: Sequence[LiveActivity]) -> Question:
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
    kind: Act.Kind, cards: Sequence[LiveActivity], using: str, *, actor: Any, reason: str
) -> Decisions:
    """Decide on the unfinished operations of cards, or on their accounts, and log it per card.

    Args:
        kind: what to do.
        cards: cards of one database.
        using: its alias.
        actor: the user who decides.
        reason: why, for the history.
    """
    came_of_it, why = Decisions(), {"actor": actor, "reason": reason}
    probed: set[str] = set()
    with transaction.atomic(using=using):
        for card in cards:
            try:
                with transaction.atomic(using=using):
                    if kind == Kind.PROBE:
                        _probe(card.account, probed, why)
                        found = came_of_it.decided
                    else:
                        found = _decide(came_of_it, kind, card, using, why)
            except InvalidInputError as error:
                came_of_it.refused.append((card, error))
            else:
                found.append(card)
        _log(kind, came_of_it.decided, actor, reason)
    if kind == Kind.RETRY:
        came_of_it.waiting = why_accounts_wait(came_of_it.decided)
    return came_of_it


def _decide(
    came_of_it: Decisions, kind: Act.Kind, card: LiveActivity, using: str, why: dict[str, Any]
) -> list[LiveActivity]:
    """Decide on what is unfinished of a card, and return where its result is listed."""
    operations = Operation.objects.using(using).filter(activity=card)
    unfinished = operations.filter(state__in=Operation.UNFINISHED).order_by("pk")
    chosen, act = list(with_now(unfinished)), services.give_up_operation
    if not chosen:
        return came_of_it.idle
    if kind == Kind.RETRY:
        chosen, act = [o for o in chosen if o.due_at <= o.now], services.retry_operation
    for operation in chosen:
        act(operation, **why)
    return came_of_it.decided if chosen else came_of_it.scheduled


def _probe(account: str, probed: set[str], why: dict[str, Any]) -> None:
    if account not in probed:
        services.probe_account(account, **why)
        probed.add(account)


def _log(kind: Act.Kind, cards: Sequence[LiveActivity], user: Any, reason: str) -> None:
    message = {
        Kind.RETRY: _("Retry requested."),
        Kind.GIVE_UP: _("Unfinished operations given up."),
        Kind.PROBE: _("Probe of the account requested."),
    }[kind]
    if cards:
        log_entries(user, cards, f"{message} {reason}".strip())


def lines(kind: Act.Kind, came_of_it: Decisions) -> list[tuple[int, str]]:
    """Return a level and a text for what was decided, and for what was not."""
    told = [
        (_level(came_of_it), _success(kind, came_of_it.decided)),
        *waiting_lines(came_of_it.waiting),
        (messages.INFO, _nothing(came_of_it.idle)),
        (messages.INFO, _scheduled(came_of_it.scheduled)),
    ]
    told += [(messages.WARNING, f"{card}: {error}") for card, error in came_of_it.refused]
    return [(level, text) for level, text in told if text]


def _level(came_of_it: Decisions) -> int:
    return messages.INFO if came_of_it.waiting else messages.SUCCESS


def _success(kind: Act.Kind, cards: Sequence[LiveActivity]) -> str:
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
