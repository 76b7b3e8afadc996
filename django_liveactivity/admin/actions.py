"""End many cards for an operator, and tell what became of each."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from django_liveactivity import conf, services
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.health import why_ends_wait
from django_liveactivity.models import LiveActivity, Operation, Source
from django_liveactivity.services.writer import recorded_as

from .confirmation import Confirmation, ReasonForm

END = Confirmation(
    "end_selected",
    _("End live activities"),
    _("These live activities will end on every phone, unless they have ended already:"),
    _("End them"),
)


class Dismissal(models.TextChoices):
    """How long the ended cards stay on the phones."""

    DEFAULT = "default", _("As the account or the vendor has set it")
    AT_ONCE = "at_once", _("Not at all: remove them at once")


class EndForm(ReasonForm):
    """What an operator says before cards end."""

    dismissal = forms.ChoiceField(
        label=_("How long the ended cards stay"),
        choices=Dismissal.choices,
        initial=Dismissal.DEFAULT,
        required=False,
        widget=forms.RadioSelect,
    )
    field_order = ("dismissal", "reason")


@dataclass
class EndResult:
    """What became of the cards.

    Args:
        requested: an end was stored for them now.
        already_ending: a due end was stored before, and is on its way.
        already_ended: the vendor has acknowledged an end.
        needs_operator: the vendor refuses their end, until an operator retries it or gives it up.
        waiting: what keeps an account from sending the ends of the first two, by its alias.
        refused: no end was stored, and why.
    """

    requested: list[LiveActivity] = field(default_factory=list)
    already_ending: list[LiveActivity] = field(default_factory=list)
    already_ended: list[LiveActivity] = field(default_factory=list)
    needs_operator: list[LiveActivity] = field(default_factory=list)
    waiting: dict[str, str] = field(default_factory=dict)
    refused: list[tuple[LiveActivity, InvalidInputError]] = field(default_factory=list)


def end_cards(
    cards: Sequence[LiveActivity], using: str, *, dismissal: str, reason: str, actor: Any
) -> EndResult:
    """End cards, each in a savepoint of its own, so that one that is refused stops no other.

    Args:
        cards: cards of one database.
        using: its alias.
        dismissal: a value of ``Dismissal``.
        reason: why, for the history.
        actor: the user who asks.
    """
    wishes: dict[str, Any] = {"actor": actor, "reason": reason}
    if dismissal == Dismissal.AT_ONCE:
        wishes["dismiss_after"] = datetime.timedelta(0)
    report, newest = EndResult(), _newest_end(using)
    for card in cards:
        try:
            with transaction.atomic(using=using), recorded_as(Source.ADMIN):
                end = services.end_activity(card, **wishes)
        except InvalidInputError as error:
            report.refused.append((card, error))
        else:
            _results(report, end, is_new=end.pk > newest).append(card)
    report.waiting = why_accounts_wait([*report.requested, *report.already_ending])
    return report


def _results(report: EndResult, end: Operation, *, is_new: bool) -> list[LiveActivity]:
    """Return where a report lists the card of an end."""
    if is_new:
        return report.requested
    if end.state == Operation.State.NEEDS_OPERATOR:
        return report.needs_operator
    return report.already_ended if end.is_settled else report.already_ending


def _newest_end(using: str) -> int:
    ends = Operation.objects.using(using).order_by("-pk").values_list("pk", flat=True)
    return ends.first() or 0


def why_accounts_wait(cards: Iterable[LiveActivity]) -> dict[str, str]:
    """Return, by the alias of each account of the cards that sends nothing now, why."""
    known = conf.accounts()
    found = {a: why_ends_wait(known[a]) for a in sorted({c.account for c in cards}) if a in known}
    return {alias: why for alias, why in found.items() if why}
