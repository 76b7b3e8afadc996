"""What this package takes, as the vendor's bodies: the models by the table of calls."""

from __future__ import annotations

from typing import Any

from django_liveactivity.content.endpoints import DISMISSAL_UNITS, ENDPOINTS, Endpoint
from django_liveactivity.content.json_schema import CONTENT_NAMES, end_schemas

from .fields import Document, Schema, Source

_BY_ACTIVITY_ID = (Endpoint.UPDATE, Endpoint.END)
_REFERENCE = "#/$defs/{model}"


def read() -> Source:
    """Return what this package takes."""
    return Source("this package", {each: Document(_body(each)) for each in Endpoint})


def _body(endpoint: Endpoint) -> Schema:
    takes = ENDPOINTS[endpoint]
    schemas = end_schemas(_REFERENCE)
    for name in CONTENT_NAMES:
        if not takes.dismissal:
            for each in DISMISSAL_UNITS:
                del schemas[name]["properties"][each]
        if takes.type_required:
            schemas[name]["required"] = ["type", *schemas[name]["required"]]
    contents = [{"$ref": _REFERENCE.format(model=name)} for name in CONTENT_NAMES]
    properties: dict[str, Any] = {"content_state": {"anyOf": contents}}
    required = ["content_state"] if takes.content_required else []
    if endpoint in _BY_ACTIVITY_ID:
        properties["activity_id"] = {"type": "string"}
        required.append("activity_id")
    options = schemas["Options"]["properties"]
    properties |= {name: part for name, part in options.items() if name in takes.options}
    if "channels" in properties:  # a caller gives channels, and they go where the call wants them
        target = {"type": "object", "required": ["channels"]}
        properties["target"] = {**target, "properties": {"channels": options["channels"]}}
    return {"$defs": schemas, "type": "object", "properties": properties, "required": required}
