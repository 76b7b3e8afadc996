"""What a card can show, and the options beside it.

The seven content types of the vendor, content of an unknown type, and the options: buttons, alert,
channels, tags and metadata.
"""

import re
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import ConfigDict, Field, model_validator

from . import encoding, fields
from .encoding import NUMBER, UNSET, JSONObject, RuleError

_SCHEMES = {"open_url": ("https", "http", "shortcuts"), "webhook": ("https",)}
MOST_METRICS = 8
# One by one: the patterns of JSON Schema are read in other languages too, whose "\s" differs.
_BLANKS = r"\x00-\x20\x7f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_UNSAFE = re.compile(f"[{_BLANKS}]")
_PORT = r"([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_SHORTCUT = rf"^shortcuts://run-shortcut/?\?([^#&{_BLANKS}]*&)*name=[^#&{_BLANKS}]+[^{_BLANKS}]*$"


def _web(scheme: str) -> str:
    """Return the pattern of URLs with a scheme, for JSON Schema: _check_url checks them."""
    user, host = r"[A-Za-z0-9._~!$&'()*+,;=:%-]*@", r"[A-Za-z0-9._~!$&'()*+,;=%-]+"
    rest = rf"[/?#][^{_BLANKS}]*"
    return rf"^{scheme}://({user})?{host}(:{_PORT})?({rest})?$"


class Metric(fields.Model):
    """One labeled reading; *value* is a number of 0 or more, or a string of 1 to 64 characters."""

    label: fields.FilledText
    value: fields.Measurement
    unit: fields.Text | None = None
    color: fields.Color | None = None


class Icon(fields.Model):
    """An SF Symbol by its name, as in ``Icon(symbol="shippingbox.fill")``."""

    symbol: fields.FilledText
    color: fields.Color | None = None


class Badge(fields.Model):
    """A short label on the card."""

    title: fields.FilledText
    color: fields.Color | None = None


class Content(fields.Model):
    """What every card can show; by itself for the end of a card whose type is unknown.

    Args:
        title: required, not empty.
        subtitle: a second line.
        color: the accent color.
        icon: an SF Symbol.
        type: each class sends its own; ``None`` leaves it out, which only updates and ends allow.
    """

    size_limit: ClassVar = (encoding.CONTENT_LIMIT, "content")

    title: fields.FilledText
    subtitle: fields.Text | None = None
    color: fields.Color | None = None
    icon: Icon | None = None
    type: fields.TypeName | None = None

    @model_validator(mode="after")
    def _check_type_is_the_class(self) -> Self:
        own = type(self).model_fields["type"].default
        if self.type not in {own, None}:
            raise RuleError(
                "belongs to another class; use that class, or leave the type out", "type"
            )
        return self

    def to_json(self) -> JSONObject:
        """Return, ready for JSON, the fields that were set, and the type."""
        sent = super().to_json()
        return sent if self.type is None else {**sent, "type": self.type}


class Progress(Content):
    """A bar: *percentage* (0 to 100), or *value* of *upper_limit* (above 0)."""

    # What _check_one_way_is_complete checks; the two ways exclude each other.
    model_config = ConfigDict(
        json_schema_extra=encoding.either(
            encoding.has("percentage", percentage=NUMBER, value=UNSET, upper_limit=UNSET),
            encoding.has("value", "upper_limit", value=NUMBER, upper_limit=NUMBER),
        )
    )

    type: Literal["progress"] | None = "progress"
    percentage: fields.Percentage | None = None
    value: fields.Number | None = None
    upper_limit: fields.PositiveNumber | None = None
    badge: Badge | None = None

    @model_validator(mode="after")
    def _check_one_way_is_complete(self) -> Self:
        if (self.value is None) != (self.upper_limit is None):
            missing = "value" if self.value is None else "upper_limit"
            raise RuleError("value and upper_limit go together; give both or neither", missing)
        if self.percentage is None and self.value is None:
            raise RuleError("is required; give percentage, or value with upper_limit", "percentage")
        return self


class SegmentedProgress(Content):
    """Steps: *current_step* of *number_of_steps*, which may change while the card lives.

    ``step_colors`` colors the completed steps and should have *current_step* entries.
    """

    type: Literal["segmented_progress"] | None = "segmented_progress"
    current_step: fields.StepCount
    number_of_steps: Annotated[fields.StepCount, Field(ge=1)] | None = None
    step_color: fields.Color | None = None
    step_colors: fields.List[fields.Color] | None = None
    badge: Badge | None = None

    @model_validator(mode="after")
    def _check_steps(self) -> Self:
        if self.number_of_steps is not None and self.current_step > self.number_of_steps:
            raise RuleError("must not exceed number_of_steps", "current_step")
        return self


