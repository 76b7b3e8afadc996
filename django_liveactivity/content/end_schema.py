"""What the content and the options of an end may be, as JSON Schema made from the models."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

from pydantic.json_schema import models_json_schema

from .cards import CONTENT_TYPES, Content, Options
from .fields import Color
from .json_schema import UNSET, Schema, either, has
from .keys import DISMISSAL_UNITS, LONGEST_DISMISSAL
from .validation import Model

_COLORS = get_args(Color)
CONTENT_NAMES = (*(each.__name__ for each in CONTENT_TYPES.values()), Content.__name__)
"""The schemas of content: of the seven types, and of content that tells no type."""


def end_schemas(reference: str) -> dict[str, Schema]:
    """Return the schema of every object in the content and the options of an end, by its name.

    Exactly one of those of ``CONTENT_NAMES`` takes a content. Left out are the sizes in
    bytes, that ``current_step`` is at most ``number_of_steps``, and what is nested in an action's
    body: generators of clients do not read a schema that contains itself.

    Args:
        reference: the address of a schema, with ``{model}`` for its name.
    """
    models: list[type[Model]] = [*CONTENT_TYPES.values(), Content, Options]
    _, made = models_json_schema([(each, "validation") for each in models], ref_template=reference)
    color = {"$ref": reference.format(model="Color")}
    schemas: dict[str, Schema] = {n: _terse(each, color) for n, each in made["$defs"].items()}
    schemas["Color"] = {"type": "string", "enum": list(_COLORS), "description": "An accent color."}
    for name in CONTENT_NAMES:
        schemas[name]["properties"] |= {n: _dismissal(unit) for n, unit in DISMISSAL_UNITS.items()}
    _tell_types_apart(schemas)
    return schemas


def _tell_types_apart(schemas: dict[str, Schema]) -> None:
    """Say the type that parse_content reads from the fields of content without one."""
    schemas["Content"]["properties"]["type"] = UNSET
    schemas["Stats"]["properties"]["type"] = {"const": "stats", "type": "string"}
    schemas["Stats"]["required"] = ["type", *schemas["Stats"]["required"]]
    own = ("duration_seconds", "counts_down", "is_running")
    schemas["Timer"] |= either(has("type", type={"const": "timer"}), *map(has, own))


def _dismissal(unit: tuple[str, timedelta]) -> Schema:
    most = LONGEST_DISMISSAL // unit[1]
    return {
        "anyOf": [{"type": "integer", "minimum": 0, "maximum": most}, UNSET],
        "description": f"Whole {unit[0]} that the ended card stays; dismiss_after in other words.",
    }


def _terse(schema: Schema, color: Schema) -> Schema:
    """Return a schema without what pydantic adds from Python: titles, defaults and ``Args``."""
    if schema.get("enum") == list(_COLORS):
        return color
    kept = {name: part for name, part in schema.items() if name not in ("title", "default")}
    if "description" in kept:
        kept["description"] = kept["description"].partition("\n\n")[0]
    if "properties" in kept:
        kept["properties"] = {n: _terse(part, color) for n, part in kept["properties"].items()}
    if "anyOf" in kept:
        kept["anyOf"] = [_terse(part, color) for part in kept["anyOf"]]
    if "items" in kept:
        kept["items"] = _terse(kept["items"], color)
    return kept
