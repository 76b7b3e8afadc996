"""The serializers of requests and responses, with fields that do not coerce JSON values."""

import datetime
import re
from collections.abc import Callable, Mapping
from typing import Any

from django.core.validators import RegexValidator
from django.db.models import BigIntegerField, TextChoices
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from django_liveactivity import selectors
from django_liveactivity.conf import ALIAS, MAX_ALIAS
from django_liveactivity.content import parsing
from django_liveactivity.exceptions import MAX_ERRORS
from django_liveactivity.models import LiveActivity, Operation
from django_liveactivity.models.activity import MAX_SUBJECT
from django_liveactivity.models.clock import EPOCH, MILLISECOND

SECOND = datetime.timedelta(seconds=1)
LONGEST_REASON = 1000
LARGEST_PAGE = 200
NAMES = ("stream_key", "activity_id", "id", "subject")
"""The ways to name what ends; a body uses exactly one of them."""
OPTIONS = ("action", "secondary_action", "alert", "tags", "metadata")
"""The options beside the content."""


class StrictCharField(serializers.CharField):
    """A string as it is: a stream key with a newline at its end is another stream key."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: object) -> str:
        """Return the string; DRF would take 5 for "5"."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class NameField(StrictCharField):
    """The name of a card or of an account, of certain characters."""

    def __init__(self, name: re.Pattern[str], rule: str, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)
        self.validators = [RegexValidator(rf"^{name.pattern}\Z", rule)]  # and no second error


def account_field() -> NameField:
    """Return the field that every route has."""
    rule = f"give 1 to {MAX_ALIAS} letters, digits, underscores, hyphens and periods"
    return NameField(ALIAS, rule, help_text="The alias of the account, by default 'default'.")


def stream_key_field(help_text: str) -> NameField:
    """Return the field of a stream's key."""
    return NameField(parsing.STREAM_KEY, parsing.STREAM_KEY_RULE, help_text=help_text)


def activity_id_field(help_text: str) -> NameField:
    """Return the field of the vendor's ID of a card."""
    return NameField(parsing.ACTIVITY_ID, parsing.ACTIVITY_ID_RULE, help_text=help_text)


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


class OneOfField(serializers.ChoiceField):
    """One of the values of a column, in the schema by a pattern.

    drf-spectacular would give an ``enum`` a component of its own, with a name that may be one of
    the host's.
    """

    def __init__(self, choices: type[TextChoices], **kwargs: Any) -> None:
        super().__init__(choices.choices, **kwargs)
        values = "|".join(choices.values)
        extend_schema_field({"type": "string", "pattern": f"^({values})$"})(self)  # type: ignore[type-var]


class StrictSerializer(serializers.Serializer[object]):
    """Refuses unknown fields by name: most are misspelled."""

    elsewhere: Mapping[str, str] = {}
    """The messages for known fields that belong elsewhere, by name."""

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


@extend_schema_serializer(component_name="LiveActivityStreamEnd")
class StreamEndSerializer(StrictSerializer):
    """How a card ends; every field may be left out."""

    elsewhere = dict.fromkeys(
        ("auto_dismiss_minutes", "auto_dismiss_seconds"),
        "Belongs in content_state; or give dismiss_after, in seconds.",
    )

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
        max_value=parsing.LONGEST_DISMISSAL // SECOND,
        help_text="Seconds until the ended card leaves the phone, 0 to 14400.",
    )
    at = MillisecondsField(
        required=False, help_text="End it at this time instead of now; with an offset from UTC."
    )
    after = StrictIntegerField(
        required=False,
        min_value=1,
        max_value=parsing.LONGEST_DURATION // SECOND,
        help_text="End it after this many seconds instead of now.",
    )
    account = account_field()
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
    tags = serializers.ListField(required=False, help_text="At most 20; [] clears them.")
    metadata = serializers.DictField(
        required=False, help_text="At most 50 strings, numbers and booleans; {} clears it."
    )

    def validate(self, attrs: Mapping[str, object]) -> Mapping[str, object]:
        """Refuse a body that has its content in two ways."""
        if "content" in attrs and "content_state" in attrs:
            message = "Another name for content; give only one of them."
            raise serializers.ValidationError({"content_state": [message]})
        return attrs


