"""What a card shows after each call that the vendor accepted, by the API's contract. Pure.

An update shows what it sends, and keeps the type, the number of steps and the window of a timer
that it leaves out. An end shows what it sends over the latest known state, and stops a timer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from django_liveactivity.content.encoding import JSONObject
from django_liveactivity.content.endpoints import DISMISSAL_UNITS

KEPT = ("type", "number_of_steps", "duration_seconds", "counts_down", "is_running")
BUTTONS = ("action", "secondary_action")


@dataclass(frozen=True)
class TimerState:
    """How long a timer has run: *milliseconds* until the moment *since*, when it began to run.

    *since* is None while it is stopped.
    """

    milliseconds: int = 0
    since: int | None = None

    def elapsed_by(self, now: int) -> int:
        """Return for how many milliseconds it has run at a moment."""
        running = 0 if self.since is None else max(0, now - self.since)
        return self.milliseconds + running

    def stopped(self, at: int) -> TimerState:
        """Return the timer, stopped at a moment."""
        return TimerState(self.elapsed_by(at))

    def resumed(self, at: int) -> TimerState:
        """Return the timer, running from a moment on."""
        return self if self.since is not None else replace(self, since=at)


@dataclass(frozen=True)
class Display:
    """What a card shows: its content, its buttons, and of a timer how long it has run, if known."""

    content: JSONObject
    buttons: JSONObject
    timer: TimerState | None = None


def after_content(
    display: Display | None, body: JSONObject, at: int | None, *, starts: bool
) -> Display:
    """Return what the card shows after a call that shows content.

    Args:
        display: what it showed before, None if that is not known.
        body: what was sent.
        at: when, in milliseconds; None if that is not known.
        starts: whether the card is new if *display* is None; else a timer may be running.
    """
    content, buttons = _sent(display, body)
    return Display(content, buttons, _timer_after(display, body, content, at, starts=starts))


def after_end(display: Display | None, body: JSONObject) -> Display:
    """Return what the ended card shows; its timer stands as it does at that moment."""
    latest = Display({}, {}) if display is None else display
    sent, buttons = _sent(display, body)
    kept = dict(latest.content)
    if "value" in sent:
        kept.pop("percentage", None)  # it would take precedence over what was sent
    if "content_state" not in body:
        buttons = latest.buttons | buttons
    return Display({**kept, **sent}, buttons, latest.timer)


def dismissal_seconds(body: JSONObject, default: float) -> float:
    """Return for how many seconds the card stays after the end that this body makes."""
    content = _content(body)
    for name, (_, unit) in DISMISSAL_UNITS.items():
        value = content.get(name)
        if isinstance(value, int | float):
            return value * unit.total_seconds()
    return default


def _sent(display: Display | None, body: JSONObject) -> tuple[JSONObject, JSONObject]:
    content = {name: v for name, v in _content(body).items() if name not in DISMISSAL_UNITS}
    if display is not None:
        old = display.content
        if content.get("type", old.get("type")) == old.get("type"):
            content = {name: old[name] for name in KEPT if name in old} | content
    return content, {name: body[name] for name in BUTTONS if name in body}


def _content(body: JSONObject) -> JSONObject:
    content = body.get("content_state")
    return content if isinstance(content, dict) else {}


def _timer_after(
    display: Display | None,
    body: JSONObject,
    content: JSONObject,
    at: int | None,
    *,
    starts: bool,
) -> TimerState | None:
    if content.get("type") != "timer" or at is None:
        return None
    runs = content.get("is_running") is not False
    is_new = starts if display is None else display.content.get("type") != "timer"
    if is_new or "duration_seconds" in _content(body):
        return TimerState(0, at if runs else None)
    before = None if display is None else display.timer
    if before is None:
        return None
    return before.resumed(at) if runs else before.stopped(at)
