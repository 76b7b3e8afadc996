"""What cards of any type show when they have ended: title, subtitle, color, icon and button."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from django.utils.translation import gettext_lazy as _

from django_liveactivity import selectors, services
from django_liveactivity.content.encoding import JSONObject
from django_liveactivity.content.endpoints import Endpoint
from django_liveactivity.content.outline import content_outline, option_outline
from django_liveactivity.content.parsing import OptionFields, parse_content, parse_options
from django_liveactivity.exceptions import ContentRequiredError, InvalidInputError
from django_liveactivity.models import LiveActivity
from django_liveactivity.templatetags.liveactivity import lock_screen_at_end

from .content_errors import place_errors
from .content_fields import form_field
from .content_form import PRESELECTED
from .content_values import is_empty, nested
from .forms import EndForm

if TYPE_CHECKING:
    from django.forms import BoundField
    from django.utils.safestring import SafeString

    from django_liveactivity.services.writer import EndOptions

SHOWN = ("title", "subtitle", "color", "icon")
BESIDE = ("action",)
ENDPOINT = Endpoint.END_STREAM
HELP = {
    "title": _("If empty, each card keeps its own."),
    "subtitle": _("If empty, each card keeps its own."),
}


def _name(path: str) -> str:
    return path.partition(".")[0]


class EndCardsForm(EndForm):
    """How and when cards end, and what they show then; what is empty stays as each card has it.

    Once the form is valid, ``changes`` and ``end_options`` are what the service is given.
    """

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        every = (*content_outline(ENDPOINT), *option_outline(ENDPOINT))
        self._outlines = {each.path: each for each in every if _name(each.path) in SHOWN + BESIDE}
        for path, outline in self._outlines.items():
            self.fields[path] = form_field(outline, PRESELECTED.get(path))
            self.fields[path].help_text = HELP.get(path, self.fields[path].help_text)

    def clean(self) -> dict[str, Any]:
        """Check what the cards show by the models that the service uses."""
        given = super().clean()
        if not self.errors:
            try:
                parse_content({"title": "any", **self.changes})
                parse_options(self._values(BESIDE))
            except InvalidInputError as error:
                place_errors(error, self)
        return given

    @property
    def changes(self) -> JSONObject:
        """The fields of content in which the ended cards differ from what they show."""
        return self._values(SHOWN)

    @property
    def end_options(self) -> EndOptions:
        """What the form asks for, as arguments of the service beside the content."""
        return cast("EndOptions", {**super().end_options, **self._values(BESIDE)})

    @property
    def content_fields(self) -> list[BoundField]:
        """The fields of what the cards show."""
        return [self[path] for path in self._outlines]

    @property
    def own_fields(self) -> list[BoundField]:
        """The fields of how and when they end."""
        return [bound for bound in self if bound.name not in self._outlines]

    @property
    def shows_something(self) -> bool:
        """Tell whether a field of what the cards show is filled, or wrong."""
        return any(
            bound.errors or not is_empty(bound.value())
            for bound in self.content_fields
            if bound.name not in PRESELECTED
        )

    def _values(self, names: Sequence[str]) -> JSONObject:
        """Return what is given for these; what is preselected makes no object by itself."""
        given = self.cleaned_data
        values = {
            path: given[path]
            for path in self._outlines
            if _name(path) in names and not is_empty(given.get(path))
        }
        there = {_name(path) for path in values if path not in PRESELECTED}
        kept = {p: v for p, v in values.items() if "." not in p or _name(p) in there}
        return nested(kept)


def drawings(cards: Sequence[LiveActivity], form: EndCardsForm) -> list[SafeString]:
    """Return cards as the form ends them; without what was typed, as they would end now."""
    ids = [card.pk for card in cards]
    rows = selectors.by_pks(cards[0]._state.db or "", ids) if ids else []
    return list(_drawings(rows, form))


def _drawings(cards: Iterable[LiveActivity], form: EndCardsForm) -> Iterator[SafeString]:
    changes = form.changes if form.is_bound else {}
    asked: EndOptions = form.end_options if form.is_bound else {}
    beside: OptionFields = {"action": asked["action"]} if "action" in asked else {}
    seconds = form.dismiss_seconds if form.is_bound else None
    for card in cards:
        try:
            content, options = services.batch.sketch_of(card, changes, beside)
        except ContentRequiredError:
            continue
        yield lock_screen_at_end(card, content, options, seconds)
