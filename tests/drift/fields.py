"""The JSON Schema of a body as a flat table: each field by its path, and what it may hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django_liveactivity.content.endpoints import Endpoint

Schema = dict[str, Any]

# The keywords of JSON Schema that only allow less, by the type that they are for.
LEAST = {"minimum", "exclusiveMinimum", "minLength", "minItems"}
LIMITS = {
    "number": ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"),
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "object": ("maxProperties",),
}


@dataclass(frozen=True)
class Field:
    """What a field may hold: JSON types, choices of text (None for any), limits by keyword."""

    types: frozenset[str]
    choices: frozenset[str] | None = None
    limits: dict[str, float] = field(default_factory=dict)
    required: bool = False


Fields = dict[str, Field]


class Document:
    """A schema and the definitions that it refers to."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    def alternatives(self, schema: Schema) -> Iterator[Schema]:
        """Yield the ways in which a value may be right, references followed, null left out."""
        if "$ref" in schema:
            found: Any = self.schema
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            yield from self.alternatives(found)
        elif several := schema.get("anyOf") or schema.get("oneOf"):
            for each in several:
                yield from self.alternatives(each)
        elif isinstance(schema.get("type"), list):
            for name in schema["type"]:
                yield from self.alternatives({**schema, "type": name})
        elif schema.get("type") != "null":
            yield schema

    def fields(self, schema: Schema | None = None, path: str = "") -> Fields:
        """Return all fields below a schema; entries of lists and maps are called ``*``."""
        below: list[Fields] = []
        for way in self.alternatives(self.schema if schema is None else schema):
            here: Fields = {}
            for name, inner in _children(way):
                own = f"{path}.{name}" if path else name
                here[own] = self._field(inner, required=name in way.get("required", ()))
                here |= self.fields(inner, own)
            below.append(here)
        return _united(below)

    def _field(self, schema: Schema, *, required: bool) -> Field:
        ways = list(self.alternatives(schema))
        texts = [_choices(way) for way in ways if kind_of(way) == "string"]
        limits: dict[str, float] = {}
        for kind, keywords in LIMITS.items():
            own = [way for way in ways if kind_of(way) in {kind, *_narrower_kinds(kind)}]
            shared = [each for each in keywords if own and all(each in way for way in own)]
            limits |= {each: _loosest(each, own) for each in shared}
        return Field(frozenset(map(kind_of, ways)), _any_choice(texts), limits, required)


@dataclass(frozen=True)
class Source:
    """One declaration of the bodies of the five calls.

    Attributes:
        name: for the report.
        bodies: the schema of each call's body.
        says_ranges: whether it tells numbers from whole numbers, and lengths; TypeScript does not.
    """

    name: str
    bodies: dict[Endpoint, Document]
    says_ranges: bool = True


def kind_of(schema: Schema) -> str:
    """Return the JSON type of a schema without alternatives, ``any`` if it says none."""
    if "type" in schema:
        return str(schema["type"])
    return "string" if "enum" in schema or "const" in schema else "any"


def _narrower_kinds(kind: str) -> set[str]:
    return {"integer"} if kind == "number" else set()


def _choices(schema: Schema) -> frozenset[str] | None:
    if "const" in schema:
        return frozenset([schema["const"]])
    return frozenset(schema["enum"]) if "enum" in schema else None


def _any_choice(several: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    """Return the choices of all these ways together; None if one of them takes any text."""
    found = list(several)
    closed = [choices for choices in found if choices is not None]
    return frozenset().union(*closed) if found and len(closed) == len(found) else None


def _loosest(keyword: str, ways: Iterable[Schema]) -> float:
    found = [way[keyword] for way in ways]
    return min(found) if keyword in LEAST else max(found)


def _children(schema: Schema) -> Iterator[tuple[str, Schema]]:
    yield from schema.get("properties", {}).items()
    for keyword in ("items", "additionalProperties"):
        if isinstance(schema.get(keyword), dict) and schema[keyword] and "properties" not in schema:
            yield "*", schema[keyword]


def _united(several: list[Fields]) -> Fields:
    """Return the fields of any of these, each holding what it may hold in one of them."""
    united: Fields = {}
    paths = {path: None for fields in several for path in fields}
    for path in paths:
        parent = path.rpartition(".")[0]
        holders = [fields for fields in several if parent in fields or parent not in paths]
        found = [fields[path] for fields in several if path in fields]
        limits = [each.limits for each in found]
        united[path] = Field(
            types=frozenset().union(*(each.types for each in found)),
            choices=_any_choice(each.choices for each in found if "string" in each.types),
            limits={
                keyword: _loosest(keyword, limits)
                for keyword in limits[0]
                if all(keyword in each for each in limits)
            },
            required=len(found) == len(holders) and all(each.required for each in found),
        )
    return united
