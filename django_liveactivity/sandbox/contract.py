"""The contract's rules for the body of each call: fields, types, ranges, and what a type needs."""

import json
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

JsonObject = dict[str, Any]
Check = Callable[[str, object], object]
"""Takes the path of a value and the value; raises ``PayloadError`` if it breaks a rule."""

TYPES = ("segmented_progress", "progress", "metrics", "stats", "alert", "timer", "value")
WITH_BADGE = WITH_SECONDARY_ACTION = ("segmented_progress", "progress", "alert", "value")
METADATA_BYTES = 16 * 1024


class RefusedCallError(Exception):
    """The vendor refuses a call.

    Args:
        status: of the reply.
        error: the short ``error`` of the reply.
        message: its longer ``message``.
        extra: further fields of its body.
    """

    def __init__(self, status: int, error: str, message: str, **extra: object) -> None:
        super().__init__(message)
        self.status = status
        self.body: JsonObject = {"error": error, "message": message, **extra}


class PayloadError(RefusedCallError):
    """The body of a call breaks a rule of the contract; the message names the field."""

    def __init__(self, message: str, *, error: str = "Invalid payload") -> None:
        super().__init__(400, error, message)


def check_body(operation: str, body: object) -> JsonObject:
    """Return the body of this operation once each of its fields has been checked.

    Args:
        operation: ``start``, ``update``, ``end``, ``stream`` or ``end_stream``.
        body: the parsed JSON; ``None`` when there was none, which only ``end_stream`` allows.

    Raises:
        PayloadError: naming the field and its rule.
    """
    if body is None and operation == "end_stream":
        return {}
    checked = _BODIES[operation]("", body)
    requested_channels(checked)
    return checked


def requested_channels(body: JsonObject) -> list[str] | None:
    """Return the channels that a start or a PUT asks for, ``None`` if it names none.

    Raises:
        PayloadError: ``channels`` and ``target.channels`` are both there and differ.
    """
    short: list[str] | None = body.get("channels")
    long: list[str] | None = body.get("target", {}).get("channels")
    if short is not None and long is not None and short != long:
        raise _channel_error("channels and target.channels must match")
    return long if short is None else short


def check_shown(body: JsonObject, shown_type: str = "") -> None:
    """Check the content of a start, an update or a PUT by the rules of its type.

    Args:
        body: whose fields have been checked one by one.
        shown_type: the type of the card until now, empty if there is no card.

    Raises:
        PayloadError: a field that the type needs is missing, or one does not fit the type.
    """
    content = body["content_state"]
    card_type = content.get("type", shown_type)
    _check_required(content, card_type, starts=card_type != shown_type)
    _check_fit(body, card_type)


def check_final(body: JsonObject, shown_type: str) -> None:
    """Check the content of an end, as ``check_shown`` does.

    The vendor's page of the end calls the final values optional ("if you want the ended state
    to show final values"); the description asks for them by type. So an end that names its type
    must have the fields of that type; one that does not keeps what the card showed.

    Raises:
        PayloadError: a field that the type needs is missing, or one does not fit the type.
    """
    content = body["content_state"]
    if "type" in content:
        _check_required(content, content["type"], starts=False)
    _check_fit(body, content.get("type", shown_type))


def _check_required(content: JsonObject, card_type: str, *, starts: bool) -> None:
    alternatives = _required_fields(content, card_type, starts=starts)
    if not any(content.keys() >= set(names) for names in alternatives):
        wanted = ", or ".join(" and ".join(names) for names in alternatives)
        raise PayloadError(f"content_state of type {card_type} needs {wanted}")


def _required_fields(
    content: JsonObject, card_type: str, *, starts: bool
) -> tuple[tuple[str, ...], ...]:
    """Return the sets of fields of which content of this type needs one."""
    match card_type:
        case "segmented_progress":
            return (("number_of_steps", "current_step") if starts else ("current_step",),)
        case "progress":
            return (("percentage",), ("value", "upper_limit"))
        case "metrics" | "stats":
            return (("metrics",),)
        case "alert":
            return (("message",),)
        case "timer":
            open_ended = content.get("counts_down") is False
            return (("duration_seconds",),) if starts and not open_ended else ((),)
        case _:
            return (("value",),)


