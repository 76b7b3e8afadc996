"""Reliably ends the iOS Live Activities that your Django project starts through ActivitySmith.

The names below are imported on first use, so that this package can stand in ``INSTALLED_APPS``
and be imported before ``django.setup()``.
"""

from typing import TYPE_CHECKING

from .lazy import lazy_names
from .version import __version__

if TYPE_CHECKING:
    from . import services
    from .content import (
        Action,
        Alert,
        AlertMessage,
        Badge,
        Icon,
        Metric,
        Metrics,
        Progress,
        SegmentedProgress,
        Stats,
        Timer,
        Value,
    )
    from .tracking import ModelActivity, register

__all__ = [
    "Action",
    "Alert",
    "AlertMessage",
    "Badge",
    "Icon",
    "Metric",
    "Metrics",
    "ModelActivity",
    "Progress",
    "SegmentedProgress",
    "Stats",
    "Timer",
    "Value",
    "__version__",
    "register",
    "services",
]

__getattr__, __dir__ = lazy_names(__name__, __all__, "services", "content", "tracking")
