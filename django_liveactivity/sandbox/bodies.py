"""What the body of each call may hold: the contract's request schemas around the content."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

from .rules import END_CONTENT, START_CONTENT, STREAM_CONTENT, UPDATE_CONTENT
from .schema import Check, PayloadError, array, either, flag, mapping, number, one_of, record, text

METADATA_BYTES = 16 * 1024

_ACTION = record(
    {
        "title": text(),
        "type": one_of(("open_url", "webhook")),
        "url": text(),
        # Sent by the SDK for every action, and used by the vendor for webhooks only.
        "method": one_of(("GET", "POST")),
        "body": mapping,
    },
    required=("title", "type", "url"),
)
_METADATA_VALUE = either(text(0, 4000), number(), flag)


def check_body(operation: str, body: object) -> dict[str, Any]:
    """Return the body of this operation once every field of it has been checked.

    Args:
        operation: ``start``, ``update``, ``end``, ``stream`` or ``end_stream``.
        body: the parsed JSON; ``None`` when there was none, which only ``end_stream`` takes.

    Raises:
        PayloadError: naming the field and its rule.
    """
    if body is None and operation == "end_stream":
        return {}
    checked = _BODIES[operation]("", body)
    requested_channels(checked)
    return checked


def requested_channels(body: dict[str, Any]) -> list[str] | None:
    """Return the channels that a start or a PUT asks for, ``None`` when it leaves them open.

    Raises:
        PayloadError: ``channels`` and ``target.channels`` are both there and differ.
    """
    short: list[str] | None
    long: list[str] | None
    short, long = body.get("channels"), body.get("target", {}).get("channels")
    if short is not None and long is not None and short != long:
        raise _channel_error("channels and target.channels must match")
    return long if short is None else short


def _channel_error(message: str) -> PayloadError:
    return PayloadError(message, error="Invalid channel targeting")


def _channels(path: str, value: object) -> None:
    if not isinstance(value, list) or not all(isinstance(slug, str) for slug in value):
        raise _channel_error(f"{path} must be an array of channel slugs")
    if not value:
        raise _channel_error(f"{path} must contain at least one channel")


def _action(path: str, value: object) -> None:
    action = _ACTION(path, value)
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
        return _runs_shortcut(parts)
    schemes = ("http", "https") if action_type == "open_url" else ("https",)
    return parts.scheme in schemes and has_host


def _runs_shortcut(parts: SplitResult) -> bool:
    return parts.netloc == "run-shortcut" and bool(parse_qs(parts.query).get("name"))


def _metadata(path: str, value: object) -> None:
    metadata = mapping(path, value)
    if len(metadata) > 50:
        raise PayloadError(f"{path} must have at most 50 entries")
    for name, entry in metadata.items():
        text(0, 100)(f"the key {path}.{name[:20]}", name)
        _METADATA_VALUE(f"{path}.{name}", entry)
    # Escaped surrogates arrive as JSON; they count with the bytes that they would need.
    written = json.dumps(metadata, ensure_ascii=False, separators=(",", ":"))
    if len(written.encode(errors="surrogatepass")) > METADATA_BYTES:
        raise PayloadError(f"{path} must have at most 16 KB of JSON")


_ALERT = record({"title": text(), "body": text()})
_TARGET = record({"channels": _channels}, required=("channels",))
_COMMON: dict[str, Check] = {
    "action": _action,
    "secondary_action": _action,
    "tags": array(text(1, 64), most=20),
    "metadata": _metadata,
}
_CONTENT = ("content_state",)
_NAMED = ("activity_id", "content_state")
_BODIES = {
    "start": record(
        {"content_state": START_CONTENT, "alert": _ALERT, "target": _TARGET, **_COMMON}, _CONTENT
    ),
    "update": record({"activity_id": text(), "content_state": UPDATE_CONTENT, **_COMMON}, _NAMED),
    "end": record({"activity_id": text(), "content_state": END_CONTENT, **_COMMON}, _NAMED),
    "stream": record(
        {
            "content_state": STREAM_CONTENT,
            "alert": _ALERT,
            "channels": _channels,
            "target": _TARGET,
            **_COMMON,
        },
        _CONTENT,
    ),
    "end_stream": record({"content_state": STREAM_CONTENT, "alert": _ALERT, **_COMMON}),
}
