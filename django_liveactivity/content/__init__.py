"""What a card shows and what travels beside it, checked before anything is written."""

from __future__ import annotations

from .body import assemble
from .cards import (
    CONTENT_TYPES,
    Alert,
    Content,
    Metrics,
    Progress,
    SegmentedProgress,
    Stats,
    Timer,
    Value,
)
from .encoding import (
    BODY_LIMIT,
    CONTENT_LIMIT,
    METADATA_LIMIT,
    OPTIONS_LIMIT,
    text_error,
)
from .endpoints import (
    ENDPOINTS,
    SECONDARY_ACTION_TYPES,
    Endpoint,
    check_content,
    check_options,
)
from .fields import TYPE_NAMES, Color
from .keys import (
    check_activity_id,
    check_dismiss_after,
    check_stream_key,
    take_dismissal,
)
from .normalizing import normalized_scalar
from .options import Options
from .parsing import parse_content
from .parts import Action, AlertMessage, Badge, Icon, Metric

__all__ = [
    "BODY_LIMIT",
    "CONTENT_LIMIT",
    "CONTENT_TYPES",
    "ENDPOINTS",
    "METADATA_LIMIT",
    "OPTIONS_LIMIT",
    "SECONDARY_ACTION_TYPES",
    "TYPE_NAMES",
    "Action",
    "Alert",
    "AlertMessage",
    "Badge",
    "Color",
    "Content",
    "Endpoint",
    "Icon",
    "Metric",
    "Metrics",
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
    "take_dismissal",
    "text_error",
]
