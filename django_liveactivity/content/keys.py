"""The names and durations that a caller gives beside content."""

from __future__ import annotations

import math
import re
from datetime import timedelta

from django_liveactivity.content.normalizing import normalized_scalar
from django_liveactivity.exceptions import InvalidInputError

_STREAM_KEY = re.compile(r"[A-Za-z0-9_-]{1,255}")
_ACTIVITY_ID = re.compile(r"[!-~]{1,255}")
_LONGEST_DISMISSAL = timedelta(hours=4)


def check_stream_key(key: object) -> str:
    """Return *key* if it is 1 to 255 ASCII letters, digits, underscores and hyphens.

    Raises:
        InvalidInputError: at ``stream_key``. The key becomes part of a URL's path.
    """
    key = normalized_scalar(key)
    # fullmatch, as the vendor's own pattern ends in "$", which lets a trailing newline through.
    if isinstance(key, str) and _STREAM_KEY.fullmatch(key):
        return key
    message = "give 1 to 255 of the characters A-Z, a-z, 0-9, underscore and hyphen"
    raise InvalidInputError.at("stream_key", message)


def check_activity_id(value: object) -> str:
    """Return *value* if it is 1 to 255 printable ASCII characters without spaces.

    Raises:
        InvalidInputError: at ``activity_id``.
    """
    value = normalized_scalar(value)
    if isinstance(value, str) and _ACTIVITY_ID.fullmatch(value):
        return value
    message = "give the id as the vendor gave it: 1 to 255 printable ASCII characters, no spaces"
    raise InvalidInputError.at("activity_id", message)


def check_dismiss_after(value: object) -> int:
    """Return how long the ended card stays, in whole seconds, fractions rounded up.

    Raises:
        InvalidInputError: at ``dismiss_after``, unless it is a timedelta of 0 s to 4 h (iOS removes
            ended cards after about 4 hours).
    """
    if isinstance(value, timedelta) and timedelta(0) <= value <= _LONGEST_DISMISSAL:
        return math.ceil(value.total_seconds())
    raise InvalidInputError.at("dismiss_after", "give a timedelta of 0 seconds to 4 hours")
