"""Which endpoint of the API a method and a path name."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote, urlsplit

API_PREFIX = "/api"
_STREAM = "/live-activity/stream/"
_MANUAL = ("start", "update", "end")
_STREAM_OPERATIONS = {"PUT": "stream", "DELETE": "end_stream"}

ENDPOINTS = {
    "start": ("POST",),
    "update": ("POST",),
    "end": ("POST",),
    "stream": ("PUT", "DELETE"),
}


class Route(NamedTuple):
    """One of the five calls: its method, its endpoint's name, its name and the stream's key."""

    method: str
    endpoint: str
    operation: str
    stream_key: str = ""


def is_api(path: str) -> bool:
    """Whether this path belongs to the vendor's API, known to it or not."""
    return urlsplit(path).path.startswith(f"{API_PREFIX}/")


def find_route(method: str, path: str) -> Route | None:
    """Return the endpoint of the API that this request is for, ``None`` if there is none."""
    name = urlsplit(path).path.removeprefix(API_PREFIX)
    if not is_api(path):
        return None
    if name.startswith(_STREAM):
        return _stream_route(method, name.removeprefix(_STREAM))
    endpoint = name.removeprefix("/live-activity/")
    if method == "POST" and endpoint in _MANUAL and name == f"/live-activity/{endpoint}":
        return Route(method, endpoint, endpoint)
    return None


def _stream_route(method: str, key: str) -> Route | None:
    if not key or "/" in key or method not in _STREAM_OPERATIONS:
        return None
    return Route(method, "stream", _STREAM_OPERATIONS[method], unquote(key))
