"""The vendor's API over HTTP, usable alone: ``from django_liveactivity.client import Client``.

A call goes through ``call`` (what is asked), ``client`` (one call, one answer), ``transport`` (the
one seam to httpx and httpcore) and ``parsing`` (what the answer means). All names are imported on
first use: the models need no more than ``answer``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .address import DEFAULT_BASE_URL
    from .answer import Answer, Outcome
    from .call import Call
    from .client import Client

__all__ = ["DEFAULT_BASE_URL", "Answer", "Call", "Client", "Outcome"]


def __getattr__(name: str) -> object:
    if name in __all__:
        for module in ("answer", "address", "call", "client"):
            names = vars(import_module(f"{__name__}.{module}"))
            if name in names:
                return globals().setdefault(name, names[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
