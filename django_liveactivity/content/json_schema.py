"""The words in which fields and rules tell JSON Schema (draft 2020-12) what they take."""

from __future__ import annotations

from typing import Any, TypeAlias

from .encoding import INTEGER_LIMIT

Schema: TypeAlias = dict[str, Any]

TEXT: Schema = {"type": "string", "pattern": r"^[^\x00]*$"}
FILLED_TEXT: Schema = {**TEXT, "minLength": 1}
NUMBER: Schema = {"type": "number", "minimum": -INTEGER_LIMIT, "maximum": INTEGER_LIMIT}
UNSET: Schema = {"type": "null"}
ABSENT: Schema = {"not": {}}


def has(*required: str, **fields: Schema) -> Schema:
    """Return the schema of an object that has some fields, and whose others, if given, are so."""
    parts = {"required": list(required), "properties": fields}
    return {name: part for name, part in parts.items() if part}


def only(name: str, among: tuple[str, ...]) -> Schema:
    """Return the schema of an object that has one field and none of the others."""
    return has(name, **{other: ABSENT for other in among if other != name})


def either(*ways: Schema) -> Schema:
    """Return what an object's schema adds for rules between its fields: one of them holds.

    Inside ``allOf``, where generators of clients leave the object's own fields as they are.
    """
    return {"allOf": [{"anyOf": list(ways)}]}
