"""The base URL of the API: which addresses the key may be sent to."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import SplitResult, urlsplit

from django_liveactivity.exceptions import InvalidInputError

DEFAULT_BASE_URL = "https://activitysmith.com/api"
"""From the vendor's API description, 2026-07-17."""

_PRINTABLE = re.compile(r"[!-~]+")
_NAME = re.compile(r"[a-z0-9_.-]*[a-z][a-z0-9_.-]*")  # without a letter it is an IP address


def check_base_url(value: object) -> str:
    """Return *value* without trailing slashes, if the API key may be sent there.

    Raises:
        InvalidInputError: at ``base_url``, unless it is an https URL (http on loopback addresses)
            with a host, and without user, query and fragment.
    """
    parts = _split(value)
    problem = _problem(parts)
    if problem:
        raise InvalidInputError.at("base_url", problem)
    return parts.geturl().rstrip("/")


def is_loopback(base_url: str) -> bool:
    """Tell whether a checked base URL leads to this machine."""
    host = urlsplit(base_url).hostname or ""
    address = _address(host)
    return address.is_loopback if address else host == "localhost"


def has_path(base_url: str) -> bool:
    """Tell whether a checked base URL names a path, as the vendor's does: ``/api``."""
    return bool(urlsplit(base_url).path.strip("/"))


def _split(value: object) -> SplitResult:
    if isinstance(value, str) and _PRINTABLE.fullmatch(value) and not value.endswith(("?", "#")):
        try:
            parts = urlsplit(value)
            _ = parts.port
        except ValueError:
            pass
        else:
            return parts
    raise InvalidInputError.at("base_url", f"give a URL such as {DEFAULT_BASE_URL}")


def _problem(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not (_NAME.fullmatch(host) or _address(host)):
        return "must start with https:// and a host"
    if parts.scheme == "http" and not is_loopback(parts.geturl()):
        return "must be https, as the API key travels with every call; http is for loopback only"
    if "@" in parts.netloc:
        return "must not contain a user or password"
    if parts.query or parts.fragment:
        return "must not contain a query or a fragment"
    return ""


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
