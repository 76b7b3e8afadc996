"""Who calls the site: a program without a Django user, which may end every card."""

from __future__ import annotations

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

AUTHORIZATION = "Bearer site"


class Caller:
    """The program."""

    is_authenticated = True
    is_active = True

    def __str__(self) -> str:
        return "pipeline"

    def has_perm(self, perm: str, obj: object = None) -> bool:
        return True


class CallerAuthentication(BaseAuthentication):
    """Knows the program by its header."""

    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        return (Caller(), None) if request.headers.get("Authorization") == AUTHORIZATION else None
