"""What drf-spectacular cannot read from the serializers: content, and rules between fields.

The content's models are loaded when a schema is made, not when Django starts.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent, safe_ref
from drf_spectacular.settings import spectacular_settings
from rest_framework import serializers

from django_liveactivity.content.encoding import ABSENT, TEXT, UNSET, Schema, has, only
from django_liveactivity.content.endpoints import ENDPOINTS, Endpoint

from .serializers import NAMES, OPTIONS, EndSerializer, MillisecondsField, StreamEndSerializer

PREFIX = "LiveActivity"
"""All our components begin with it: they land in the host's schema."""
REFERENCE = f"#/components/schemas/{PREFIX}{{model}}"
MOMENT = (
    r"^(19[7-9][0-9]|[2-8][0-9]{3}|9[0-8][0-9]{2}|99[0-8][0-9]|999[0-8])-[0-9]{2}-[0-9]{2}"
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
"""A year from 1970 to 9998, and an offset from UTC."""


class StrictSerializerExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Tells that a serializer takes no unknown field, no NUL character and no empty text."""

    target_class = "django_liveactivity.api.serializers.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: Any) -> Schema:
        """Return the schema of a serializer."""
        inner: Any = auto_schema
        schema: Schema = inner._map_serializer(self.target, direction, bypass_extensions=True)
        schema["additionalProperties"] = False
        for name, field in self.target.fields.items():
            _complete(schema["properties"][name], field)
        if isinstance(self.target, StreamEndSerializer):
            _add_content(schema, auto_schema.registry)
        if isinstance(self.target, EndSerializer):
            schema["allOf"].append({"oneOf": [_name(each) for each in NAMES]})
        return schema


def _complete(schema: Schema, field: serializers.Field[Any, Any, Any, Any]) -> None:
    """Add to a field's schema what its checks refuse."""
    if isinstance(field, serializers.CharField):
        schema.setdefault("pattern", TEXT["pattern"])
        schema["minLength"] = 0 if field.allow_blank else 1
    if isinstance(field, MillisecondsField):
        schema["pattern"] = MOMENT


def _not_both(*pair: str) -> Schema:
    return {"anyOf": [has(**{name: ABSENT}) for name in pair]}


def _name(name: str) -> Schema:
    """Return the way to name a card; by its ``activity_id`` an end takes fewer options."""
    way = only(name, NAMES)
    if name == "activity_id":
        taken = ENDPOINTS[Endpoint.END].options
        way["properties"] |= {each: ABSENT for each in OPTIONS if each not in taken}
    return way


def _add_content(schema: Schema, registry: ComponentRegistry) -> None:
    """Add the schemas of content and of what travels beside it."""
    from django_liveactivity.content.schema import (  # noqa: PLC0415 - loads pydantic
        CONTENT_NAMES,
        end_schemas,
    )

    schemas = end_schemas(REFERENCE)
    options = schemas.pop("Options")["properties"]
    component: Any = ResolvedComponent
    for name, made in schemas.items():
        ours = component(PREFIX + name, "schemas", schema=_for_version(made), object=PREFIX + name)
        registry.register_on_missing(ours)
    content = {"oneOf": [{"$ref": REFERENCE.format(model=name)} for name in CONTENT_NAMES]}
    shapes = dict.fromkeys(("content", "content_state"), content)
    for name in OPTIONS:  # here they are given or left out, and never null
        shapes[name], _ = options[name]["anyOf"]
    for name, shape in shapes.items():
        told = {"description": schema["properties"][name]["description"]}
        schema["properties"][name] = safe_ref({**_for_version(shape), **told})
    schema["allOf"] = [_not_both("at", "after"), _not_both("content", "content_state")]


def _for_version(schema: Schema) -> Schema:
    """Return a schema in the dialect of the host's OpenAPI version."""
    old = spectacular_settings.OAS_VERSION.startswith("3.0")
    told: Schema = _wrap_enums(_in_3_0(schema) if old else schema)
    return told


def _wrap_enums(part: Any) -> Any:
    """Keep drf-spectacular from moving an ``enum`` to a component, with a name of the host's."""
    if isinstance(part, list):
        return [_wrap_enums(each) for each in part]
    if not isinstance(part, dict):
        return part
    wrapped = {name: _wrap_enums(each) for name, each in part.items()}
    for name, field in wrapped.get("properties", {}).items():
        if "enum" in field:
            wrapped["properties"][name] = {"allOf": [field]}
    return wrapped


def _in_3_0(schema: Schema) -> Schema:
    """Return a schema of OpenAPI 3.1 as 3.0 says it; names of properties have no schema there."""
    if schema == UNSET:
        return {"type": "string", "nullable": True, "minLength": 1, "maxLength": 0}
    told = {name: _each_in_3_0(part) for name, part in schema.items() if name != "propertyNames"}
    if "const" in told:
        told["enum"] = [told.pop("const")]
    if "exclusiveMinimum" in told:
        told |= {"minimum": told["exclusiveMinimum"], "exclusiveMinimum": True}
    if UNSET not in schema.get("anyOf", ()):
        return told
    ways = [_in_3_0(way) for way in schema["anyOf"] if way != UNSET]
    del told["anyOf"]
    if len(ways) > 1:
        return {**told, "anyOf": ways, "nullable": True}
    return safe_ref({**told, **ways[0], "nullable": True})


def _each_in_3_0(part: Any) -> Any:
    if isinstance(part, dict):
        return _in_3_0(part)
    if isinstance(part, list):
        return [_each_in_3_0(each) for each in part]
    return part
