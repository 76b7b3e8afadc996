"""Our permissions on cards, asked alike by the admin and the endpoint."""

from __future__ import annotations

from typing import Any


def is_allowed(principal: Any, verb: str, card: object = None) -> bool:
    """Tell whether a principal has a permission: for every card, or for the one in hand.

    Django's own backend knows no permission on one object; others do, such as django-guardian's.

    Args:
        principal: a user, or what else has ``has_perm``.
        verb: ``view``, ``end``, ``give_content`` or ``operate``.
        card: the one in hand; an unsaved one stands for a card that is not known here.
    """
    name = f"django_liveactivity.{verb}_liveactivity"
    return bool(principal.has_perm(name) or (card is not None and principal.has_perm(name, card)))
