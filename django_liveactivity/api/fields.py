"""Serializer fields that take JSON at its word: "5" is no number, and nothing is trimmed."""

from __future__ import annotations

import datetime
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from django_liveactivity.models.clock import EPOCH, MILLISECOND


class StrictCharField(serializers.CharField):
    """A string as it is: a stream key with a newline behind it is another stream key."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        """Return the string; DRF would take 5 for "5"."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictListField(serializers.ListField):
    """A list whose length is checked before its items: one error, not one for each."""

    def run_child_validation(self, data: Any) -> Any:
        """Return the checked items; DRF would check each before it counts them."""
        if self.max_length is not None and len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length)
        return super().run_child_validation(data)


class StrictIntegerField(serializers.IntegerField):
    """A whole number, not a string of digits."""

    def to_internal_value(self, data: Any) -> int:
        """Return the number; DRF would take "5" and 5.0 for 5."""
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return super().to_internal_value(data)


@extend_schema_field(OpenApiTypes.DATETIME)
class MillisecondsField(serializers.Field[Any, Any, str, Any]):
    """A moment with its UTC offset, stored as milliseconds.

    Not DRF's DateTimeField: that guesses an offset which is missing, and with ``USE_TZ = False``
    leaves the offset out of what it answers.
    """

    default_error_messages = {
        "invalid": "Give a date and time in ISO 8601, such as 2030-01-31T12:00:00Z.",
        "naive": "Give the offset from UTC too, such as 2030-01-31T12:00:00Z.",
        "range": "Give a year from 1970 to 9998.",
    }

    def to_internal_value(self, data: Any) -> datetime.datetime:
        """Return the aware datetime of ISO 8601 text."""
        moment = _parsed(data)
        if moment is None:
            self.fail("invalid")
        if timezone.is_naive(moment):
            self.fail("naive")
        if not 1970 <= moment.year <= 9998:
            self.fail("range")
        return moment

    def to_representation(self, value: int) -> str:
        """Return stored milliseconds as ISO 8601 text in UTC."""
        text = (EPOCH + value * MILLISECOND).isoformat(timespec="milliseconds")
        return text.replace("+00:00", "Z")


def _parsed(data: Any) -> datetime.datetime | None:
    try:
        return parse_datetime(data) if isinstance(data, str) else None
    except ValueError:
        return None
