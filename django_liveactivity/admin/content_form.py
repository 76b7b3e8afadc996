"""The form for what an ended card shows, with a field for each path in validation errors."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.utils.translation import gettext, gettext_lazy as _

from django_liveactivity.content.encoding import JSONObject, JSONValue
from django_liveactivity.content.endpoints import Endpoint, check_content, check_options
from django_liveactivity.content.json_schema import FieldKind, content_outline, option_outline
from django_liveactivity.content.parsing import OptionFields, parse_content, parse_options, type_of
from django_liveactivity.exceptions import InvalidInputError

from .content_fields import form_field
from .form_errors import nearest, place_errors

if TYPE_CHECKING:
    from django.forms import BoundField
    from django_stubs_ext import StrPromise


BUTTONS = ("action", "secondary_action")
CHOSEN = (FieldKind.CHOICE, FieldKind.BOOLEAN)
"""Kinds that always have a value, also where the user chose none."""
EMPTIED: Mapping[str, JSONValue] = {"tags": [], "metadata": {}}
"""Options that the vendor keeps if they are left out, and what clears them."""
FIRST_ROW = "metrics.0"
PRESELECTED = {f"{button}.type": "open_url" for button in BUTTONS}
REQUIRED = forms.Field.default_error_messages["required"]


@dataclass(frozen=True)
class Shown:
    """What a card would show if it ended now.

    Args:
        content: as it is stored, or None if nothing is known.
        options: its buttons, tags and metadata.
        replaced: ``content``, and the names of options, of an end that the next one replaces: the
            next one has to repeat them.
    """

    content: JSONObject | None = None
    options: JSONObject = field(default_factory=dict)
    replaced: frozenset[str] = frozenset()

    @property
    def content_type(self) -> str:
        """The type of the content, "" if it is unknown."""
        return type_of(self.content or {})

    def at(self, path: str) -> JSONValue:
        """Return the value at a path, or None."""
        value: JSONValue = {**(self.content or {}), **self.options}
        for part in path.split("."):
            if isinstance(value, dict):
                value = value.get(part)
            elif isinstance(value, list) and int(part) < len(value):
                value = value[int(part)]
            else:
                return None
        return value


NOTHING_SHOWN = Shown()


class ContentForm(forms.Form):
    """The final content of a card, with its buttons, tags and metadata.

    What is not touched is not sent: the card then ends as it would without this form, with the
    newest content, even if that changes before the end is sent. Once the form is valid,
    ``content`` and ``options`` are what the service is given.

    Args:
        data: what was posted, or None.
        initial: what was typed, to be shown again without a check.
        endpoint: the call that will end the card.
        content_type: one of the seven types, or "" for what every card can show.
        shown: what the fields are prefilled with.
        title: a title to begin with, for a card that needs one and whose content is not known.
    """

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        initial: dict[str, Any] | None = None,
        *,
        endpoint: Endpoint,
        content_type: str = "",
        shown: Shown = NOTHING_SHOWN,
        title: str = "",
    ) -> None:
        super().__init__(data, initial=initial)
        self.endpoint, self.content_type, self.shown = endpoint, content_type, shown
        self.content: JSONObject | None = None
        self.options: OptionFields = {}
        self._rows: list[int] = []
        of_content = content_outline(endpoint, content_type)
        beside = option_outline(endpoint, content_type)
        self._of_content = {each.path for each in of_content}
        self._outlines = {each.path: each for each in (*of_content, *beside)}
        for path, outline in self._outlines.items():
            self.fields[path] = form_field(outline, self._before(path))
        if title and shown.content is None:
            self.fields["title"].initial = title

    def clean(self) -> dict[str, Any]:
        """Decide what to send, and check it as the service does."""
        given = super().clean() or {}
        changed = {path for path in self._outlines if self._has_changed(path)}
        for path in self.errors.keys() - changed:
            del self.errors[path]  # a rule may be newer than the card
        if self.errors:
            return given
        values = self._values(given, changed)
        content = nested({path: v for path, v in values.items() if path in self._of_content})
        options = nested({path: v for path, v in values.items() if path not in self._of_content})
        if self._says_content(content, options, changed):
            self.content = self._with_type(content)
        else:
            said = {path.partition(".")[0] for path in changed} | self.shown.replaced
            options = {name: value for name, value in options.items() if name in said}
        self.options = cast("OptionFields", options)
        self._rows = row_numbers(values)
        self._check(values)
        return given

    def field_of(self, path: str) -> str | None:
        """Return the field for an error at this path, or None.

        Empty rows are not sent, so that the rows below them have lower numbers in an error.
        """
        name, *rest = path.split(".")
        if rest and rest[0].isdecimal() and f"{name}.0.label" in self.fields:
            path = ".".join((name, str(self._rows[int(rest[0])]), *rest[1:]))
        return nearest(path, self.fields)

    @property
    def drawn(self) -> tuple[JSONObject, JSONObject]:
        """The content and the options of the card as it will be when it has ended."""
        options = cast("JSONObject", self.options)
        if self.content is None:
            return self.shown.content or {}, {**self.shown.options, **options}
        return self.content, options

    @property
    def groups(self) -> list[Group]:
        """The fields as the page shows them, rows and all."""
        found: dict[str, list[BoundField]] = {}
        for path in self.fields:
            found.setdefault(_group_of(path), []).append(self[path])
        return [Group(name, fields) for name, fields in found.items()]

    @property
    def has_more_rows(self) -> bool:
        """Whether there are rows that the page does not show expanded."""
        return any(group.is_row and not group.is_open for group in self.groups)

    def _before(self, path: str) -> JSONValue:
        before = self.shown.at(path)
        return PRESELECTED.get(path) if before is None else before

    def _has_changed(self, path: str) -> bool:
        return self.fields[path].has_changed(self._before(path), self[path].data)

    def _values(self, given: Mapping[str, Any], changed: Collection[str]) -> dict[str, JSONValue]:
        """Return what the fields hold; one that is untouched holds exactly what the card shows.

        An object is there if one of its texts is, or if something was chosen for it.
        """
        values: dict[str, JSONValue] = {}
        for path in self._outlines:
            before = None if path in changed else self.shown.at(path)
            if before is not None:
                values[path] = before
            elif not is_empty(given[path]):
                values[path] = given[path]
            elif path in changed and path in EMPTIED:
                values[path] = EMPTIED[path]
        there = {""} | {
            self._outlines[path].group
            for path, value in values.items()
            if path in changed or not (is_empty(value) or self._outlines[path].kind in CHOSEN)
        }
        return {path: v for path, v in values.items() if self._outlines[path].group in there}

    def _says_content(
        self, content: JSONObject, options: JSONObject, changed: Collection[str]
    ) -> bool:
        """Return whether the end has to carry content.

        Also if a button was removed: an end without content keeps the buttons of the card.
        """
        if self.shown.content is None:
            return bool(content)
        removed = any(b in self.shown.options and b not in options for b in BUTTONS)
        touched = not self._of_content.isdisjoint(changed)
        return touched or removed or "content" in self.shown.replaced

    def _with_type(self, content: JSONObject) -> JSONObject:
        """Return content with its type, unless the card's own has none."""
        if self.shown.content is not None and "type" not in self.shown.content:
            return content
        return {**content, "type": self.content_type} if self.content_type else content

    def _check(self, values: Mapping[str, JSONValue]) -> None:
        for path in self._missing(values):
            self.add_error(path, REQUIRED)
        if self.errors:
            return
        try:
            options = parse_options(cast("JSONObject", self.options))
            check_options(self.endpoint, self.content_type or None, options)
            if self.content is not None:
                typed = {**self.content, "type": self.content_type or None}
                check_content(self.endpoint, parse_content(typed))
        except InvalidInputError as error:
            place_errors(error, self)

    def _missing(self, values: Mapping[str, JSONValue]) -> Iterator[str]:
        """Yield the fields that are required but empty."""
        there = {self._outlines[path].group for path in values}
        if self.content is not None:
            there |= {""} if self._rows else {"", FIRST_ROW}
        for path, outline in self._outlines.items():
            sent = path in self._of_content or outline.group in self.options
            if outline.required and outline.group in there and sent and path not in values:
                yield path


