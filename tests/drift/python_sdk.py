"""The Python SDK: its pydantic models, which a generator made, and what it makes of a body."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from enum import Enum
from importlib.metadata import version
from typing import Any

from activitysmith_openapi import models
from pydantic import BaseModel

from django_liveactivity.content.endpoints import Endpoint
from tests.content.sdk import SDK_MODELS, understood

from .fields import Document, Schema, Source


def read() -> Source:
    """Return what the installed SDK declares."""
    bodies = {each: Document(_body(model)) for each, model in SDK_MODELS.items()}
    return Source(f"Python SDK {version('activitysmith')}", bodies)


def write(bodies: Iterable[tuple[Endpoint, dict[str, Any]]]) -> list[dict[str, Any] | None]:
    """Return the bodies as the SDK sends them; None for one that it refuses itself."""
    return [_written(*body) for body in bodies]


def _written(endpoint: Endpoint, body: dict[str, Any]) -> dict[str, Any] | None:
    try:
        return understood(endpoint, body)
    except ValueError:
        return None


def _body(model: type[BaseModel]) -> Schema:
    schema: Schema = model.model_json_schema()
    for title, each in [(model.__name__, schema), *schema["$defs"].items()]:
        properties = each.get("properties", {})
        properties.pop("additional_properties", None)  # the generator's own, and no field
        if "one_of_schemas" in properties:
            ways = [way for key, way in properties.items() if key.startswith("oneof_schema_")]
            each.clear()
            each["anyOf"] = ways
        for field, choices in _choices(getattr(models, title)):
            _texts_in(properties[field])["enum"] = choices
    return schema


def _choices(model: type[BaseModel | Enum]) -> Iterator[tuple[str, list[str]]]:
    """Yield the choices that only a validator knows: its refusal names them."""
    if not issubclass(model, BaseModel):
        return
    for name, decorator in model.__pydantic_decorators__.field_validators.items():
        if not name.endswith("_validate_enum"):
            continue
        try:
            decorator.func("\0")  # no choice, nor is its only character, should it want a list
        except ValueError as refusal:
            listed = ast.literal_eval("(" + str(refusal).partition("(")[2])
            for field in decorator.info.fields:
                yield field, [listed] if isinstance(listed, str) else list(listed)


def _texts_in(schema: Schema) -> Schema:
    """Return the part of a property that says it is text: of a list, what its entries are."""
    way = next(each for each in schema.get("anyOf", [schema]) if each.get("type") != "null")
    return way["items"] if way["type"] == "array" else way