class Metrics(Content):
    """One to eight readings as gauges."""

    type: Literal["metrics"] | None = "metrics"
    metrics: Annotated[fields.List[Metric], fields.Sized(1, MOST_METRICS)]


class Stats(Content):
    """One to eight labeled values."""

    type: Literal["stats"] | None = "stats"
    metrics: Annotated[fields.List[Metric], fields.Sized(1, MOST_METRICS)]


class Alert(Content):
    """A message; *color* tints its buttons."""

    type: Literal["alert"] | None = "alert"
    message: fields.FilledText
    badge: Badge | None = None


class Timer(Content):
    """A clock: down from *duration_seconds*, or up with ``counts_down=False``.

    Without *duration_seconds* an update keeps the running window. An end never sends it, so that
    the ended card freezes at the time it shows.
    """

    type: Literal["timer"] | None = "timer"
    duration_seconds: fields.PositiveNumber | None = None
    counts_down: bool | None = None
    is_running: bool | None = None


class Value(Content):
    """One prominent readout: a string, shown as it is, or a finite number."""

    type: Literal["value"] | None = "value"
    value: fields.Readout
    badge: Badge | None = None


CONTENT_TYPES: dict[str, type[Content]] = {
    each.model_fields["type"].default: each
    for each in (SegmentedProgress, Progress, Metrics, Stats, Alert, Timer, Value)
}


class AlertMessage(fields.Model):
    """What the phone announces when the change arrives."""

    title: fields.Text | None = None
    body: fields.Text | None = None


class Action(fields.Model):
    """A button on the card: it opens a URL, or has ActivitySmith call a webhook.

    Args:
        title: what the button says.
        type: ``open_url`` or ``webhook``.
        url: https; for ``open_url`` also http and ``shortcuts://run-shortcut?name=…``.
        method: ``GET`` or ``POST``, for webhooks.
        body: a JSON object of at most 8 levels, for webhooks.
    """

    # What _check_by_type checks.
    model_config = ConfigDict(
        json_schema_extra=encoding.either(
            encoding.has(
                type={"const": "open_url"},
                url={"pattern": rf"{_web('https?')}|{_SHORTCUT}"},
                method=UNSET,
                body=UNSET,
            ),
            encoding.has(type={"const": "webhook"}, url={"pattern": _web("https")}),
        )
    )

    title: fields.FilledText
    type: Literal["open_url", "webhook"]
    url: fields.FilledText
    method: Literal["GET", "POST"] | None = None
    body: fields.JsonObject | None = None

    @model_validator(mode="after")
    def _check_by_type(self) -> Self:
        _check_url(self.url, _SCHEMES[self.type])
        for name in ("method", "body"):
            if self.type == "open_url" and getattr(self, name) is not None:
                raise RuleError("belongs to webhooks, not to open_url", name)
        return self


def _check_url(url: str, schemes: tuple[str, ...]) -> None:
    if _UNSAFE.search(url):
        raise RuleError("contains whitespace or control characters; percent-encode them", "url")
    try:
        parts = urlsplit(url)
        host, scheme = parts.hostname, url.partition("://")[0]
        _ = parts.port
    except ValueError:
        raise RuleError("is not a URL; check its host and port", "url") from None
    if scheme not in schemes:
        expected = " or ".join(f"{name}://" for name in schemes)
        raise RuleError(f"must start with {expected}", "url")
    if not host:
        raise RuleError("has no host; give a full URL", "url")
    if scheme == "shortcuts" and (host != "run-shortcut" or not parse_qs(parts.query).get("name")):
        raise RuleError("give shortcuts://run-shortcut?name=… with the shortcut's name", "url")


class Options(fields.Model):
    """The fields beside the content; what is not given stays as it is on the card.

    Args:
        action: the button.
        secondary_action: a second button, on alert, progress, segmented_progress and value.
        alert: announced when the card appears, changes or, for a stream, ends.
        channels: slugs of the channels to reach, at least one; none = all that the API key reaches.
        tags: at most 20 of 1 to 64 characters; ``[]`` clears them.
        metadata: at most 50 entries and 16 KiB of JSON, keys of 1 to 100 characters, values strings
            of at most 4,000 characters, finite numbers or booleans; ``{}`` clears it.
    """

    size_limit: ClassVar = (encoding.OPTIONS_LIMIT, "body")

    action: Action | None = None
    secondary_action: Action | None = None
    alert: AlertMessage | None = None
    channels: Annotated[fields.List[fields.FilledText], fields.Sized(1)] | None = None
    tags: Annotated[fields.List[fields.Tag], fields.Sized(0, 20)] | None = None
    metadata: fields.Metadata | None = None
