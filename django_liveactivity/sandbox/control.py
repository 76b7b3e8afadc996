"""Control of a running sandbox: from Python, by curl, and by the page at `/`."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from urllib.parse import unquote, urlsplit

from . import page
from .calls import CallRecord, Reply
from .contract import TYPES, JsonObject
from .faults import Fault, FaultPlan, parse_faults
from .http_server import WebRequest
from .limits import FIRST_ACCOUNT
from .phone import Display, PhoneCard
from .vendor import Vendor

ELSEWHERE_TYPE = "segmented_progress"
"""The type of a card that was started elsewhere, if none is named."""

Action = Callable[[WebRequest], Reply | str]
"""Answers a request; if it changes the sandbox, it returns the part of the page to show."""


class ControlError(Exception):
    """A request that the sandbox cannot do: the status of the reply, and why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Controls:
    """The controls of a sandbox beside the API, from Python and over HTTP.

    Args:
        vendor: whose phone and accounts these are.
        clock: returns seconds since the epoch.
        faults: which calls meet which fault.
        started_elsewhere: cards that are on the phone at the beginning and after each reset: the
            type of each by its activity id.
    """

    def __init__(
        self,
        vendor: Vendor,
        clock: Callable[[], float],
        faults: FaultPlan,
        started_elsewhere: Mapping[str, str],
    ) -> None:
        self._vendor, self._clock, self._plan = vendor, clock, faults
        self._started_elsewhere = dict(started_elsewhere)
        self._lock = threading.RLock()
        self._records: list[CallRecord] = []
        self._show_started_elsewhere()

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The rules in force; setting them, as text or parsed, counts calls from 1 again."""
        return self._plan.faults

    @faults.setter
    def faults(self, faults: str | tuple[Fault, ...]) -> None:
        parsed = parse_faults(faults) if isinstance(faults, str) else faults
        with self._lock:
            self._plan.replace(parsed)

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
            now = self._clock()
            visible = [card for card in self._vendor.phone.cards.values() if card.is_visible(now)]
            dismissed = [card for card in visible if name in (card.stream_key, card.activity_id)]
            for card in dismissed:
                card.dismiss(now)
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
            card = PhoneCard(activity_id, FIRST_ACCOUNT, None, display, self._clock())
            card.wind({}, card.started_at)
            cards[activity_id] = card

    def reset(self) -> None:
        """Forget every account, card and call; faults count from 1 again."""
        with self._lock:
            self._vendor.reset()
            self._records.clear()
            self._plan.replace(self._plan.faults)
            self._show_started_elsewhere()

    def control(self, request: WebRequest) -> Reply:
        """Answer a request outside the API.

        ``GET /`` shows the phone beside the calls, ``/phone.json`` and ``/calls.json`` the same
        for programs. ``POST /phone/pause/KEY``, ``/phone/resume/KEY``,
        ``/phone/dismiss/KEY-OR-ID``, ``/phone/start/ID`` (or ``/phone/start/ID/TYPE``, a card
        that another program started), ``/faults`` (a form with ``rules``) and ``/reset`` act.
        """
        try:
            method, action = self._route(request.path)
            if request.method != method:
                allowed = "GET, HEAD" if method == "GET" else method
                message = f"{urlsplit(request.path).path} takes {allowed}"
                return page.json_reply({"message": message}, 405, Allow=allowed)
            with self._lock:
                done = action(request)
        except ControlError as error:
            if request.wants_html and request.method == "POST":
                return self._page(str(error), error.status, request.form.get("rules"))
            # Without an ``error``, unlike the vendor's: this is not the vendor's API.
            return page.json_reply({"message": str(error)}, error.status)
        if isinstance(done, Reply):
            return done
        if request.wants_html:
            return page.redirect_reply(done)
        return page.json_reply({"success": True})

    def _route(self, path: str) -> tuple[str, Action]:
        found: tuple[str, Action]
        match [unquote(part) for part in urlsplit(path).path.split("/")[1:]]:
            case [""]:
                found = "GET", lambda _: self._page()
            case ["phone.json"]:
                found = "GET", lambda _: page.json_reply(self.phone())
            case ["calls.json"]:
                found = "GET", lambda _: page.json_reply(self.calls())
            case ["static", name] if name in page.STATIC:
                found = "GET", lambda _: page.static_reply(name)
            case ["reset"]:
                found = "POST", self._reset
            case ["faults"]:
                found = "POST", self._set_faults
            case ["phone", "start", *card] if 1 <= len(card) <= 2:
                found = "POST", lambda _: self._start(*card)
            case ["phone", ("pause" | "resume" | "dismiss") as gesture, name]:
                found = "POST", lambda _: self._gesture(gesture, name)
            case ["phone", _, _]:
                raise ControlError(404, "The gestures are pause, resume, dismiss and start.")
            case _:
                raise ControlError(404, "There are /, /phone.json, /calls.json and the API: /api/")
        return found

    def _page(self, problem: str = "", status: int = 200, rules: str | None = None) -> Reply:
        with self._lock:
            now = self._clock()
            self._vendor.phone.expire(now)
            state = page.PageState(
                now,
                tuple(self._vendor.phone.cards.values()),
                frozenset(stream.card.activity_id for stream in self._vendor.paused()),
                self._records,
                self._plan.in_force(),
                ",".join(map(str, self.faults)) if rules is None else rules,
                problem,
            )
            return page.page_reply(state, status)

    def _reset(self, _: WebRequest) -> str:
        self.reset()
        return page.PHONE

    def _set_faults(self, request: WebRequest) -> str:
        try:
            self.faults = page.rules_of_button(request.form)
        except ValueError as error:
            raise ControlError(400, str(error)) from None
        return "faults"

    def _start(self, *card: str) -> str:
        try:
            self.start_elsewhere(*card)
        except ValueError as error:
            raise ControlError(400, str(error)) from None
        return page.PHONE

    def _gesture(self, gesture: str, name: str) -> str:
        gestures = {"pause": self.pause, "resume": self.resume, "dismiss": self.dismiss}
        if not gestures[gesture](name):
            raise ControlError(404, f"Nothing to {gesture} is named {name}.")
        return page.PHONE

    def _show_started_elsewhere(self) -> None:
        for activity_id, card_type in self._started_elsewhere.items():
            self.start_elsewhere(activity_id, card_type)
