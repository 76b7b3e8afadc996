"""Who may use the endpoint."""

# ruff: noqa: ARG002 - DRF calls it by its own signature
from __future__ import annotations

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

PERMISSION = "django_liveactivity.end_liveactivity"


class MayEndLiveActivities(BasePermission):
    """Lets in whoever is logged in and has ``django_liveactivity.end_liveactivity``."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Tell whether this user may end live activities."""
        user = request.user  # None where the host has no user for whoever is not logged in
        return bool(user and user.is_authenticated and user.has_perm(PERMISSION))
