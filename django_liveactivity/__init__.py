"""Reliably ends the iOS Live Activities that your Django project starts through ActivitySmith.

The names below are imported on first use, so that this package can stand in ``INSTALLED_APPS``
and be imported before ``django.setup()``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import services as services
    from .content import Action as Action
    from .content import Alert as Alert
    from .content import AlertMessage as AlertMessage
    from .content import Badge as Badge
    from .content import Icon as Icon
    from .content import Metric as Metric
    from .content import Metrics as Metrics
    from .content import Progress as Progress
    from .content import SegmentedProgress as SegmentedProgress
    from .content import Stats as Stats
    from .content import Timer as Timer
    from .content import Value as Value
    from .tracking import ModelActivity as ModelActivity
    from .tracking import register as register

_CONTENT = (
    "Action",
    "Alert",
    "AlertMessage",
    "Badge",
    "Icon",
    "Metric",
    "Metrics",
    "Progress",
    "SegmentedProgress",
    "Stats",
    "Timer",
    "Value",
)
_HOMES = {
    **dict.fromkeys(_CONTENT, "content"),
    "ModelActivity": "tracking",
    "register": "tracking",
}

__all__ = [*_CONTENT, "ModelActivity", "register", "services"]  # noqa: PLE0604 - a constant


def __getattr__(name: str) -> object:
    if name == "services":
        return import_module(f"{__name__}.services")
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