@extend_schema_serializer(component_name="LiveActivityEnd")
class EndSerializer(StreamEndSerializer):
    """What ends, and how: exactly one of stream_key, activity_id, id and subject."""

    stream_key = stream_key_field("The key of a stream, shown by this project or elsewhere.")
    activity_id = activity_id_field(
        "The vendor's ID of a card, started by this project or elsewhere."
    )
    id = StrictIntegerField(
        required=False,
        min_value=1,
        max_value=BigIntegerField.MAX_BIGINT,
        help_text="The primary key of the live activity in this project.",
    )
    subject = SubjectSerializer(required=False, help_text="Ends every live card of this object.")

    def validate(self, attrs: Mapping[str, object]) -> Mapping[str, object]:
        """Refuse a body that names no card, or that names it in two ways."""
        if len(attrs.keys() & set(NAMES)) != 1:
            raise serializers.ValidationError(f"Give exactly one of {', '.join(NAMES)}.")
        return super().validate(attrs)


class QuerySerializer(StrictSerializer):
    """The query parameters of every route."""

    account = account_field()


class StreamQuerySerializer(QuerySerializer):
    """For clients that cannot send a body with DELETE."""

    reason = StrictCharField(
        required=False, allow_blank=True, max_length=LONGEST_REASON, help_text="Why."
    )


class ActivityQuerySerializer(QuerySerializer):
    """The query parameters that filter the list of cards."""

    stream_key = stream_key_field("Only cards of this key.")
    activity_id = activity_id_field("Only the card that has, or once had, the vendor's ID.")
    subject_model = StrictCharField(
        required=False, max_length=MAX_SUBJECT, help_text="Only cards of this model's objects."
    )
    subject_pk = StrictCharField(
        required=False,
        max_length=MAX_SUBJECT,
        help_text="Only cards of the object of this primary key; with subject_model.",
    )
    status = OneOfField(LiveActivity.Status, required=False, help_text="Only cards of this status.")
    live = serializers.BooleanField(
        required=False, help_text="true: only cards that have no due end; false: only others."
    )
    cursor = StrictCharField(required=False, help_text="From next or previous.")
    page_size = serializers.IntegerField(
        required=False, min_value=1, max_value=LARGEST_PAGE, help_text="By default 50."
    )

    def validate(self, attrs: Mapping[str, object]) -> Mapping[str, object]:
        """Refuse a primary key without its model."""
        if "subject_pk" in attrs and "subject_model" not in attrs:
            message = "Give subject_model too, such as shop.Order."
            raise serializers.ValidationError({"subject_model": [message]})
        return attrs


@extend_schema_serializer(component_name="LiveActivityOperation")
class OperationSerializer(serializers.Serializer[Operation]):
    """One operation of a card: mostly its end."""

    id = serializers.IntegerField(help_text="The primary key of this operation.")
    url = serializers.SerializerMethodField(
        help_text="Where this operation can be followed; null if that is not mounted."
    )
    kind = OneOfField(Operation.Kind)
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
    state = OneOfField(Operation.State)
    settled = serializers.BooleanField(
        source="is_settled", help_text="Whether the vendor has acknowledged it, or need not."
    )
    outcome = serializers.CharField(help_text="The outcome of the last call; empty before it.")
    tries = serializers.IntegerField(help_text="How many calls were made.")
    due = MillisecondsField(source="due_at")
    created = MillisecondsField(source="created_at")
    acknowledged = MillisecondsField(source="acknowledged_at", allow_null=True)
    reason = serializers.CharField()

    def get_url(self, end: Operation) -> str | None:
        """Return the operation's address."""
        address: Callable[[str, Operation], str | None] = self.context["address"]
        return address("operation", end)


