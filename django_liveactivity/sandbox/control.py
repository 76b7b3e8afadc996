"""What the sandbox offers beside the API: its phone, its record, and a user's fingers."""

from __future__ import annotations

from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from .answers import Answer, refusal


class Controls(Protocol):
    """What can be asked of a running sandbox."""

    def phone(self) -> dict[str, Any]:
        """Return the cards on the phone."""

    def calls(self) -> list[dict[str, Any]]:
        """Return the calls received."""

    def pause(self, stream_key: str) -> int:
        """Pause a stream."""

    def resume(self, stream_key: str) -> int:
        """Resume a paused stream."""

    def dismiss(self, name: str) -> int:
        """Swipe a card away."""

    def start_elsewhere(self, activity_id: str, card_type: str = ...) -> None:
        """Show a card that another program has started."""

    def reset(self) -> None:
        """Forget everything."""


def answer_control(controls: Controls, method: str, path: str) -> Answer:
    """Answer a request outside the API.

    ``GET /phone.json`` and ``GET /calls.json`` show; ``POST /phone/pause/KEY``,
    ``/phone/resume/KEY``, ``/phone/dismiss/KEY-OR-ID``, ``/phone/start/ID`` (or
    ``/phone/start/ID/TYPE``, a card that another program started) and ``/reset`` act.
    """
    match method, unquote(urlsplit(path).path).strip("/").split("/"):
        case "GET", ["phone.json"]:
            return Answer(200, {}, controls.phone())
        case "GET", ["calls.json"]:
            return Answer(200, {}, controls.calls())
        case "POST", ["reset"]:
            controls.reset()
            return Answer(200, {}, {"success": True})
        case "POST", ["phone", "start", *card] if 1 <= len(card) <= 2:
            return _start(controls, *card)
        case "POST", ["phone", gesture, name]:
            return _gesture(controls, gesture, name)
    return _not_found("There are GET /phone.json, GET /calls.json, and the API under /api/")


def _start(controls: Controls, *card: str) -> Answer:
    try:
        controls.start_elsewhere(*card)
    except ValueError as error:
        return refusal(400, "Bad request", str(error))
    return Answer(200, {}, {"success": True})


def _gesture(controls: Controls, gesture: str, name: str) -> Answer:
    gestures = {
        "pause": controls.pause,
        "resume": controls.resume,
        "dismiss": controls.dismiss,
    }
    if gesture not in gestures:
        return _not_found(f"The gestures are {', '.join(gestures)}.")
    if not gestures[gesture](name):
        return _not_found(f"Nothing to {gesture} is named {name}.")
    return Answer(200, {}, {"success": True})


def _not_found(message: str) -> Answer:
    """Return a 404 without an ``error``, unlike the vendor's: this is not the vendor's API."""
    return Answer(404, {}, {"message": message})
