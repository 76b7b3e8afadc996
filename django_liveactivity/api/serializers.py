"""What the endpoint takes and answers: serializers, with fields that take JSON as it is."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from django.db.models import BigIntegerField
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from django_liveactivity.conf import MAX_ALIAS
from django_liveactivity.content.keys import LONGEST_DISMISSAL
from django_liveactivity.exceptions import MAX_ERRORS
from django_liveactivity.models import Operation
from django_liveactivity.models.activity import MAX_SUBJECT
from django_liveactivity.models.clock import EPOCH, MILLISECOND

LONGEST_DELAY = 366 * 24 * 3600
LONGEST_REASON = 1000
MOST_TAGS = 20
NAMES = ("stream_key", "activity_id", "id", "subject")
"""The ways to name what ends; a body uses exactly one of them."""


class StrictCharField(serializers.CharField):
    """A string as it is: a stream key with a newline at its end is another stream key."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: object) -> str:
        """Return the string; DRF would take 5 for "5"."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictListField(serializers.ListField):
    """A list whose length is checked before its items: one error, not one for each."""

    def run_child_validation(self, data: list[Any]) -> list[Any]:
        """Return the checked items; DRF would check each before it counts them."""
        if self.max_length is not None and len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length)
        return super().run_child_validation(data)


class StrictIntegerField(serializers.IntegerField):
    """A whole number, not a string of digits."""

    def to_internal_value(self, data: object) -> int:
        """Return the number; DRF would take "5" and 5.0 for 5."""
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return super().to_internal_value(data)


@extend_schema_field(OpenApiTypes.DATETIME)
class MillisecondsField(serializers.Field[Any, object, str, object]):
    """A moment with its UTC offset, stored as milliseconds.

    Not DRF's DateTimeField: that guesses an offset which is missing, and with ``USE_TZ = False``
    leaves the offset out of what it answers.
    """

    default_error_messages = {
        "invalid": "Give a date and time in ISO 8601, such as 2030-01-31T12:00:00Z.",
        "naive": "Give the offset from UTC too, such as 2030-01-31T12:00:00Z.",
        "range": "Give a year from 1970 to 9998.",
    }

    def to_internal_value(self, data: object) -> datetime.datetime:
        """Return the aware datetime of ISO 8601 text."""
        try:
            moment = parse_datetime(data) if isinstance(data, str) else None
        except ValueError:  # of its form, but not in the calendar
            moment = None
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


class StrictSerializer(serializers.Serializer[object]):
    """Refuses unknown fields by name: most are misspelled."""

    elsewhere: Mapping[str, str] = {}
    """What to do with fields that have another place, by their names."""

    def to_internal_value(self, data: object) -> object:
        """Return the values, or report everything that is wrong at once."""
        names = set(data) if isinstance(data, Mapping) else set()
        unknown = sorted(names - self.fields.keys())[:MAX_ERRORS]
        message = f"Unknown field. Known fields: {', '.join(self.fields)}."
        errors = {name: [self.elsewhere.get(name, message)] for name in unknown}
        try:
            values = super().to_internal_value(data)
        except serializers.ValidationError as error:
            detail: Any = error.detail
            raise serializers.ValidationError(detail | errors) from None
        if errors:
            raise serializers.ValidationError(errors)
        return values


@extend_schema_serializer(component_name="LiveActivitySubject")
class SubjectSerializer(StrictSerializer):
    """The object whose cards end; it may have been deleted."""

    model = StrictCharField(max_length=MAX_SUBJECT, help_text="The model, such as shop.Order.")
    pk = StrictCharField(max_length=MAX_SUBJECT, help_text="The primary key, as text.")


@extend_schema_serializer(component_name="LiveActivityEnd")
class EndSerializer(StrictSerializer):
    """What ends, and how: exactly one of stream_key, activity_id, id and subject."""

    elsewhere = dict.fromkeys(
        ("auto_dismiss_minutes", "auto_dismiss_seconds"),
        "Belongs in content_state; or give dismiss_after, in seconds.",
    )

    stream_key = StrictCharField(
        required=False, help_text="The key of a stream, shown by this project or elsewhere."
    )
    activity_id = StrictCharField(
        required=False, help_text="The vendor's ID of a card, started by this project or elsewhere."
    )
    id = StrictIntegerField(
        required=False,
        min_value=1,
        max_value=BigIntegerField.MAX_BIGINT,
        help_text="The primary key of the live activity in this project.",
    )
    subject = SubjectSerializer(required=False, help_text="Ends every live card of this object.")
    content = serializers.DictField(
        required=False,
        help_text="What the ended card shows; by default what it was last meant to show. "
        "An unknown activity_id needs at least a title. auto_dismiss_seconds or "
        "auto_dismiss_minutes in it is another way to give dismiss_after.",
    )
    content_state = serializers.DictField(
        required=False, help_text="The vendor's name for content."
    )
    dismiss_after = StrictIntegerField(
        required=False,
        min_value=0,
        max_value=LONGEST_DISMISSAL // datetime.timedelta(seconds=1),
        help_text="Seconds until the ended card leaves the phone, 0 to 14400.",
    )
    at = MillisecondsField(
        required=False, help_text="End it at this time instead of now; with an offset from UTC."
    )
    after = StrictIntegerField(
        required=False,
        min_value=1,
        max_value=LONGEST_DELAY,
        help_text="End it after this many seconds instead of now.",
    )
    account = StrictCharField(
        required=False,
        max_length=MAX_ALIAS,
        help_text="The alias of the account, by default 'default'.",
    )
    reason = StrictCharField(
        required=False,
        allow_blank=True,
        max_length=LONGEST_REASON,
        help_text="Why, for the history.",
    )
    action = serializers.DictField(required=False, help_text="The button on the ended card.")
    secondary_action = serializers.DictField(required=False, help_text="A second button.")
    alert = serializers.DictField(
        required=False, help_text="Announced when the card ends; streams only."
    )
    tags = StrictListField(
        child=StrictCharField(allow_blank=True),
        required=False,
        max_length=MOST_TAGS,
        help_text="At most 20; [] clears them.",
    )
    metadata = serializers.DictField(
        required=False, help_text="At most 50 strings, numbers and booleans; {} clears it."
    )

    def validate(self, attrs: Mapping[str, object]) -> Mapping[str, object]:
        """Refuse a body that names no card, or that names it or its content in two ways."""
        if len(attrs.keys() & set(NAMES)) != 1:
            raise serializers.ValidationError(f"Give exactly one of {', '.join(NAMES)}.")
        if "content" in attrs and "content_state" in attrs:
            message = "Another name for content; give only one of them."
            raise serializers.ValidationError({"content_state": [message]})
        return attrs


@extend_schema_serializer(component_name="LiveActivityOperation")
class OperationSerializer(serializers.Serializer[Operation]):
    """The end of one card."""

    id = serializers.IntegerField(help_text="The primary key of this end.")
    activity = serializers.IntegerField(
        source="activity_id", help_text="The primary key of the live activity in this project."
    )
    account = serializers.CharField()
    stream_key = serializers.CharField(
        source="activity.stream_key", help_text="Empty if the card is not a stream."
    )
    activity_id = serializers.CharField(
        source="activity.activity_id", help_text="The vendor's ID; empty while it is unknown."
    )
    state = serializers.CharField(
        help_text="pending, done, superseded, failed, needs_operator or given_up."
    )
    due = MillisecondsField(source="due_at")
    created = MillisecondsField(source="created_at")
    reason = serializers.CharField()


@extend_schema_serializer(component_name="LiveActivityEnded")
class EndedSerializer(serializers.Serializer[object]):
    """The ends, one for each card; none if no card of the object is live."""

    operations = OperationSerializer(many=True)


@extend_schema_serializer(component_name="LiveActivityFieldError")
class FieldErrorSerializer(serializers.Serializer[object]):
    """One thing wrong with one field."""

    path = serializers.CharField(
        help_text="Dotted, as in content.metrics.0.value; empty for the body as a whole."
    )
    message = serializers.CharField()


@extend_schema_serializer(component_name="LiveActivityErrors")
class ErrorsSerializer(serializers.Serializer[object]):
    """Everything that is wrong with the body."""

    errors = FieldErrorSerializer(many=True)  # type: ignore[assignment] # DRF's own property


@extend_schema_serializer(component_name="LiveActivityDetail")
class DetailSerializer(serializers.Serializer[object]):
    """An error in DRF's own shape."""

    detail = serializers.CharField()
