"""What a card may show: the contract's rules of `content_state`, per type and per endpoint."""

from __future__ import annotations

from typing import Any

from .schema import (
    Check,
    PayloadError,
    array,
    either,
    flag,
    integer,
    number,
    one_of,
    record,
    text,
)

TYPES = ("segmented_progress", "progress", "metrics", "stats", "alert", "timer", "value")
WITH_BADGE = WITH_SECONDARY_ACTION = ("segmented_progress", "progress", "alert", "value")

_COLOR = one_of(
    ("lime", "green", "cyan", "blue", "purple", "magenta", "red", "orange", "yellow", "gray")
)
_METRIC = record(
    {
        "label": text(1),
        "value": either(number(0), text(1, 64)),
        "unit": text(),
        "color": _COLOR,
    },
    required=("label", "value"),
)
_FIELDS: dict[str, Check] = {
    "title": text(),
    "subtitle": text(),
    "type": one_of(TYPES),
    "number_of_steps": integer(1),
    "current_step": integer(0),
    "percentage": number(0, 100),
    "value": either(number(), text()),
    "upper_limit": number(above=0),
    "duration_seconds": number(above=0),
    "counts_down": flag,
    "is_running": flag,
    "metrics": array(_METRIC, 1, 8),
    "message": text(1),
    "icon": record({"symbol": text(1), "color": _COLOR}, required=("symbol",)),
    "badge": record({"title": text(1), "color": _COLOR}, required=("title",)),
    "color": _COLOR,
    "step_color": _COLOR,
    "step_colors": array(_COLOR),
}
_MINUTES: dict[str, Check] = {"auto_dismiss_minutes": integer(0)}
_SECONDS: dict[str, Check] = {"auto_dismiss_seconds": integer(0)}

START_CONTENT = record(_FIELDS, required=("title", "type"))
UPDATE_CONTENT = record(_FIELDS, required=("title",))
END_CONTENT = record({**_FIELDS, **_MINUTES}, required=("title",))
STREAM_CONTENT = record({**_FIELDS, **_MINUTES, **_SECONDS}, required=("title",))


def check_shown(content: dict[str, Any], card_type: str, *, starts: bool) -> None:
    """Check the content of a start, an update or a PUT by the rules of its type.

    Args:
        content: the ``content_state``, whose fields have been checked one by one.
        card_type: its ``type``, or that of the card when it names none.
        starts: whether it begins a card, so that nothing is known from earlier calls.

    Raises:
        PayloadError: a field that the type needs is missing, or one does not fit the type.
    """
    _check_required(content, card_type, starts=starts)
    _check_fit(content, card_type)


def check_final(content: dict[str, Any], card_type: str) -> None:
    """Check the content of an end, as ``check_shown`` does.

    The vendor's page of the end calls the final values optional ("if you want the ended state
    to show final values"); the description asks for them by type. So an end that names its type
    brings its fields, and one that does not keeps what the card showed.

    Raises:
        PayloadError: a field that the type needs is missing, or one does not fit the type.
    """
    if "type" in content:
        _check_required(content, card_type, starts=False)
    _check_fit(content, card_type)


def check_secondary_action(body: dict[str, Any], card_type: str) -> None:
    """Check that a card of this type may have the second button, if the body brings one.

    Raises:
        PayloadError: it may not.
    """
    if "secondary_action" in body and card_type not in WITH_SECONDARY_ACTION:
        raise PayloadError(f"secondary_action is not supported for type {card_type}")


def _check_required(content: dict[str, Any], card_type: str, *, starts: bool) -> None:
    for alternative in (ways := _ways(content, card_type, starts=starts)):
        if all(name in content for name in alternative):
            return
    wanted = ", or ".join(" and ".join(way) for way in ways)
    raise PayloadError(f"content_state of type {card_type} needs {wanted}")


def _ways(content: dict[str, Any], card_type: str, *, starts: bool) -> tuple[tuple[str, ...], ...]:
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


def _check_fit(content: dict[str, Any], card_type: str) -> None:
    if "badge" in content and card_type not in WITH_BADGE:
        raise PayloadError(f"content_state.badge is not supported for type {card_type}")
    if card_type != "value":
        _check_pair(content)
    if content.get("current_step", 0) > content.get("number_of_steps", float("inf")):
        raise PayloadError("content_state.current_step must not exceed number_of_steps")


def _check_pair(content: dict[str, Any]) -> None:
    """Check ``value`` of all types but ``value``: a number, and never without its limit."""
    if isinstance(content.get("value"), str):
        raise PayloadError("content_state.value must be a number")
    for name, other in (("value", "upper_limit"), ("upper_limit", "value")):
        if name in content and other not in content:
            raise PayloadError(f"content_state.{name} needs {other}")
