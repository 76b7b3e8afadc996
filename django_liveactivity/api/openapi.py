"""The endpoint in the host's OpenAPI schema: what each route takes and answers.

drf-spectacular cannot read content, or rules between fields, from the serializers: an extension
adds them. It loads the content's models when a schema is made, not when Django starts.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.db.models import BigIntegerField
from drf_spectacular import plumbing
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.settings import spectacular_settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
)
from rest_framework.serializers import CharField, Field

from django_liveactivity.content.encoding import ABSENT, TEXT, UNSET, Schema, has, only
from django_liveactivity.content.endpoints import ENDPOINTS, Endpoint
from django_liveactivity.content.parsing import STREAM_KEY

from . import serializers
from .errors import PROBLEM
from .serializers import NAMES, OPTIONS

PREFIX = "LiveActivity"
"""The start of the names of our components, which become part of the host's schema."""
REFERENCE = f"#/components/schemas/{PREFIX}{{model}}"
MOMENT = (
    r"^(19[7-9][0-9]|[2-8][0-9]{3}|9[0-8][0-9]{2}|99[0-8][0-9]|999[0-8])-[0-9]{2}-[0-9]{2}"
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
"""A year from 1970 to 9998, and an offset from UTC."""


class StrictSerializerExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Describes that a serializer takes no unknown field, no NUL character and no empty text."""

    target_class = "django_liveactivity.api.serializers.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: Any) -> Schema:
        """Return the schema of a serializer."""
        inner: Any = auto_schema
        schema: Schema = inner._map_serializer(self.target, direction, bypass_extensions=True)
        schema["additionalProperties"] = False
        for name, field in self.target.fields.items():
            _complete(schema["properties"][name], field)
        if isinstance(self.target, serializers.StreamEndSerializer):
            _add_content(schema, auto_schema.registry)
        if isinstance(self.target, serializers.EndSerializer):
            schema["allOf"].append({"oneOf": [_name(each) for each in NAMES]})
        return schema


def _complete(schema: Schema, field: Field[Any, Any, Any, Any]) -> None:
    """Add to a field's schema what its checks require."""
    if isinstance(field, CharField):
        schema.setdefault("pattern", TEXT["pattern"])
        schema["minLength"] = 0 if field.allow_blank else 1
    if isinstance(field, serializers.MillisecondsField):
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


def _add_content(schema: Schema, registry: plumbing.ComponentRegistry) -> None:
    """Add the schemas of content and of what travels beside it."""
    from django_liveactivity.content import json_schema  # noqa: PLC0415 - loads pydantic

    schemas = json_schema.end_schemas(REFERENCE)
    options = schemas.pop("Options")["properties"]
    component: Any = plumbing.ResolvedComponent
    for name, made in schemas.items():
        ours = component(PREFIX + name, "schemas", schema=_for_version(made), object=PREFIX + name)
        registry.register_on_missing(ours)
    content = {
        "oneOf": [{"$ref": REFERENCE.format(model=name)} for name in json_schema.CONTENT_NAMES]
    }
    shapes = dict.fromkeys(("content", "content_state"), content)
    for name in OPTIONS:  # here they are given or left out, and never null
        shapes[name], _ = options[name]["anyOf"]
    for name, shape in shapes.items():
        described = {"description": schema["properties"][name]["description"]}
        schema["properties"][name] = plumbing.safe_ref({**_for_version(shape), **described})
    schema["allOf"] = [_not_both("at", "after"), _not_both("content", "content_state")]


def _for_version(schema: Schema) -> Schema:
    """Return a schema in the dialect of the host's OpenAPI version."""
    old = spectacular_settings.OAS_VERSION.startswith("3.0")
    wrapped: Schema = _wrap_enums(_in_3_0(schema) if old else schema)
    return wrapped


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
    result = {name: _each_in_3_0(part) for name, part in schema.items() if name != "propertyNames"}
    if "const" in result:
        result["enum"] = [result.pop("const")]
    if "exclusiveMinimum" in result:
        result |= {"minimum": result["exclusiveMinimum"], "exclusiveMinimum": True}
    if UNSET not in schema.get("anyOf", ()):
        return result
    ways = [_in_3_0(way) for way in schema["anyOf"] if way != UNSET]
    del result["anyOf"]
    if len(ways) > 1:
        return {**result, "anyOf": ways, "nullable": True}
    return plumbing.safe_ref({**result, **ways[0], "nullable": True})


def _each_in_3_0(part: Any) -> Any:
    if isinstance(part, dict):
        return _in_3_0(part)
    if isinstance(part, list):
        return [_each_in_3_0(each) for each in part]
    return part


def _problems(descriptions: Mapping[int, str]) -> dict[Any, OpenApiResponse]:
    """Return the error responses of these statuses."""
    problem = serializers.ProblemSerializer
    return {(s, PROBLEM): OpenApiResponse(problem, text) for s, text in descriptions.items()}


Method = TypeVar("Method", bound=Callable[..., Any])
NUMBER = OpenApiParameter(
    "id",
    {"type": "integer", "minimum": 1, "maximum": BigIntegerField.MAX_BIGINT},
    OpenApiParameter.PATH,
    description="The primary key.",
)
KEY = OpenApiParameter(
    "stream_key",
    {"type": "string", "pattern": f"^{STREAM_KEY.pattern}$"},
    OpenApiParameter.PATH,
    description="The key of the stream.",
)
LOCATION = OpenApiParameter(
    "Location",
    OpenApiTypes.URI,
    OpenApiParameter.HEADER,
    description="The address of the end, if there is exactly one.",
    response=[202],
)
RETRY_AFTER = OpenApiParameter(
    "Retry-After",
    int,
    OpenApiParameter.HEADER,
    description="The seconds until a throttle lets the caller in again.",
    response=[429],
)
INPUT = {
    (400, PROBLEM): OpenApiResponse(serializers.InputProblemSerializer, "The input is refused.")
}
REFUSED = _problems(
    {
        401: "The request is not authenticated.",
        403: "The caller lacks a permission.",
        404: "Nothing found that the caller may see.",
        406: "The caller accepts no JSON.",
        429: "Throttled by the project.",
        503: "The account cannot be looked up now.",
    }
)
REFUSED_BODY = _problems(
    {
        411: "The body has no length.",
        413: "The body exceeds 128 KiB.",
        415: "The body is not application/json.",
    }
)
ENDED: dict[Any, OpenApiResponse] = {
    200: OpenApiResponse(
        serializers.EndedSerializer, "Already ended, or there was nothing to end."
    ),
    202: OpenApiResponse(serializers.EndedSerializer, "Stored, and sent when it is due."),
    **INPUT,
    **REFUSED,
    **REFUSED_BODY,
}

_BACKUP = {"title": "Nightly database backup", "number_of_steps": 3, "current_step": 3}
_HEALTH = {
    "title": "Server Health",
    "subtitle": "prod-web-1",
    "type": "metrics",
    "metrics": [
        {"label": "CPU", "value": 7, "unit": "%"},
        {"label": "MEM", "value": 38, "unit": "%"},
    ],
}
_WORKFLOW = {
    "title": "Open Workflow",
    "type": "open_url",
    "url": "https://github.com/acme/payments-api/actions/runs/1234567890",
}
END_EXAMPLES = [
    OpenApiExample("A stream", {"stream_key": "prod-web-1", "reason": "deployed"}),
    OpenApiExample("In an hour", {"stream_key": "prod-web-1", "after": 3600}),
    OpenApiExample(
        "The vendor's own body",
        {
            "activity_id": "pLAr-Hnq9ZFW4sxlk43Lhbuok4GLh7UW",
            "content_state": {**_BACKUP, "subtitle": "verify restore", "auto_dismiss_minutes": 2},
        },
    ),
    OpenApiExample(
        "Progress with a button",
        {
            "activity_id": "pLAr-Hnq9ZFW4sxlk43Lhbuok4GLh7UW",
            "content": {"title": "EV Charging", "type": "progress", "percentage": 100},
            "dismiss_after": 600,
            "action": _WORKFLOW,
        },
    ),
    OpenApiExample("Metrics", {"stream_key": "prod-web-1", "content": _HEALTH}),
    OpenApiExample(
        "A timer, frozen",
        {
            "stream_key": "benchmark",
            "content": {"title": "Benchmark Run", "subtitle": "complete", "type": "timer"},
        },
    ),
]
STREAM_EXAMPLES = [
    OpenApiExample("As it is", {}),
    OpenApiExample(
        "The vendor's own body", {"content_state": {**_HEALTH, "auto_dismiss_minutes": 2}}
    ),
]


def with_body(
    *examples: OpenApiExample, required: bool, **described: Any
) -> Callable[[Method], Method]:
    """Return a decorator that describes a route and its body.

    drf-spectacular leaves out the body of a DELETE, and that the body of another route is required.

    Args:
        *examples: of the body.
        required: whether there must be a body.
        **described: as ``extend_schema`` takes it.
    """

    def decorate(method: Method) -> Method:
        extend_schema(**described)(method)
        extended = method.kwargs["schema"]  # type: ignore[attr-defined] # where it has put it

        class BodySchema(extended):  # type: ignore[misc, valid-type]
            def get_operation(self, *args: Any) -> dict[str, Any] | None:
                operation: dict[str, Any] | None = super().get_operation(*args)
                if operation is not None:
                    body = self.resolve_serializer(described["request"], "request")
                    media = {"schema": body.ref, "examples": plumbing.build_examples_list(examples)}
                    content = dict.fromkeys(self.map_parsers(), media)
                    operation["requestBody"] = {"content": content, "required": required}
                return operation

        method.kwargs["schema"] = BodySchema  # type: ignore[attr-defined]
        return method

    return decorate


end = with_body(
    *END_EXAMPLES,
    required=True,
    operation_id="liveactivity_end",
    summary="End live activities",
    description=(
        "Ends one live activity, or every live one of an object, now or later. The end is "
        "stored, and sent as soon as possible after the answer. Ending again does no harm."
    ),
    parameters=[LOCATION, RETRY_AFTER],
    request=serializers.EndSerializer,
    responses=ENDED,
)
end_stream = with_body(
    *STREAM_EXAMPLES,
    required=False,
    operation_id="liveactivity_end_stream",
    summary="End the live activity of a stream",
    description="Ends what the stream shows, by the vendor's own path and body.",
    parameters=[KEY, serializers.StreamQuerySerializer, LOCATION, RETRY_AFTER],
    request=serializers.StreamEndSerializer,
    responses=ENDED,
)
activities = extend_schema(
    operation_id="liveactivity_list",
    summary="List live activities, the newest first",
    description="A page of them; next and previous lead to the others.",
    parameters=[serializers.ActivityQuerySerializer, RETRY_AFTER],
    responses={200: serializers.PageSerializer, **INPUT, **REFUSED},
)
activity = extend_schema(
    operation_id="liveactivity_retrieve",
    summary="Read one live activity",
    parameters=[serializers.QuerySerializer, NUMBER, RETRY_AFTER],
    responses={200: serializers.ActivitySerializer, **INPUT, **REFUSED},
)
operation = extend_schema(
    operation_id="liveactivity_operation",
    summary="Follow one end",
    parameters=[serializers.QuerySerializer, NUMBER, RETRY_AFTER],
    responses={200: serializers.OperationSerializer, **INPUT, **REFUSED},
)
