"""The vendor's HTTP API on loopback, for development and tests without an iPhone.

    with Sandbox(port=0, faults="DELETE:500@1") as sandbox:
        ...  # use sandbox.url as the base URL
        assert sandbox.phone()["empty"]

It reads the contract by itself: it shares no code with the client that it answers.

A request comes in by ``http_server``, which lets no other site's page in. ``control`` answers what
is not for the API: the ``page`` with the phone, and what its buttons do. ``sandbox``
records each call and asks ``faults`` and ``vendor`` for the reply: ``vendor`` checks the key, the
``limits`` and the body (``contract``), and changes the ``phone``.
"""

from .faults import Fault, parse_faults
from .limits import Policy
from .options import DEFAULT_BIND, add_arguments, from_arguments
from .sandbox import Sandbox

__all__ = [
    "DEFAULT_BIND",
    "Fault",
    "Policy",
    "Sandbox",
    "add_arguments",
    "from_arguments",
    "parse_faults",
]
