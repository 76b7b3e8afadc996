"""The forms of the page that ends one card, and what they make of what was posted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.conf import settings
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from django_liveactivity.content.endpoints import TYPE_NAMES, Endpoint
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import Operation

from .content_errors import place_errors
from .content_form import ContentForm
from .content_labels import TYPES
from .forms import SECOND, Dismissal, EndForm
from .outlook import Target, shown_by

if TYPE_CHECKING:
    from django_liveactivity.services.writer import EndOptions

MINUTE = 60


class TypeForm(forms.Form):
    """The type of a card, where it is not known."""

    type = forms.ChoiceField(
        label=_("Type"),
        help_text=_("What the phones show. The fields below follow."),
        choices=[("", _("Only a title")), *TYPES.items()],
        required=False,
    )


class OneEndForm(EndForm):
    """How and when one card ends, beginning with the dismissal of an end that stands already."""

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        initial: dict[str, Any],
        standing: Operation | None,
    ) -> None:
        super().__init__(data, initial=initial)
        seconds = standing.dismiss_seconds if standing else None
        self._seconds = seconds
        if seconds is not None:
            chosen = Dismissal.MINUTES if seconds else Dismissal.AT_ONCE
            self.fields["dismissal"].initial = chosen
            self.fields["dismiss_minutes"].initial = -(-seconds // MINUTE) or None
        if standing is not None and standing.is_scheduled:
            self.fields["at"].initial = standing.due
        zone = timezone.get_current_timezone_name()
        if not settings.USE_TZ:  # then a form takes times as they are, whatever zone is activated
            zone = timezone.get_default_timezone_name()
        self.fields["at"].help_text = gettext("Time zone: %(name)s.") % {"name": zone}

    @property
    def end_options(self) -> EndOptions:
        """What the form asks for, as arguments of ``end_activity``."""
        options = super().end_options
        untouched = not {"dismissal", "dismiss_minutes"} & set(self.changed_data)
        if self._seconds is not None and untouched:  # to the second, not to the minute
            options["dismiss_after"] = self._seconds * SECOND
        return options


class EndForms:
    """What the page asks of one card's end.

    Args:
        target: the card.
        posted: the fields that were posted, or None.
        sources: the operations that the posted form had been prefilled from.
        is_checked: whether what was posted is checked, or only shown again.
        asked_type: the type to begin with, if the card's is not known.
    """

    def __init__(
        self,
        target: Target,
        posted: QueryDict | None = None,
        sources: tuple[int, ...] | None = None,
        *,
        is_checked: bool = True,
        asked_type: str = "",
    ) -> None:
        self.target, self.posted = target, posted
        card, outlook = target.card, target.outlook
        self.sources = outlook.sources if sources is None else sources
        shown = shown_by(target, self.sources)
        own_type = shown.content_type
        data = posted if is_checked else None
        typed = {} if posted is None or is_checked else posted.dict()
        first = {"type": asked_type or (card.type if card else "")} | typed
        self.type = None if own_type else TypeForm(data, initial=first)
        asked = own_type or (posted.get("type", "") if posted is not None else first["type"])
        self.content = ContentForm(
            data,
            typed,
            endpoint=Endpoint.END_STREAM if target.by_key else Endpoint.END,
            content_type=asked if asked in TYPE_NAMES else "",
            shown=shown,
            title=card.title if card and not target.by_key else "",
        )
        self.how = OneEndForm(data, typed, outlook.end)

    @property
    def all(self) -> list[forms.Form]:
        """The forms in the order of the page."""
        return [*([self.type] if self.type else []), self.content, self.how]

    @property
    def has_errors(self) -> bool:
        """Tell whether something that was posted is wrong."""
        return any(form.errors for form in self.all)

    def is_valid(self) -> bool:
        """Tell whether the end can be asked for."""
        return all(form.is_valid() for form in self.all)

    def refuse(self, error: InvalidInputError, *others: forms.Form) -> None:
        """Show at the fields of these forms, and of others, what the service refuses."""
        place_errors(error, self.content, *self.all, *others)

    def prefilled(self) -> EndForms:
        """Return the same forms with what the card shows wherever nothing was typed."""
        fresh = EndForms(self.target)
        data = self.posted.copy() if self.posted is not None else QueryDict(mutable=True)
        for bound in fresh.content:
            if not data.get(bound.name):
                data[bound.name] = "" if (value := bound.value()) is None else str(value)
        return EndForms(self.target, data)

    @property
    def says_content(self) -> bool:
        """Tell whether something was typed that the ended card is to show."""
        return not self.content.is_valid() or self.content.content is not None

    @property
    def options(self) -> EndOptions:
        """The arguments of ``end_activity`` beside the content; of valid forms only."""
        return cast("EndOptions", {**self.content.options, **self.how.end_options})

    @property
    def reason(self) -> str:
        """Why the card ends."""
        reason: str = self.how.cleaned_data["reason"]
        return reason

    @property
    def dismiss_seconds(self) -> int | None:
        """How long the ended card stays; None if nobody has said so here."""
        if not self.how.is_bound:
            return self.how._seconds
        return self.how.dismiss_seconds
