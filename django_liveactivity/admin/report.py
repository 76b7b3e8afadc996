"""What became of the cards, as messages and as entries of the admin's own log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import router
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_liveactivity.exceptions import ContentRequiredError, InvalidInputError
from django_liveactivity.models import LiveActivity, storable

from .ending import Report
from .rows import short

NAMED = 20
"""Cards named in one message; a message may have to fit into a cookie."""


def log(report: Report, user: Any, reason: str) -> None:
    """Write an entry for each card that ends."""
    message = _("End requested: %(reason)s") % {"reason": reason} if reason else _("End requested.")
    if report.ending:
        log_entries(user, report.ending, message)


def log_entries(user: Any, cards: Sequence[LiveActivity], message: str) -> None:
    """Write an entry for each card, in characters that Django's own table takes."""
    field, using = LogEntry._meta.get_field("change_message"), router.db_for_write(LogEntry)
    LogEntry.objects.log_actions(user.pk, cards, CHANGE, storable(field, using, message))


def lines(report: Report) -> Iterator[tuple[int, str]]:
    """Yield a level and a text for the cards that end, that had ended, and for each refusal."""
    if report.ending:
        yield (
            messages.SUCCESS,
            named(
                ngettext(
                    "Ending %(count)d live activity: %(names)s",
                    "Ending %(count)d live activities: %(names)s",
                    len(report.ending),
                ),
                report.ending,
            ),
        )
    if report.ended_before:
        yield (
            messages.INFO,
            named(
                ngettext(
                    "%(count)d live activity had its end before: %(names)s",
                    "%(count)d live activities had their end before: %(names)s",
                    len(report.ended_before),
                ),
                report.ended_before,
            ),
        )
    by_reason: dict[str, list[LiveActivity]] = defaultdict(list)
    for card, error in report.refused:
        by_reason[_why(error)].append(card)
    for why, cards in by_reason.items():
        yield messages.WARNING, _refusal(why, cards)


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
