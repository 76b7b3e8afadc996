"""Check how the host has mounted the endpoint."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register  # noqa: A004 - Django's name
from django.urls import URLPattern, URLResolver, get_resolver

VIEWS = "django_liveactivity.api.views"


@register("liveactivity")
def check_endpoint(**_: Any) -> list[CheckMessage]:
    """Check that the mounted endpoint can tell who calls.

    * ``liveactivity.W004``: the endpoint is mounted without authentication classes.
    """
    if not getattr(settings, "ROOT_URLCONF", None):
        return []
    return [
        Warning(
            f"The endpoint at {route!r} has no authentication classes: it takes every caller for "
            "an anonymous one, and refuses them all.",
            hint="Fill REST_FRAMEWORK['DEFAULT_AUTHENTICATION_CLASSES'].",
            id="liveactivity.W004",
        )
        for route, view in _views(get_resolver().url_patterns)
        if _is_endpoint(view) and not _authentication(view)
    ]


def _views(patterns: Iterable[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        route = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from _views(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route, pattern.callback


def _is_endpoint(view: Any) -> bool:
    # Whoever mounts it has imported it; a project without DRF must not.
    views = sys.modules.get(VIEWS)
    cls = getattr(view, "cls", None)
    return views is not None and isinstance(cls, type) and issubclass(cls, views.EndView)


def _authentication(view: Any) -> Any:
    return view.initkwargs.get("authentication_classes", view.cls.authentication_classes)
