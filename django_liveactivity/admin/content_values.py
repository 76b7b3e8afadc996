"""Between JSON and a form: the value at a path, and the JSON that values at paths make. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django_liveactivity.content.encoding import JSONObject, JSONValue
from django_liveactivity.content.parsing import type_of


@dataclass(frozen=True)
class Shown:
    """What a card would show if it ended as it is.

    Args:
        content: as it is stored, or None if nothing is known.
        options: the buttons, tags and metadata beside it.
        replaced: ``content``, and the names of options, that belong to an end which the next one
            replaces: the next one has to say them again.
    """

    content: JSONObject | None = None
    options: JSONObject = field(default_factory=dict)
    replaced: frozenset[str] = frozenset()

    @property
    def content_type(self) -> str:
        """The type of the content, "" if it is unknown."""
        return type_of(self.content or {})

    def at(self, path: str) -> JSONValue:
        """Return what the field of a path would show, None if nothing."""
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


def is_empty(value: object) -> bool:
    """Tell whether a field holds nothing; 0 and False are something."""
    return value is None or value in ("", [], {})


def nested(values: Mapping[str, JSONValue]) -> JSONObject:
    """Return the JSON with these values at these paths; rows close ranks."""
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
    """Return the numbers of the rows that these paths lie in, in their order."""
    return sorted({int(part) for path in paths for part in path.split(".") if part.isdecimal()})
