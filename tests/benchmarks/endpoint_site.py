"""The endpoint, and beside it the smallest view of Django REST framework that inserts a row."""

from __future__ import annotations

from django.urls import include, path
from rest_framework import generics, renderers, serializers
from rest_framework.authentication import TokenAuthentication
from rest_framework.parsers import JSONParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from tests.shop.models import Order


class MayEnd(BasePermission):
    """Asks for the same permission as the endpoint."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.user.has_perm("django_liveactivity.end_liveactivity")


class OrderSerializer(serializers.ModelSerializer[Order]):
    class Meta:
        model = Order
        fields = ("id", "note")


class CreateOrder(generics.CreateAPIView[Order]):
    """Inserts a row that is given as JSON, and answers with it."""

    queryset = Order.objects.all()
    serializer_class = OrderSerializer
    authentication_classes = (TokenAuthentication,)
    permission_classes = (MayEnd,)
    parser_classes = (JSONParser,)
    renderer_classes = (renderers.JSONRenderer,)


urlpatterns = [
    path("", include("django_liveactivity.api.urls")),
    path("orders/", CreateOrder.as_view()),
]
