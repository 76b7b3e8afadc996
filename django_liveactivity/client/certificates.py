"""The certificate authorities that a call trusts, where an option or the environment names them."""

from __future__ import annotations

import functools
import os
import ssl
from pathlib import Path

VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""OpenSSL's own; the first that is set counts, as in httpx."""


class CertificatesError(Exception):
    """The named file or directory holds no certificates; the message tells which and why."""


def named_authorities(ca_bundle: str = "") -> ssl.SSLContext | None:
    """Return a context with the authorities that are named; None if none are.

    Args:
        ca_bundle: a PEM file or a directory of such; empty for what the environment names.

    Raises:
        CertificatesError: it is not there, cannot be read, or holds no certificate.
    """
    if ca_bundle:
        return _load("ca_bundle", ca_bundle)
    for name in VARIABLES:
        if path := os.environ.get(name):
            return _load(name, path)
    return None


@functools.cache
def _load(name: str, path: str) -> ssl.SSLContext:
    """Read the certificates; once, as it takes up to 20 ms and memory to keep."""
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
