"""The vendor's API over HTTP, usable alone: ``from django_liveactivity.client import Client``.

``call`` builds a request, ``client`` sends it, ``transport`` is the one seam to httpx and httpcore,
``deadline`` bounds it, and ``answer`` reads the response. All names are imported on first use: the
models need only ``answer``.
"""

from typing import TYPE_CHECKING

from django_liveactivity.lazy import lazy_names

if TYPE_CHECKING:
    from .answer import Answer, Outcome
    from .call import Call
    from .client import Client
    from .config import DEFAULT_BASE_URL

__all__ = ["DEFAULT_BASE_URL", "Answer", "Call", "Client", "Outcome"]

__getattr__, __dir__ = lazy_names(__name__, __all__, "answer", "call", "config", "client")
