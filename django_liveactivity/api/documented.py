"""What the host's OpenAPI schema tells of each route."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.db.models import BigIntegerField
from drf_spectacular.plumbing import build_examples_list
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
)

from django_liveactivity.content.parsing import STREAM_KEY

from .errors import PROBLEM
from .openapi import StrictSerializerExtension
from .serializers import (
    ActivityQuerySerializer,
    ActivitySerializer,
    EndedSerializer,
    EndSerializer,
    InputProblemSerializer,
    OperationSerializer,
    PageSerializer,
    ProblemSerializer,
    QuerySerializer,
    StreamEndSerializer,
    StreamQuerySerializer,
)

__all__ = ["StrictSerializerExtension", "activities", "activity", "end", "end_stream", "operation"]

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
    description="Where the end can be followed, if it is one.",
    response=[202],
)
RETRY_AFTER = OpenApiParameter(
    "Retry-After",
    int,
    OpenApiParameter.HEADER,
    description="The seconds until a throttle lets the caller in again.",
    response=[429],
)
INPUT = {(400, PROBLEM): OpenApiResponse(InputProblemSerializer, "The input is refused.")}
REFUSED = {
    (401, PROBLEM): OpenApiResponse(ProblemSerializer, "The request is not authenticated."),
    (403, PROBLEM): OpenApiResponse(ProblemSerializer, "The caller lacks a permission."),
    (404, PROBLEM): OpenApiResponse(ProblemSerializer, "Not among what the caller may see."),
    (406, PROBLEM): OpenApiResponse(ProblemSerializer, "The caller accepts no JSON."),
    (429, PROBLEM): OpenApiResponse(ProblemSerializer, "Throttled by the project."),
    (503, PROBLEM): OpenApiResponse(ProblemSerializer, "The account cannot be looked up now."),
}
REFUSED_BODY = {
    (411, PROBLEM): OpenApiResponse(ProblemSerializer, "The body does not tell its length."),
    (413, PROBLEM): OpenApiResponse(ProblemSerializer, "The body exceeds 128 KiB."),
    (415, PROBLEM): OpenApiResponse(ProblemSerializer, "The body is not application/json."),
}
ENDED: dict[Any, OpenApiResponse] = {
    200: OpenApiResponse(EndedSerializer, "It has ended already, or there was nothing to end."),
    202: OpenApiResponse(EndedSerializer, "Stored, to be sent when due. Location follows it."),
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
    """Return the decorator that tells of a route whose body drf-spectacular would leave out.

    Of a DELETE it leaves out all, and of others that the body as a whole is required.

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
                    told = {"schema": body.ref, "examples": build_examples_list(examples)}
                    content = dict.fromkeys(self.map_parsers(), told)
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
    request=EndSerializer,
    responses=ENDED,
)
end_stream = with_body(
    *STREAM_EXAMPLES,
    required=False,
    operation_id="liveactivity_end_stream",
    summary="End the live activity of a stream",
    description="Ends what the stream shows, by the vendor's own path and body.",
    parameters=[KEY, StreamQuerySerializer, LOCATION, RETRY_AFTER],
    request=StreamEndSerializer,
    responses=ENDED,
)
activities = extend_schema(
    operation_id="liveactivity_list",
    summary="List live activities, the newest first",
    description="A page of them; next and previous lead to the others.",
    parameters=[ActivityQuerySerializer, RETRY_AFTER],
    responses={200: PageSerializer, **INPUT, **REFUSED},
)
activity = extend_schema(
    operation_id="liveactivity_retrieve",
    summary="Read one live activity",
    parameters=[QuerySerializer, NUMBER, RETRY_AFTER],
    responses={200: ActivitySerializer, **INPUT, **REFUSED},
)
operation = extend_schema(
    operation_id="liveactivity_operation",
    summary="Follow one end",
    parameters=[QuerySerializer, NUMBER, RETRY_AFTER],
    responses={200: OperationSerializer, **INPUT, **REFUSED},
)
