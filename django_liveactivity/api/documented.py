"""What the host's OpenAPI schema tells of each route."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from .errors import PROBLEM
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

NUMBER = OpenApiParameter("id", int, OpenApiParameter.PATH, description="The primary key.")
INPUT = {(400, PROBLEM): OpenApiResponse(InputProblemSerializer, "The input is refused.")}
REFUSED = {
    (401, PROBLEM): OpenApiResponse(ProblemSerializer, "The request is not authenticated."),
    (403, PROBLEM): OpenApiResponse(ProblemSerializer, "The caller lacks a permission."),
    (404, PROBLEM): OpenApiResponse(ProblemSerializer, "Not among what the caller may see."),
    (406, PROBLEM): OpenApiResponse(ProblemSerializer, "The caller accepts no JSON."),
    (429, PROBLEM): OpenApiResponse(ProblemSerializer, "Throttled by the project: Retry-After."),
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

end = extend_schema(
    operation_id="liveactivity_end",
    summary="End live activities",
    description=(
        "Ends one live activity, or every live one of an object, now or later. The end is "
        "stored, and sent as soon as possible after the answer. Ending again does no harm."
    ),
    request=EndSerializer,
    responses=ENDED,
)
end_stream = extend_schema(
    operation_id="liveactivity_end_stream",
    summary="End the live activity of a stream",
    description="Ends what the stream shows, by the vendor's own path and body.",
    parameters=[StreamQuerySerializer],
    request=StreamEndSerializer,
    responses=ENDED,
)
activities = extend_schema(
    operation_id="liveactivity_list",
    summary="List live activities, the newest first",
    description="A page of them; next and previous lead to the others.",
    parameters=[ActivityQuerySerializer],
    responses={200: PageSerializer, **INPUT, **REFUSED},
)
activity = extend_schema(
    operation_id="liveactivity_retrieve",
    summary="Read one live activity",
    parameters=[QuerySerializer, NUMBER],
    responses={200: ActivitySerializer, **INPUT, **REFUSED},
)
operation = extend_schema(
    operation_id="liveactivity_operation",
    summary="Follow one end",
    parameters=[QuerySerializer, NUMBER],
    responses={200: OperationSerializer, **INPUT, **REFUSED},
)