def _check_fit(body: JsonObject, card_type: str) -> None:
    content = body["content_state"]
    if "badge" in content and card_type not in WITH_BADGE:
        raise PayloadError(f"content_state.badge is not supported for type {card_type}")
    if card_type != "value":
        _check_value_and_limit(content)
    if content.get("current_step", 0) > content.get("number_of_steps", math.inf):
        raise PayloadError("content_state.current_step must not exceed number_of_steps")
    if "secondary_action" in body and card_type not in WITH_SECONDARY_ACTION:
        raise PayloadError(f"secondary_action is not supported for type {card_type}")


def _check_value_and_limit(content: JsonObject) -> None:
    """Check ``value`` of all types but ``value``: a number, and never without its limit."""
    if isinstance(content.get("value"), str):
        raise PayloadError("content_state.value must be a number")
    for name, other in (("value", "upper_limit"), ("upper_limit", "value")):
        if name in content and other not in content:
            raise PayloadError(f"content_state.{name} needs {other}")


def _text(least: int = 0, most: float = math.inf) -> Check:
    """Return a check for a string of ``least`` to ``most`` characters."""

    def check(path: str, value: object) -> None:
        if not isinstance(value, str):
            raise PayloadError(f"{path} must be a string")
        if len(value) < least:
            raise PayloadError(f"{path} must not be empty")
        if len(value) > most:
            raise PayloadError(f"{path} must have at most {most} characters")

    return check


def _number(least: float = -math.inf, most: float = math.inf, *, above: float = -math.inf) -> Check:
    """Return a check for a number from ``least`` to ``most`` that is over ``above``."""

    def check(path: str, value: object) -> None:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise PayloadError(f"{path} must be a number")
        if not (least <= value <= most and value > above):
            raise PayloadError(f"{path} is out of range")

    return check


def _integer(least: int) -> Check:
    """Return a check for a whole number from ``least`` on; like JSON Schema, 3.0 is one."""
    in_range = _number(least)

    def check(path: str, value: object) -> None:
        in_range(path, value)
        if isinstance(value, float) and not value.is_integer():
            raise PayloadError(f"{path} must be a whole number")

    return check


def _boolean(path: str, value: object) -> None:
    if not isinstance(value, bool):
        raise PayloadError(f"{path} must be true or false")


def _one_of(choices: Collection[str]) -> Check:
    def check(path: str, value: object) -> None:
        if not isinstance(value, str) or value not in choices:
            raise PayloadError(f"{path} must be one of {', '.join(choices)}")

    return check


def _either(*checks: Check) -> Check:
    """Return a check that passes what one of these checks passes."""

    def check(path: str, value: object) -> None:
        errors = []
        for option in checks:
            try:
                option(path, value)
            except PayloadError as error:
                errors.append(str(error))
            else:
                return
        raise PayloadError(" or ".join(errors))

    return check


def _array(item: Check, least: int = 0, most: float = math.inf) -> Check:
    """Return a check for a list of ``least`` to ``most`` such items."""

    def check(path: str, value: object) -> None:
        if not isinstance(value, list):
            raise PayloadError(f"{path} must be a list")
        if len(value) < least:
            raise PayloadError(f"{path} must have at least {least} entries")
        if len(value) > most:
            raise PayloadError(f"{path} must have at most {most} entries")
        for index, entry in enumerate(value):
            item(f"{path}.{index}", entry)

    return check


def _any_object(path: str, value: object) -> JsonObject:
    if not isinstance(value, dict):
        raise PayloadError(f"{path or 'the body'} must be an object")
    return value


def _object(
    required: Mapping[str, Check], optional: Mapping[str, Check]
) -> Callable[[str, object], JsonObject]:
    """Return a check for an object with these fields and no others, which returns the object."""
    fields = {**required, **optional}

    def check(path: str, value: object) -> JsonObject:
        found = _any_object(path, value)
        prefix = f"{path}." if path else ""
        for name in required:
            if name not in found:
                raise PayloadError(f"{prefix}{name} is required")
        for name, entry in found.items():
            if name not in fields:
                raise PayloadError(f"{prefix}{name} is not a known field")
            fields[name](prefix + name, entry)
        return found

    return check


def _channel_error(message: str) -> PayloadError:
    return PayloadError(message, error="Invalid channel targeting")


def _channels(path: str, value: object) -> None:
    if not isinstance(value, list) or not all(isinstance(slug, str) for slug in value):
        raise _channel_error(f"{path} must be an array of channel slugs")
    if not value:
        raise _channel_error(f"{path} must contain at least one channel")


def _action(path: str, value: object) -> None:
    action = _ACTION_FIELDS(path, value)
    if not _is_allowed_url(action["url"], action["type"]):
        allowed = "an https URL"
        if action["type"] == "open_url":
            allowed = "an http, https or shortcuts://run-shortcut?name=... URL"
        raise PayloadError(f"{path}.url must be {allowed}", error="Invalid action")