@dataclass(frozen=True)
class Group:
    """Fields that belong together on the page."""

    name: str
    fields: list[BoundField]

    @property
    def title(self) -> StrPromise | str:
        """The heading, "" for the first group."""
        row = self.name.rpartition(".")[2]
        if row.isdecimal():
            return gettext("Value %(number)d") % {"number": int(row) + 1}
        return GROUPS[self.name]

    @property
    def is_row(self) -> bool:
        """Whether it is a row of a list."""
        return "." in self.name

    @property
    def is_open(self) -> bool:
        """Whether the page shows it expanded: a first row, one in use, or a changed one."""
        if self.name in OPEN or any(each.errors for each in self.fields):
            return True
        if self.is_row:
            return any(not is_empty(each.value()) for each in self.fields)
        return any(each.field.has_changed(each.field.initial, each.value()) for each in self.fields)


GROUPS: Mapping[str, StrPromise | str] = {
    "": "",
    "look": _("Colors, icon and badge"),
    "action": _("Button"),
    "secondary_action": _("Second button"),
    "alert": _("Announcement"),
    "beside": _("Tags and metadata"),
}
LOOK = ("icon", "badge", "step_colors")
OPEN = ("", "metrics.0", "metrics.1")


def _group_of(path: str) -> str:
    name, *rest = path.split(".")
    if rest and rest[0].isdecimal():
        return f"{name}.{rest[0]}"
    if name in GROUPS:
        return name
    if name in EMPTIED:
        return "beside"
    return "look" if name in LOOK or path.endswith("color") else ""


def is_empty(value: object) -> bool:
    """Return whether a field is empty; 0 and False are values."""
    return value is None or value in ("", [], {})


def nested(values: Mapping[str, JSONValue]) -> JSONObject:
    """Return the JSON with these values at these paths; the rows are numbered anew."""
    plain: JSONObject = {}
    objects: dict[str, JSONObject] = {}
    rows: dict[str, dict[int, JSONObject]] = {}
    for path, value in values.items():
        match path.split("."):
            case [name, row, part]:
                rows.setdefault(name, {}).setdefault(int(row), {})[part] = value
            case [name, part]:
                objects.setdefault(name, {})[part] = value
            case _:
                plain[path] = value
    for name, by_number in rows.items():
        plain[name] = [by_number[number] for number in sorted(by_number)]
    return {**plain, **objects}


def row_numbers(paths: Iterable[str]) -> list[int]:
    """Return the sorted numbers of the rows in these paths."""
    return sorted({int(part) for path in paths for part in path.split(".") if part.isdecimal()})
