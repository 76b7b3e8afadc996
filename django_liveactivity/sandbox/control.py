"""Control of a running sandbox: gestures of a user, `/phone.json`, `/calls.json` and `/reset`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from urllib.parse import unquote, urlsplit

from .calls import CallRecord, Reply, refused
from .contract import TYPES, JsonObject, RefusedCallError
from .limits import FIRST_ACCOUNT
from .phone import Display, PhoneCard
from .vendor import Vendor

ELSEWHERE_TYPE = "segmented_progress"
"""The type of a card that was started elsewhere, if none is named."""


class Controls:
    """What can be seen and done beside the API, from Python and over HTTP.

    Args:
        vendor: whose phone and accounts these are.
        clock: returns seconds since the epoch.
        started_elsewhere: cards that are on the phone at the beginning and after each reset: the
            type of each by its activity id.
    """

    def __init__(
        self, vendor: Vendor, clock: Callable[[], float], started_elsewhere: Mapping[str, str]
    ) -> None:
        self._vendor, self._clock = vendor, clock
        self._started_elsewhere = dict(started_elsewhere)
        self._lock = threading.RLock()
        self._records: list[CallRecord] = []
        self._show_started_elsewhere()

    def phone(self) -> JsonObject:
        """Return what ``/phone.json`` shows: ``empty``, ``alive`` and ``ended`` cards."""
        with self._lock:
            return self._vendor.phone.as_json(self._clock())

    def calls(self) -> list[JsonObject]:
        """Return what ``/calls.json`` shows: every call received, in order."""
        with self._lock:
            return [asdict(record) for record in self._records]

    def pause(self, stream_key: str) -> int:
        """Pause a stream as its user would; return how many streams have this key."""
        with self._lock:
            paused = self._vendor.streams(stream_key)
            for stream in paused:
                stream.is_paused = True
                if stream.card.is_alive:
                    stream.card.end(self._clock(), "paused")
            return len(paused)

    def resume(self, stream_key: str) -> int:
        """Let a paused stream show again; return how many were paused."""
        with self._lock:
            resumed = [stream for stream in self._vendor.streams(stream_key) if stream.is_paused]
            for stream in resumed:
                stream.is_paused = False
            return len(resumed)

    def dismiss(self, name: str) -> int:
        """Swipe the card of a stream key or an activity id away; return how many there were."""
        with self._lock:
            alive = self._vendor.phone.alive()
            dismissed = [card for card in alive if name in (card.stream_key, card.activity_id)]
            for card in dismissed:
                card.end(self._clock(), "dismissed")
            return len(dismissed)

    def start_elsewhere(self, activity_id: str, card_type: str = ELSEWHERE_TYPE) -> None:
        """Show a card that another program has started by hand, under the id that it was given.

        Args:
            activity_id: names the card to updates and ends of the first account that makes a call.
            card_type: what the vendor knows of its content, besides a title.

        Raises:
            ValueError: the id is empty or taken, or there is no such type.
        """
        with self._lock:
            cards = self._vendor.phone.cards
            if not activity_id or activity_id in cards:
                raise ValueError(f"activity id {activity_id!r} is empty, or a card has it already")
            if card_type not in TYPES:
                raise ValueError(f"type must be one of {', '.join(TYPES)}, not {card_type!r}")
            display = Display({"title": "Started elsewhere", "type": card_type}, {})
            cards[activity_id] = PhoneCard(activity_id, FIRST_ACCOUNT, None, display, self._clock())

    def reset(self) -> None:
        """Forget every account, card and call."""
        with self._lock:
            self._vendor.reset()
            self._records.clear()
            self._show_started_elsewhere()

    def control(self, method: str, path: str) -> Reply:
        """Answer a request outside the API.

        ``GET /phone.json`` and ``GET /calls.json`` show; ``POST /phone/pause/KEY``,
        ``/phone/resume/KEY``, ``/phone/dismiss/KEY-OR-ID``, ``/phone/start/ID`` (or
        ``/phone/start/ID/TYPE``, a card that another program started) and ``/reset`` act.
        """
        gestures = {"pause": self.pause, "resume": self.resume, "dismiss": self.dismiss}
        answer: JsonObject | list[JsonObject] = {"success": True}
        match method, unquote(urlsplit(path).path).strip("/").split("/"):
            case "GET", ["phone.json"]:
                answer = self.phone()
            case "GET", ["calls.json"]:
                answer = self.calls()
            case "POST", ["reset"]:
                self.reset()
            case "POST", ["phone", "start", *card] if 1 <= len(card) <= 2:
                try:
                    self.start_elsewhere(*card)
                except ValueError as error:
                    return refused(RefusedCallError(400, "Bad request", str(error)))
            case "POST", ["phone", gesture, name] if gesture in gestures:
                if not gestures[gesture](name):
                    return _not_found(f"Nothing to {gesture} is named {name}.")
            case "POST", ["phone", _, _]:
                return _not_found(f"The gestures are {', '.join(gestures)}.")
            case _:
                return _not_found(
                    "There are GET /phone.json, GET /calls.json, and the API under /api/"
                )
        return Reply(200, {}, answer)

    def _show_started_elsewhere(self) -> None:
        for activity_id, card_type in self._started_elsewhere.items():
            self.start_elsewhere(activity_id, card_type)


def _not_found(message: str) -> Reply:
    """Return a 404 without an ``error``, unlike the vendor's: this is not the vendor's API."""
    return Reply(404, {}, {"message": message})
