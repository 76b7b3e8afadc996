"""``POST end/``: end cards, now or later."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from .ending import end_cards
from .errors import refusal
from .parsers import BoundedJSONParser
from .permissions import MayEndLiveActivities
from .serializers import DetailSerializer, EndedSerializer, EndSerializer, ErrorsSerializer


class EndView(APIView):
    """Ends live activities for users with ``django_liveactivity.end_liveactivity``.

    Who may come in, and what is spoken, is set here, because DRF's defaults are open and the host's
    may be. Authentication and throttling are the host's.
    """

    permission_classes = (MayEndLiveActivities,)
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
            403: OpenApiResponse(DetailSerializer, "The user may not end live activities."),
            404: OpenApiResponse(DetailSerializer, "No such live activity, or no such model."),
        },
    )
    def post(self, request: Request) -> Response:
        """Store the end of what the body names, and answer before it is sent."""
        asked = EndSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        ends = end_cards(asked.validated_data, actor=request.user)
        return Response(EndedSerializer({"operations": ends}).data, status.HTTP_202_ACCEPTED)

    def handle_exception(self, exc: Exception) -> Response:
        """Give every refusal of the body one shape, then go on as the host has set it."""
        return super().handle_exception(refusal(exc))
