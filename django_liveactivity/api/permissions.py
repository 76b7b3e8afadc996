"""The endpoint's permission: Django's permissions on cards, for all cards or for one card."""

# ruff: noqa: ARG002 - DRF calls these methods by its own signatures
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from rest_framework import permissions, views
from rest_framework.request import Request

from django_liveactivity.models import LiveActivity
from django_liveactivity.models.activity import is_allowed

MODEL_PERMISSIONS = (
    permissions.DjangoModelPermissions,
    permissions.DjangoModelPermissionsOrAnonReadOnly,
    permissions.DjangoObjectPermissions,
)
"""For a POST they would require ``add_liveactivity``, which no caller needs."""


class LiveActivityPermission(permissions.BasePermission):
    """Admits active principals that may end cards; those that may only view them, to read.

    A principal is what the host's authentication returns: a user of any model, a service account
    of its own class, or None. One without ``is_authenticated`` or ``has_perm`` has no permission.
    """

    message = (
        "This needs the permission django_liveactivity.end_liveactivity; to read, "
        "django_liveactivity.view_liveactivity will do."
    )

    def has_permission(self, request: Request, view: views.APIView) -> bool:
        """Tell whether the caller may try; ``has_object_permission`` then decides for each card."""
        if not _is_principal(request.user):
            return False
        return may(request, _verb(request)) or _may_know_cards(request.user)

    def has_object_permission(
        self, request: Request, view: views.APIView, obj: LiveActivity
    ) -> bool:
        """Tell whether the caller may read or end a card."""
        return may(request, _verb(request), obj)


def may(request: Request, verb: str, card: LiveActivity | None = None) -> bool:
    """Tell whether the caller of a request has a permission.

    A caller who may end a card may view it. If ``request.auth`` has a ``has_perm`` too, as a key
    that may do less than its user, that has to agree.

    Args:
        request: whose user, or other principal, is asked about.
        verb: ``view``, ``end`` or ``give_content``.
        card: the one in hand; an unsaved one stands for a card that is not known here.
    """
    verbs = ("view", "end") if verb == "view" else (verb,)
    asked: list[Any] = [request.user]
    if callable(getattr(request.auth, "has_perm", None)):
        asked.append(request.auth)
    return all(any(is_allowed(each, name, card) for name in verbs) for each in asked)


def _verb(request: Request) -> str:
    return "view" if request.method in permissions.SAFE_METHODS else "end"


def _is_principal(principal: object) -> bool:
    return (
        bool(getattr(principal, "is_authenticated", False))
        and bool(getattr(principal, "is_active", True))
        and callable(getattr(principal, "has_perm", None))
    )


def _may_know_cards(principal: object) -> bool:
    """Tell whether a principal may have a permission on single cards.

    A Django user whose backends know none is refused before any card is looked up.
    """
    if not isinstance(principal, AbstractBaseUser):
        return True
    from django.contrib.auth import backends, get_backends  # noqa: PLC0415 - not in every project

    known = backends.ModelBackend
    asks = ("has_perm", "get_all_permissions", "_get_permissions")
    return any(
        getattr(type(backend), name, None) is not getattr(known, name)
        for backend in get_backends()
        for name in asks
    )
