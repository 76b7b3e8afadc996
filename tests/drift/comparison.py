"""What one declaration of the bodies takes and another does not, field by field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from django_liveactivity.content.endpoints import Endpoint

from .fields import LEAST, Field, Fields, Source

_LENGTHS = {"minLength", "minItems"}
_NOTHING = Field(frozenset())


@dataclass(frozen=True)
class Finding:
    """One difference.

    Attributes:
        field: its path in the body; of entries of lists and maps the name is ``*``.
        what: the difference in words.
        calls: the calls that have it.
    """

    field: str
    what: str
    calls: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.field} ({', '.join(self.calls)}): {self.what}"


def differences(one: Source, other: Source) -> list[Finding]:
    """Return what either of two takes and the other does not."""
    return [*missing(one, other), *missing(other, one)]


def missing(wanted: Source, here: Source) -> list[Finding]:
    """Return what *wanted* takes and *here* does not; more than that is no matter."""
    comparison = _Comparison(wanted.name, here.name, wanted.says_ranges and here.says_ranges)
    found = (
        (finding, endpoint.value)
        for endpoint, body in wanted.bodies.items()
        for finding in comparison.of(body.fields(), here.bodies[endpoint].fields())
    )
    return by_calls(found)


def by_calls(found: Iterable[tuple[Finding, str]]) -> list[Finding]:
    """Return each finding once, with all the calls that have it."""
    calls: dict[Finding, set[str]] = {}
    for finding, call in found:
        calls.setdefault(finding, set()).add(call)
    return [
        replace(finding, calls=tuple(each for each in Endpoint if each in names))
        for finding, names in calls.items()
    ]


@dataclass(frozen=True)
class _Comparison:
    wanted: str
    here: str
    ranges: bool

    def of(self, wanted: Fields, here: Fields) -> Iterator[Finding]:
        for path, field in wanted.items():
            parent, _, name = path.rpartition(".")
            if path in here:
                yield from self._narrower(path, field, here[path])
            elif name != "*" and parent in {"", *here}:  # below a missing field it has been said
                yield Finding(path, f"{self.here} lacks the field, {self.wanted} has it")
        for path, field in here.items():
            parent = path.rpartition(".")[0]
            required = field.required and not wanted.get(path, _NOTHING).required
            if required and parent in {"", *wanted}:
                what = f"{self.here} requires the field, {self.wanted} does not"
                yield Finding(path, what)

    def _narrower(self, path: str, wanted: Field, here: Field) -> Iterator[Finding]:
        for name in sorted(self._types(wanted, here)):
            what = f"{self.here} does not take a value of type {name}, {self.wanted} does"
            yield Finding(path, what)
        if here.choices is not None and "string" in wanted.types:
            lacks = (wanted.choices or frozenset(["any text"])) - here.choices
            for choice in sorted(lacks):
                what = f"{self.here} lacks the value {choice!r}, {self.wanted} has it"
                yield Finding(path, what)
        if self.ranges:
            yield from self._limits(path, wanted.limits, here.limits)

    def _types(self, wanted: Field, here: Field) -> frozenset[str]:
        if "any" in here.types:
            return frozenset()
        taken = set(here.types)
        if "number" in taken:
            taken.add("integer")
        if "integer" in taken and not self.ranges:
            taken.add("number")
        return wanted.types - taken

    def _limits(
        self, path: str, wanted: dict[str, float], here: dict[str, float]
    ) -> Iterator[Finding]:
        for keyword, limit in here.items():
            theirs = wanted.get(keyword, 0 if keyword in _LENGTHS else None)
            if theirs is None or (theirs < limit if keyword in LEAST else theirs > limit):
                there = "no such limit" if theirs is None else f"{theirs}"
                what = f"{self.here} has the {keyword} {limit}, {self.wanted} {there}"
                yield Finding(path, what)
