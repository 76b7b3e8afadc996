"""Check how the project has mounted the endpoint."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.core import checks
from django.urls import URLPattern, URLResolver, get_resolver

VIEWS = "django_liveactivity.api.views"


def check_endpoint(**_: object) -> list[checks.CheckMessage]:
    """Check that the endpoint, if mounted, can authenticate callers and throttle them.

    * ``liveactivity.W004``: the endpoint is mounted without authentication classes.
    * ``liveactivity.W009``: a throttle by scope has no rate for the endpoint's.
    """
    if not getattr(settings, "ROOT_URLCONF", None):
        return []
    mounted = [each for each in _views(get_resolver().url_patterns) if _is_endpoint(each[1])]
    return [warning for route, view in mounted for warning in _warnings(route, view)]


def _warnings(route: str, view: Any) -> Iterator[checks.CheckMessage]:
    if not _option(view, "authentication_classes"):
        yield checks.Warning(
            f"The endpoint at {route!r} has no authentication classes: every caller is anonymous "
            "and is refused.",
            hint="Fill REST_FRAMEWORK['DEFAULT_AUTHENTICATION_CLASSES'].",
            id="liveactivity.W004",
        )
    scope = _option(view, "throttle_scope")
    if scope and any(_lacks_rate(each, scope) for each in _option(view, "throttle_classes")):
        yield checks.Warning(
            f"The endpoint at {route!r} is throttled by scope, and its scope {scope!r} has no "
            "rate: Django REST framework answers every request with an error.",
            hint=f"Add {scope!r} to REST_FRAMEWORK['DEFAULT_THROTTLE_RATES']; None is no limit.",
            id="liveactivity.W009",
        )


def _views(patterns: Iterable[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        route = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from _views(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route, pattern.callback


def _is_endpoint(view: Any) -> bool:
    # A project that mounts it has imported it; one without DRF must not.
    views = sys.modules.get(VIEWS)
    cls = getattr(view, "cls", None)
    return views is not None and isinstance(cls, type) and issubclass(cls, views.EndView)


def _option(view: Any, name: str) -> Any:
    return view.initkwargs.get(name, getattr(view.cls, name))


def _lacks_rate(throttle: Any, scope: str) -> bool:
    """Tell whether the throttle is a ScopedRateThrottle that has no rate for the scope."""
    return hasattr(throttle, "scope_attr") and scope not in throttle.THROTTLE_RATES
