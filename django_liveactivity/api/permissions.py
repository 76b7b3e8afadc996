"""Who may use the endpoint."""

# ruff: noqa: ARG002 - DRF calls it by its own signature
from __future__ import annotations

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

PERMISSION = "django_liveactivity.end_liveactivity"


class MayEndLiveActivities(BasePermission):
    """Admits active principals that have ``django_liveactivity.end_liveactivity``.

    A principal is what the host's authentication returns: a user of any model, a service account
    of its own class, or None. One without ``is_authenticated`` or ``has_perm`` has no permission.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Tell whether this principal may end live activities."""
        principal: object = request.user
        has_perm = getattr(principal, "has_perm", None)
        return (
            bool(getattr(principal, "is_authenticated", False))
            and bool(getattr(principal, "is_active", True))
            and callable(has_perm)
            and bool(has_perm(PERMISSION))
        )
