"""What the endpoint takes and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from django_liveactivity.conf import MAX_ALIAS
from django_liveactivity.exceptions import MAX_ERRORS
from django_liveactivity.models import Operation
from django_liveactivity.models.activity import MAX_SUBJECT

from .fields import MillisecondsField, StrictCharField, StrictIntegerField, StrictListField

BIGGEST_ID = 2**63 - 1
LONGEST_DISMISSAL = 4 * 3600
LONGEST_DELAY = 366 * 24 * 3600
LONGEST_REASON = 1000
MOST_TAGS = 20
NAMES = ("stream_key", "activity_id", "id", "subject")
"""The ways to say what shall end; a body uses exactly one of them."""


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields that it does not know, by their names: most are typing errors."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the values, or tell everything that is wrong at once."""
        names = set(data) if isinstance(data, Mapping) else set()
        unknown = sorted(names - self.fields.keys())[:MAX_ERRORS]
        message = f"Unknown field. Known fields: {', '.join(self.fields)}."
        errors: dict[str, Any] = {name: [message] for name in unknown}
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
    """The object whose cards shall end; it may be deleted by now."""

    model = StrictCharField(max_length=MAX_SUBJECT, help_text="The model, such as shop.Order.")
    pk = StrictCharField(max_length=MAX_SUBJECT, help_text="The primary key, as text.")


@extend_schema_serializer(component_name="LiveActivityEnd")
class EndSerializer(StrictSerializer):
    """What shall end, and how: exactly one of stream_key, activity_id, id and subject."""

    stream_key = StrictCharField(required=False, help_text="The key of a stream, whoever shows it.")
    activity_id = StrictCharField(
        required=False, help_text="The vendor's id of a card, whoever started it."
    )
    id = StrictIntegerField(
        required=False,
        min_value=1,
        max_value=BIGGEST_ID,
        help_text="The number of the live activity here.",
    )
    subject = SubjectSerializer(required=False, help_text="Ends every live card of this object.")
    content = serializers.DictField(
        required=False,
        help_text="What the ended card shows; by default what it was last meant to show. "
        "An activity_id that nothing is known of needs at least a title. auto_dismiss_seconds or "
        "auto_dismiss_minutes in it is another way to give dismiss_after.",
    )
    content_state = serializers.DictField(
        required=False, help_text="Another name of content, that of the vendor's API."
    )
    dismiss_after = StrictIntegerField(
        required=False,
        min_value=0,
        max_value=LONGEST_DISMISSAL,
        help_text="Seconds until the ended card leaves the phone, 0 to 14400.",
    )
    at = MillisecondsField(
        required=False, help_text="End it then, not now; with an offset from UTC."
    )
    after = StrictIntegerField(
        required=False,
        min_value=1,
        max_value=LONGEST_DELAY,
        help_text="End it after so many seconds, not now.",
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

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a body that names no card, or names it or its content in two ways."""
        if len(attrs.keys() & set(NAMES)) != 1:
            raise serializers.ValidationError(f"Give exactly one of {', '.join(NAMES)}.")
        if "content" in attrs and "content_state" in attrs:
            message = "Is another name of content; give only one of them."
            raise serializers.ValidationError({"content_state": [message]})
        return attrs


@extend_schema_serializer(component_name="LiveActivityOperation")
class OperationSerializer(serializers.Serializer[Operation]):
    """The end of one card."""

    id = serializers.IntegerField(help_text="The number of this end.")
    activity = serializers.IntegerField(
        source="activity_id", help_text="The number of the live activity here."
    )
    account = serializers.CharField()
    stream_key = serializers.CharField(
        source="activity.stream_key", help_text="Empty if the card is no stream."
    )
    activity_id = serializers.CharField(
        source="activity.activity_id", help_text="The vendor's id; empty as long as it is unknown."
    )
    state = serializers.CharField(
        help_text="pending, done, superseded, failed, needs_operator or given_up."
    )
    due = MillisecondsField(source="due_at")
    created = MillisecondsField(source="created_at")
    reason = serializers.CharField()


@extend_schema_serializer(component_name="LiveActivityEnded")
class EndedSerializer(serializers.Serializer[Any]):
    """The ends, one for each card; none if no card of the object is live."""

    operations = OperationSerializer(many=True)


@extend_schema_serializer(component_name="LiveActivityFieldError")
class FieldErrorSerializer(serializers.Serializer[Any]):
    """One thing wrong with one field."""

    path = serializers.CharField(help_text="As in content.metrics.0.value; empty for the body.")
    message = serializers.CharField()


@extend_schema_serializer(component_name="LiveActivityErrors")
class ErrorsSerializer(serializers.Serializer[Any]):
    """Everything that is wrong with a body."""

    errors = FieldErrorSerializer(many=True)  # type: ignore[assignment] # DRF's own property


@extend_schema_serializer(component_name="LiveActivityDetail")
class DetailSerializer(serializers.Serializer[Any]):
    """Why not, in DRF's own shape."""

    detail = serializers.CharField()
