"""What a card shows and what travels beside it, checked before anything is written."""

from __future__ import annotations

from django_liveactivity.content.body import assemble
from django_liveactivity.content.cards import (
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
from django_liveactivity.content.endpoints import (
    ENDPOINTS,
    SECONDARY_ACTION_TYPES,
    Endpoint,
    check_content,
    check_options,
)
from django_liveactivity.content.fields import TYPE_NAMES, Color
from django_liveactivity.content.keys import (
    check_activity_id,
    check_dismiss_after,
    check_stream_key,
    take_dismissal,
)
from django_liveactivity.content.normalizing import normalized_scalar
from django_liveactivity.content.options import Options
from django_liveactivity.content.parsing import parse_content
from django_liveactivity.content.parts import Action, AlertMessage, Badge, Icon, Metric
from django_liveactivity.content.wire import (
    BODY_LIMIT,
    CONTENT_LIMIT,
    METADATA_LIMIT,
    OPTIONS_LIMIT,
)

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
]
