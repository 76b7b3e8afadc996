"""The one seam to httpx's transport: a pool whose connections keep the deadline of a call."""

from __future__ import annotations

import functools
import ssl

import httpcore
import httpx

from .deadline import DeadlineBackend

# Shorter than the idle timeout of any common server or balancer, so that a call is hardly ever
# written to a connection that is being closed: such a call would be ambiguous, with a quarantine.
_KEEPALIVE_SECONDS = 5.0


class DeadlineTransport(httpx.HTTPTransport):
    """httpx's own transport over a pool with a deadline, without retries on the wire.

    Proxies of the environment are not used: where the key goes is told by the settings alone, and
    HTTP_PROXY would catch calls to loopback too.
    """

    def __init__(self, backend: httpcore.NetworkBackend | None = None) -> None:
        context = _tls()
        super().__init__(verify=context)
        # httpx takes no network backend, httpcore's pool does; a test sees if this stops working.
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=None,
            max_keepalive_connections=4,
            keepalive_expiry=_KEEPALIVE_SECONDS,
            retries=0,
            network_backend=backend or DeadlineBackend(),
        )


@functools.cache
def _tls() -> ssl.SSLContext:
    """Return the context of every client: its authorities take 20 ms to read, and memory to keep.

    The environment may still name those to trust (SSL_CERT_FILE), as it is at the first client.
    """
    return httpx.create_ssl_context()
