"""The options of a client, checked: base URL, time limits, certificate authorities."""

import functools
import math
import os
import re
import ssl
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from django_liveactivity.exceptions import InvalidInputError

from .secret import PRINTABLE

DEFAULT_BASE_URL = "https://activitysmith.com/api"
"""From the vendor's API description, 2026-07-17."""

CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""OpenSSL's variables for certificate authorities; as in httpx, the first that is set counts."""

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
    if isinstance(value, str) and PRINTABLE.fullmatch(value) and not value.endswith(("?", "#")):
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


def check_seconds(name: str, value: object) -> float:
    """Return a time limit in seconds.

    Raises:
        InvalidInputError: at *name*, unless it is a finite number above 0.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf:
        return float(value)
    raise InvalidInputError.at(name, "give a number of seconds above 0")


class CertificatesError(Exception):
    """The named file or directory holds no certificates; the message says which one and why."""


def named_authorities(ca_bundle: str = "") -> ssl.SSLContext | None:
    """Return a context that trusts the authorities which an option or the environment names.

    Args:
        ca_bundle: a PEM file or a directory of PEM files; empty for the environment's.

    Returns:
        None if neither names any.

    Raises:
        CertificatesError: the file or directory is missing, unreadable or without certificates.
    """
    if ca_bundle:
        return _load("ca_bundle", ca_bundle)
    for name in CERTIFICATE_VARIABLES:
        if path := os.environ.get(name):
            return _load(name, path)
    return None


@functools.cache
def _load(name: str, path: str) -> ssl.SSLContext:
    """Read the certificates once: reading takes up to 20 ms, and each context takes memory."""
    is_directory = Path(path).is_dir()
    try:
        if is_directory and not any(Path(path).iterdir()):
            raise CertificatesError(f"{name} is {path!r}, an empty directory")
        if is_directory:
            return ssl.create_default_context(capath=path)
        return ssl.create_default_context(cafile=path)
    except OSError as error:  # of which ssl.SSLError is one
        problem = error.strerror or "no certificate in it"
        raise CertificatesError(f"{name} is {path!r}: {problem}") from None
