"""What a card shows and the options beside it, checked before anything is written.

All names are imported on first use: Django starts without pydantic, which the models need.
"""

from typing import TYPE_CHECKING

from django_liveactivity.lazy import lazy_names

if TYPE_CHECKING:
    from .cards import (
        Action,
        Alert,
        AlertMessage,
        Badge,
        Content,
        Icon,
        Metric,
        Metrics,
        Options,
        Progress,
        SegmentedProgress,
        Stats,
        Timer,
        Value,
    )
    from .fields import Color

__all__ = [
    "Action",
    "Alert",
    "AlertMessage",
    "Badge",
    "Color",
    "Content",
    "Icon",
    "Metric",
    "Metrics",
    "Options",
    "Progress",
    "SegmentedProgress",
    "Stats",
    "Timer",
    "Value",
]

__getattr__, __dir__ = lazy_names(__name__, __all__, "cards", "fields")