def _is_allowed_url(url: str, action_type: str) -> bool:
    if not url.isprintable() or " " in url:  # urlsplit() drops newlines without a word
        return False
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname)
    except ValueError:
        return False
    if action_type == "open_url" and parts.scheme == "shortcuts":
        return parts.netloc == "run-shortcut" and bool(parse_qs(parts.query).get("name"))
    schemes = ("http", "https") if action_type == "open_url" else ("https",)
    return parts.scheme in schemes and has_host


def _metadata(path: str, value: object) -> None:
    metadata = _any_object(path, value)
    if len(metadata) > 50:
        raise PayloadError(f"{path} must have at most 50 entries")
    for name, entry in metadata.items():
        _text(0, 100)(f"the key {path}.{name[:20]}", name)
        _METADATA_VALUE(f"{path}.{name}", entry)
    # Escaped surrogates arrive as JSON; they count with the bytes that they would need.
    written = json.dumps(metadata, ensure_ascii=False, separators=(",", ":"))
    if len(written.encode(errors="surrogatepass")) > METADATA_BYTES:
        raise PayloadError(f"{path} must have at most 16 KB of JSON")


_METADATA_VALUE = _either(_text(0, 4000), _number(), _boolean)
_ACTION_FIELDS = _object(
    {"title": _text(), "type": _one_of(("open_url", "webhook")), "url": _text()},
    # Sent by the SDK for every action, and used by the vendor for webhooks only.
    {"method": _one_of(("GET", "POST")), "body": _any_object},
)
_COLOR = _one_of(
    ("lime", "green", "cyan", "blue", "purple", "magenta", "red", "orange", "yellow", "gray")
)
_METRIC = _object(
    {"label": _text(1), "value": _either(_number(0), _text(1, 64))},
    {"unit": _text(), "color": _COLOR},
)
_TITLE: dict[str, Check] = {"title": _text()}
_TYPE: dict[str, Check] = {"type": _one_of(TYPES)}
_CONTENT: dict[str, Check] = {
    "subtitle": _text(),
    "number_of_steps": _integer(1),
    "current_step": _integer(0),
    "percentage": _number(0, 100),
    "value": _either(_number(), _text()),
    "upper_limit": _number(above=0),
    "duration_seconds": _number(above=0),
    "counts_down": _boolean,
    "is_running": _boolean,
    "metrics": _array(_METRIC, 1, 8),
    "message": _text(1),
    "icon": _object({"symbol": _text(1)}, {"color": _COLOR}),
    "badge": _object({"title": _text(1)}, {"color": _COLOR}),
    "color": _COLOR,
    "step_color": _COLOR,
    "step_colors": _array(_COLOR),
}
_MINUTES: dict[str, Check] = {"auto_dismiss_minutes": _integer(0)}
_SECONDS: dict[str, Check] = {"auto_dismiss_seconds": _integer(0)}
_START_CONTENT = _object(_TITLE | _TYPE, _CONTENT)
_UPDATE_CONTENT = _object(_TITLE, _TYPE | _CONTENT)
_END_CONTENT = _object(_TITLE, _TYPE | _CONTENT | _MINUTES)
_STREAM_CONTENT = _object(_TITLE, _TYPE | _CONTENT | _MINUTES | _SECONDS)
_ID: dict[str, Check] = {"activity_id": _text()}
_ALERT: dict[str, Check] = {"alert": _object({}, {"title": _text(), "body": _text()})}
_CHANNELS: dict[str, Check] = {"channels": _channels}
_TARGET: dict[str, Check] = {"target": _object(_CHANNELS, {})}
_COMMON: dict[str, Check] = {
    "action": _action,
    "secondary_action": _action,
    "tags": _array(_text(1, 64), most=20),
    "metadata": _metadata,
}
_BODIES = {
    "start": _object({"content_state": _START_CONTENT}, _ALERT | _TARGET | _COMMON),
    "update": _object(_ID | {"content_state": _UPDATE_CONTENT}, _COMMON),
    "end": _object(_ID | {"content_state": _END_CONTENT}, _COMMON),
    "stream": _object({"content_state": _STREAM_CONTENT}, _ALERT | _CHANNELS | _TARGET | _COMMON),
    "end_stream": _object({}, {"content_state": _STREAM_CONTENT} | _ALERT | _COMMON),
}
