"""``POST end/``: end cards, now or later."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from .ending import end_cards
from .errors import error_response
from .parsers import BoundedJSONParser
from .permissions import MayEndLiveActivities
from .serializers import DetailSerializer, EndedSerializer, EndSerializer, ErrorsSerializer


class EndView(APIView):
    """Ends live activities for users with ``django_liveactivity.end_liveactivity``.

    Authentication, throttles and permissions are the host's; this view adds its own permission to
    them, because DRF's defaults are open. A ``ScopedRateThrottle`` of the host finds the scope
    ``liveactivity_end``.
    """

    throttle_scope = "liveactivity_end"
    # DjangoModelPermissions would ask for add_operation; DRF's own root view is marked so, too.
    _ignore_model_permissions = True
    parser_classes = (BoundedJSONParser,)
    renderer_classes = (JSONRenderer,)

    @extend_schema(
        operation_id="liveactivity_end",
        summary="End live activities",
        description=(
            "Ends one live activity, or every live one of an object, now or later. The end is "
            "stored, and sent as soon as possible after the answer. Ending again does no harm."
        ),
        request=EndSerializer,
        responses={
            202: OpenApiResponse(EndedSerializer, "Stored, to be sent when due."),
            400: OpenApiResponse(ErrorsSerializer, "Refused; nothing was stored."),
            401: OpenApiResponse(DetailSerializer, "The request is not authenticated."),
            403: OpenApiResponse(DetailSerializer, "The user may not end live activities."),
            404: OpenApiResponse(DetailSerializer, "No such live activity, or no such model."),
            413: OpenApiResponse(DetailSerializer, "The body exceeds 128 KiB; it was not parsed."),
            415: OpenApiResponse(DetailSerializer, "The body is not application/json."),
            429: OpenApiResponse(
                DetailSerializer, "A throttle of the project holds; see Retry-After."
            ),
        },
    )
    def post(self, request: Request) -> Response:
        """Store the end of what the body names, and answer before it is sent."""
        asked = EndSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        ends = end_cards(asked.validated_data, actor=request.user)
        return Response(EndedSerializer({"operations": ends}).data, status.HTTP_202_ACCEPTED)

    def get_permissions(self) -> list[Any]:
        """Return the endpoint's permission, then the host's."""
        # AllowAny beside ours means nothing, but the schema would say that anybody may call.
        host = [each for each in super().get_permissions() if type(each) is not AllowAny]
        return [MayEndLiveActivities(), *host]

    def handle_exception(self, exc: Exception) -> Response:
        """Give every refusal of the body one shape, then go on as the host has set it."""
        return super().handle_exception(error_response(exc))
