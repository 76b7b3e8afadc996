"""End many cards for an operator, and tell what became of each."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from django_liveactivity import services
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import LiveActivity, Operation
from django_liveactivity.services.door import recorded_as

from .asking import Question, ReasonForm

END = Question(
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
class Report:
    """What became of the cards: ending now, ended before, or refused and why."""

    ending: list[LiveActivity] = field(default_factory=list)
    ended_before: list[LiveActivity] = field(default_factory=list)
    refused: list[tuple[LiveActivity, InvalidInputError]] = field(default_factory=list)


def end_cards(
    cards: Sequence[LiveActivity], using: str, *, dismissal: str, reason: str, actor: Any
) -> Report:
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
    report, standing = Report(), _ends_of(cards, using)
    for card in cards:
        try:
            with transaction.atomic(using=using), recorded_as("admin"):
                end = services.end_activity(card, **wishes)
        except InvalidInputError as error:
            report.refused.append((card, error))
        else:
            (report.ended_before if end.pk in standing else report.ending).append(card)
    return report


def _ends_of(cards: Iterable[LiveActivity], using: str) -> set[int]:
    ends = Operation.objects.using(using).filter(kind=Operation.Kind.END)
    return set(ends.filter(activity__in=[c.pk for c in cards]).values_list("pk", flat=True))
