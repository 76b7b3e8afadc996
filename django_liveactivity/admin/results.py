"""What became of the cards, as messages and as entries of the admin's own log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import router
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_liveactivity.exceptions import ContentRequiredError, InvalidInputError
from django_liveactivity.models import LiveActivity, storable

from .actions import EndResult
from .queryset import short

NAMED = 20
"""Cards named in one message; a message may have to fit into a cookie."""


def log(report: EndResult, user: Any, reason: str) -> None:
    """Write an entry for each card that ends."""
    message = _("End requested: %(reason)s") % {"reason": reason} if reason else _("End requested.")
    if report.requested:
        log_entries(user, report.requested, message)


def log_entries(user: Any, cards: Sequence[LiveActivity], message: str) -> None:
    """Write an entry for each card, in characters that Django's own table takes."""
    field, using = LogEntry._meta.get_field("change_message"), router.db_for_write(LogEntry)
    LogEntry.objects.log_actions(user.pk, cards, CHANGE, storable(field, using, message))


def lines(report: EndResult) -> Iterator[tuple[int, str]]:
    """Yield a level and a text for each thing that became of the cards; green is what happens."""
    going = [card for card in report.requested if card.account not in report.waiting]
    held_up = [card for card in report.requested if card.account in report.waiting]
    told = [
        (messages.SUCCESS, _ending, going),
        (messages.WARNING, _stored, held_up),
        (messages.INFO, _already_ending, report.already_ending),
        (messages.INFO, _already_ended, report.already_ended),
        (messages.WARNING, _needs_operator, report.needs_operator),
    ]
    yield from ((level, text(cards)) for level, text, cards in told if cards)
    yield from waiting_lines(report.waiting)
    by_reason: dict[str, list[LiveActivity]] = defaultdict(list)
    for card, error in report.refused:
        by_reason[_why(error)].append(card)
    for why, cards in by_reason.items():
        yield messages.WARNING, _refusal(why, cards)


def waiting_lines(waiting: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """Yield a warning for each account that sends nothing now."""
    for alias, why in waiting.items():
        yield (
            messages.WARNING,
            _("Account %(account)s: %(why)s") % {"account": alias, "why": why},
        )


def _ending(cards: Sequence[LiveActivity]) -> str:
    text = ngettext(
        "Ending %(count)d live activity: %(names)s",
        "Ending %(count)d live activities: %(names)s",
        len(cards),
    )
    return named(text, cards)


def _stored(cards: Sequence[LiveActivity]) -> str:
    text = ngettext(
        "The end of %(count)d live activity is stored and waits for its account: %(names)s",
        "The ends of %(count)d live activities are stored and wait for their account: %(names)s",
        len(cards),
    )
    return named(text, cards)


def _already_ending(cards: Sequence[LiveActivity]) -> str:
    text = ngettext(
        "%(count)d live activity was already ending: %(names)s",
        "%(count)d live activities were already ending: %(names)s",
        len(cards),
    )
    return named(text, cards)


def _already_ended(cards: Sequence[LiveActivity]) -> str:
    text = ngettext(
        "%(count)d live activity had already ended: %(names)s",
        "%(count)d live activities had already ended: %(names)s",
        len(cards),
    )
    return named(text, cards)


def _needs_operator(cards: Sequence[LiveActivity]) -> str:
    text = ngettext(
        "The vendor refuses the end of %(count)d live activity: %(names)s. See its page for the "
        "answer, then retry the end or give it up.",
        "The vendor refuses the ends of %(count)d live activities: %(names)s. See their pages for "
        "the answers, then retry the ends or give them up.",
        len(cards),
    )
    return named(text, cards)


def _why(error: InvalidInputError) -> str:
    if isinstance(error, ContentRequiredError):
        return _("what it shows is not known, so this end needs content: a command can give it")
    return str(error)


def _refusal(why: str, cards: Sequence[LiveActivity]) -> str:
    text = ngettext(
        "%(count)d live activity does not end: %(names)s (%(why)s)",
        "%(count)d live activities do not end: %(names)s (%(why)s)",
        len(cards),
    )
    return named(text, cards, why=why)


def named(text: str, cards: Sequence[LiveActivity], **values: Any) -> str:
    """Return a text with the count and the names of the cards in it."""
    names = ", ".join(map(short, cards[:NAMED]))
    if len(cards) > NAMED:
        names = _("%(names)s and %(count)d more") % {"names": names, "count": len(cards) - NAMED}
    return text % {"count": len(cards), "names": names, **values}
