"""Steps that more than one test goes through."""

from __future__ import annotations

from typing import Any

from . import behaviors
from .generator import end, show
from .harness import System


def a_put_held_until_after_the_end(system: System) -> Any:
    """Show a card, let its second PUT be held by the vendor, end the card, and return that PUT.

    The PUT times out and is applied 2 s after the DELETE.
    """
    host = system.host()
    system.workers(2)
    host.must(show("card-1"))
    system.drained()
    system.vendor.rule(behaviors.late(2.0, after="DELETE"), "PUT")
    host.must(show("card-1"))
    put = system.until_called("PUT", count=2)
    host.must(end("card-1"))
    return put
