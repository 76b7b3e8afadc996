"""The forms for a reason, and for how and when cards end."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.db import models
from django.utils.translation import gettext_lazy as _

from django_liveactivity.content.parsing import LONGEST_DISMISSAL, LONGEST_DURATION

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from django_liveactivity.services.writer import EndOptions


SECOND = datetime.timedelta(seconds=1)
MINUTE = datetime.timedelta(minutes=1)
LONGEST_WAIT = LONGEST_DURATION // MINUTE
"""Minutes; the services accept no more."""


def _reason_field(help_text: StrOrPromise, *, required: bool) -> forms.CharField:
    return forms.CharField(
        label=_("Reason"),
        help_text=help_text,
        max_length=1000,
        required=required,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )


def _choice_field(
    label: StrOrPromise, choices: type[models.TextChoices], initial: str
) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label,
        choices=choices.choices,
        initial=initial,
        required=False,
        widget=forms.RadioSelect,
    )


class ReasonForm(forms.Form):
    """The operator's reason."""

    reason = _reason_field(_("For the history."), required=False)


class GiveUpForm(ReasonForm):
    """A reason that is required, since the card may stay on the phones."""

    reason = _reason_field(_("For the history: the cards may stay on the phones."), required=True)


class Dismissal(models.TextChoices):
    """How long an ended card stays on the phones."""

    DEFAULT = "default", _("As the account or the vendor has set it")
    AT_ONCE = "at_once", _("Not at all: remove it at once")
    MINUTES = "minutes", _("For this many minutes:")


class When(models.TextChoices):
    """When a card ends."""

    NOW = "now", _("Now")
    AT = "at", _("At this time:")
    AFTER = "after", _("After this many minutes:")


NEEDED = (
    ("dismissal", Dismissal.MINUTES, "dismiss_minutes"),
    ("when", When.AT, "at"),
    ("when", When.AFTER, "after_minutes"),
)
"""Choices that require another field."""


class EndForm(ReasonForm):
    """How and when cards end, whatever their type; ``end_options`` are the service's arguments."""

    dismissal = _choice_field(_("How long the ended card stays"), Dismissal, Dismissal.DEFAULT)
    dismiss_minutes = forms.IntegerField(
        label=_("Minutes it stays"),
        min_value=0,
        max_value=LONGEST_DISMISSAL // MINUTE,
        required=False,
    )
    when = _choice_field(_("When"), When, When.NOW)
    at = forms.DateTimeField(
        label=_("Time of the end"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    after_minutes = forms.IntegerField(
        label=_("Minutes until the end"), min_value=1, max_value=LONGEST_WAIT, required=False
    )
    field_order = ("dismissal", "dismiss_minutes", "when", "at", "after_minutes", "reason")

    def clean(self) -> dict[str, Any]:
        """Require the fields that the choices need."""
        given = super().clean() or {}
        for choice, answer, needed in NEEDED:
            missing = given.get(needed) is None and needed not in self.errors
            if given.get(choice) == answer and missing:
                self.add_error(needed, _("Give this, or choose another answer above."))
        return given

    @property
    def dismiss_seconds(self) -> int | None:
        """How long the ended card stays, in seconds; None if a valid form does not say so."""
        after = self.end_options.get("dismiss_after")
        return after // SECOND if isinstance(after, datetime.timedelta) else None

    @property
    def end_options(self) -> EndOptions:
        """The arguments of ``end_activity`` that the form sets."""
        given = self.cleaned_data
        options: EndOptions = {}
        if given["dismissal"] == Dismissal.AT_ONCE:
            options["dismiss_after"] = datetime.timedelta(0)
        elif given["dismissal"] == Dismissal.MINUTES:
            options["dismiss_after"] = given["dismiss_minutes"] * MINUTE
        if given["when"] == When.AT:
            options["at"] = given["at"]
        elif given["when"] == When.AFTER:
            options["after"] = given["after_minutes"] * MINUTE
        return options