@extend_schema_serializer(component_name="LiveActivityEnded")
class EndedSerializer(serializers.Serializer[object]):
    """The ends, one for each card; none if no card of the object is live."""

    operations = OperationSerializer(many=True)


@extend_schema_serializer(component_name="LiveActivity")
class ActivitySerializer(serializers.Serializer[LiveActivity]):
    """One card, and the end that counts for it."""

    id = serializers.IntegerField(help_text="The primary key in this project.")
    url = serializers.SerializerMethodField()
    account = serializers.CharField()
    stream_key = serializers.CharField(help_text="Empty if the card is not a stream.")
    activity_id = serializers.CharField(help_text="The vendor's ID; empty while it is unknown.")
    subject = serializers.SerializerMethodField(help_text="The object that the card represents.")
    type = serializers.CharField(help_text="The type of its content; empty if it is unknown.")
    title = serializers.CharField(help_text="As the phone shows it.")
    status = OneOfField(LiveActivity.Status)
    live = serializers.SerializerMethodField(help_text="Whether the card has no due end.")
    created = MillisecondsField(source="created_at")
    ended = serializers.SerializerMethodField(
        help_text="When the vendor acknowledged the end, or null."
    )
    end = serializers.SerializerMethodField(
        help_text="The end in force: due, to come, or acknowledged; null if there is none."
    )

    def get_url(self, card: LiveActivity) -> str | None:
        """Return the card's address."""
        address: Callable[[str, LiveActivity], str | None] = self.context["address"]
        return address("activity", card)

    @extend_schema_field(SubjectSerializer(allow_null=True))
    def get_subject(self, card: LiveActivity) -> dict[str, str] | None:
        """Return the names of the object."""
        return {"model": card.subject_model, "pk": card.subject_pk} if card.subject_model else None

    def get_live(self, card: LiveActivity) -> bool:
        """Tell whether the card has no due end."""
        return not (card.is_closed or card.is_over)

    @extend_schema_field(MillisecondsField(allow_null=True))
    def get_ended(self, card: LiveActivity) -> str | None:
        """Return when the card ended; a failed one has no end."""
        ended = None if card.status == LiveActivity.Status.FAILED else card.ended_at
        return None if ended is None else MillisecondsField().to_representation(ended)

    @extend_schema_field(OperationSerializer(allow_null=True))
    def get_end(self, card: LiveActivity) -> dict[str, Any] | None:
        """Return the end that counts."""
        end = self.context["newest"].get(card.pk, selectors.Newest()).end
        if end is None:
            return None
        if end.activity_id == card.pk:  # mostly: two cards of a key share the end of one
            end.activity = card
        return OperationSerializer(end, context=self.context).data


@extend_schema_serializer(component_name="LiveActivityPage", many=False)
class PageSerializer(serializers.Serializer[object]):
    """Some of the cards, and where the others are."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = ActivitySerializer(many=True)


@extend_schema_serializer(component_name="LiveActivityFieldError")
class FieldErrorSerializer(serializers.Serializer[object]):
    """One thing wrong with one field."""

    path = serializers.CharField(
        help_text="Dotted, as in content.metrics.0.value; empty for the body as a whole."
    )
    message = serializers.CharField()


@extend_schema_serializer(component_name="LiveActivityProblem")
class ProblemSerializer(serializers.Serializer[object]):
    """Why a request is refused (RFC 9457)."""

    type = serializers.CharField(help_text="Always about:blank; the status is the type.")
    title = serializers.CharField(help_text="The status in words.")
    status = serializers.IntegerField()
    detail = serializers.CharField()


@extend_schema_serializer(component_name="LiveActivityInputProblem")
class InputProblemSerializer(ProblemSerializer):
    """Why an input is refused: everything that is wrong with it."""

    errors = FieldErrorSerializer(many=True)  # type: ignore[assignment] # DRF's own property
