"""What a card shows and what travels beside it, checked before anything is written.

All names are imported on first use: Django starts without pydantic, which the models need.
"""

from __future__ import annotations

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
    from .encoding import JSONObject, JSONValue, normalized_scalar, text_error
    from .endpoints import Endpoint, assemble, check_content, check_options
    from .fields import Color
    from .keys import check_activity_id, check_dismiss_after, check_stream_key, take_dismissal
    from .parsing import ContentInput, OptionFields, parse_content, parse_options

__all__ = [
    "Action",
    "Alert",
    "AlertMessage",
    "Badge",
    "Color",
    "Content",
    "ContentInput",
    "Endpoint",
    "Icon",
    "JSONObject",
    "JSONValue",
    "Metric",
    "Metrics",
    "OptionFields",
    "Options",
    "Progress",
    "SegmentedProgress",
    "Stats",
    "Timer",
    "Value",
    "assemble",
    "check_activity_id",
    "check_content",
    "check_dismiss_after",
    "check_options",
    "check_stream_key",
    "normalized_scalar",
    "parse_content",
    "parse_options",
    "take_dismissal",
    "text_error",
]

__getattr__, __dir__ = lazy_names(
    __name__, __all__, "endpoints", "encoding", "keys", "parsing", "cards", "fields"
)
