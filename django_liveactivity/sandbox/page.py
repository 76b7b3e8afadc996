"""The page at `/`: the lock screen and what its user can do, faults, and the log of calls.

It works without JavaScript: forms that POST and redirect, and a link that refreshes. The script
fetches the same page every second and puts what has changed in its place.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from string import Template
from urllib.parse import quote

from django_liveactivity.lockscreen import CardState, SketchedCard, draw, stylesheet

from .calls import API_PREFIX, CallRecord, Reply
from .faults import Fault
from .phone import PhoneCard, timestamp

PHONE = "phone"
"""The id of the part of the page that shows the lock screen."""
SHOWN_AT_ONCE = 4
"""Cards that fit on a lock screen, as many as an account may have at once."""
SHOWN_GONE = 5
SHOWN_CALLS = 50
LONGEST_JSON = 4000
STATIC = {
    "lockscreen.css": "text/css",
    "page.css": "text/css",
    "page.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
"""What the page loads, and its content type."""

_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_HTML = "text/html; charset=utf-8"
_FATES = {
    "ended": "ended by a call",
    "evicted": "evicted: one card too many was started",
    "expired": "expired: iOS ends a card after 8 hours",
    "paused": "paused by the user",
    "dismissed": "swiped away by the user",
    "rotated": "replaced by the next card of its stream",
}
_FAULTS = {
    "429": "429 rate limit",
    "500": "500 server error",
    "hang": "no answer",
    "reset": "connection reset",
    "402": "402 billing",
    "paused": "paused by the user",
    "401": "401 wrong key",
    "404": "404 not found",
}
_ALL_CALLS = {"402": ("PUT", "POST/start"), "paused": ("PUT",)}
"""Faults that the vendor has for some calls only; the others are for any call."""
_TARGETS = {
    "": "any call",
    "PUT": "PUT: show",
    "DELETE": "DELETE: end",
    "POST/start": "POST start",
    "POST/update": "POST update",
    "POST/end": "POST end",
}


@dataclass(frozen=True)
class PageState:
    """What the page shows.

    Args:
        now: seconds since the epoch.
        cards: every card, the oldest first.
        paused: the activity ids of the cards whose stream is paused.
        calls: every call received, in order.
        faults: the rules that may still apply, and how often.
        rules: the text of the rules, to be edited.
        problem: why the last form could not be done, empty if it could.
    """

    now: float
    cards: Sequence[PhoneCard]
    paused: Collection[str]
    calls: Sequence[CallRecord]
    faults: Sequence[tuple[Fault, int | None]]
    rules: str = ""
    problem: str = ""


def page_reply(state: PageState, status: int = 200) -> Reply:
    """Return the page."""
    visible = [card for card in reversed(state.cards) if card.is_visible(state.now)]
    visible.sort(key=lambda card: (card.is_alive, card.ended_at or card.started_at), reverse=True)
    html = Template(_file("page.html")).substitute(
        problem=f'<p role="alert">{escape(state.problem)}</p>' if state.problem else "",
        summary=_summary(visible),
        cards="".join(_card(card, state) for card in visible[:SHOWN_AT_ONCE]),
        gone=_gone(state),
        in_force=_in_force(state.faults),
        targets="".join(_option(value, text) for value, text in _TARGETS.items()),
        buttons="".join(_fault_button(kind, text) for kind, text in _FAULTS.items()),
        rules=escape(state.rules),
        calls="".join(map(_call, reversed(state.calls[-SHOWN_CALLS:]))),
        more=_more_calls(len(state.calls)),
    )
    return _reply(status, _HTML, html.encode(errors="replace"))


def json_reply(value: object, status: int = 200, **headers: str) -> Reply:
    """Return JSON for people and programs."""
    body = json.dumps(value, indent=2).encode() + b"\n"
    return _reply(status, "application/json; charset=utf-8", body, **headers)


def redirect_reply(part: str) -> Reply:
    """Return a redirect to a part of the page, after a form has been sent."""
    return _reply(303, _HTML, b"", Location=f"/#{part}")


def static_reply(name: str) -> Reply:
    """Return a file of ``STATIC``."""
    text = stylesheet() if name == "lockscreen.css" else _file(name)
    return _reply(200, f"{STATIC[name]}; charset=utf-8", text.encode())


def rules_of_button(form: Mapping[str, str]) -> str:
    """Return the rules of faults that a form of the page asks for.

    Args:
        form: ``rules`` as text; or of a button ``kind``, ``calls`` (which ones), ``count`` (the
            next so many) and ``always``.

    Raises:
        ValueError: it asks for none of them.
    """
    kind = form.get("kind")
    if kind is None and "rules" in form:
        return form["rules"]
    if kind is None:
        raise ValueError("send a form: rules=PUT:500@1, or rules= to clear the faults")
    when = "1+" if form.get("always") else f"1-{form.get('count') or '1'}"
    targets = (form["calls"],) if form.get("calls") else _ALL_CALLS.get(kind, ("*",))
    return ",".join(f"{target}:{kind}@{when}" for target in targets)


def _reply(status: int, content_type: str, body: bytes, **headers: str) -> Reply:
    return Reply(status, {**_HEADERS, "Content-Type": content_type, **headers}, body)


@cache
def _file(name: str) -> str:
    return files(__package__).joinpath("static", name).read_text("utf-8")


def _summary(visible: Sequence[PhoneCard]) -> str:
    alive = sum(card.is_alive for card in visible)
    if not visible:
        return "No live activity."
    text = f"{_count(alive, 'card')} alive, {len(visible) - alive} ended."
    hidden = len(visible) - SHOWN_AT_ONCE
    return text if hidden <= 0 else f"{text} The lock screen has no room for {hidden} of them."


def _card(card: PhoneCard, state: PageState) -> str:
    removed_in = None if card.is_alive else card.dismiss_at - state.now
    sketch = SketchedCard(
        card.display.content,
        card.display.envelope.get("action"),
        card.display.envelope.get("secondary_action"),
        CardState.LIVE if card.is_alive else CardState.ENDED,
        card.timer.read(state.now),
        removed_in,
    )
    since = f"since {_time(card.started_at)}"
    if card.updates:
        since += f", {_count(card.updates, 'update')}"
    fate = since if card.is_alive else _FATES[card.end_reason]
    buttons = _gesture("dismiss", card.activity_id, card)
    if card.is_alive and card.stream_key is not None:
        buttons += _gesture("pause", card.stream_key, card)
    return (
        f'<li id="card-{quote(card.activity_id, safe="")}">'
        f'<div data-part="sketch">{draw(sketch)}</div>'
        f'<p data-part="fate"><code>{escape(card.name)}</code> <span>{fate}</span></p>'
        f'<div class="buttons" data-part="buttons">{buttons}</div></li>'
    )


def _gone(state: PageState) -> str:
    """Return the paused streams, and the cards that left the lock screen last."""
    gone = [card for card in reversed(state.cards) if not card.is_visible(state.now)]
    gone.sort(key=lambda card: max(card.ended_at or 0.0, card.dismiss_at), reverse=True)
    waiting = [card for card in state.cards if card.activity_id in state.paused]
    others = [card for card in gone if card not in waiting]
    return "".join(_gone_card(card, state) for card in [*waiting, *others[:SHOWN_GONE]])


def _gone_card(card: PhoneCard, state: PageState) -> str:
    title = escape(str(card.display.content.get("title", "")))
    is_paused = card.activity_id in state.paused
    fate = _FATES["paused" if is_paused else card.end_reason]
    button = _gesture("resume", card.stream_key or "", card) if is_paused else ""
    return (
        f'<li id="gone-{quote(card.activity_id, safe="")}"><p data-part="fate"><b>{title}</b> '
        f"<code>{escape(card.name)}</code> <span>{fate}</span></p>"
        f'<div data-part="buttons">{button}</div></li>'
    )


def _gesture(gesture: str, name: str, card: PhoneCard) -> str:
    activity_id = quote(card.activity_id, safe="")
    return (
        f'<form method="post" action="/phone/{gesture}/{quote(name, safe="")}">'
        f'<button id="{gesture}-{activity_id}">{gesture.capitalize()}'
        f'<span class="unseen"> {escape(card.name)}</span></button></form>'
    )


def _in_force(faults: Sequence[tuple[Fault, int | None]]) -> str:
    if not faults:
        return "<p>None: each call is answered as the vendor would answer it.</p>"
    rules = (f"<li><code>{escape(str(fault))}</code> {_left(fault, n)}</li>" for fault, n in faults)
    clear = '<button id="clear" name="rules" value="">Clear faults</button>'
    return f'<ul>{"".join(rules)}</ul><form method="post" action="/faults">{clear}</form>'


def _left(fault: Fault, calls: int | None) -> str:
    if fault.percent:
        return f"for {fault.percent:g} % of such calls"
    return "until cleared" if calls is None else f"{_count(calls, 'call')} to come"


def _option(value: str, text: str) -> str:
    return f'<option value="{value}">{text}</option>'


def _fault_button(kind: str, text: str) -> str:
    return f'<button name="kind" value="{kind}">{text}</button>'


def _call(record: CallRecord) -> str:
    """Return a call as one line that opens."""
    path = record.path.removeprefix(f"{API_PREFIX}/live-activity/")
    answer = record.answer if isinstance(record.answer, dict) else {}
    word = answer.get("operation") or answer.get("error") or ""
    status = "no answer" if record.status is None else str(record.status)
    fault = "" if record.fault is None else f'<span class="fault">fault: {record.fault}</span>'
    return (
        f'<li id="call-{record.number}"><details><summary data-part="line">'
        f"<time>{record.at[11:19]}</time> <b>{escape(record.method)}</b> "
        f'<span class="path">{escape(path)}</span> '
        f'<span class="status status-{status[0]}">{status}</span> {escape(str(word))} {fault}'
        f'</summary><div data-part="more">{_details(record)}</div></details></li>'
    )


def _details(record: CallRecord) -> str:
    account = "none: the key was refused" if record.account is None else str(record.account)
    applied = "the vendor processed it" if record.applied else "the vendor did not process it"
    facts = {
        "Call": f"{record.number}, at {record.at}",
        "Path": f"{record.method} {record.path}",
        "Account": account,
        "Status": "no answer" if record.status is None else f"{record.status}; {applied}",
    }
    rows = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in facts.items())
    return f"<dl>{rows}</dl><h3>Body</h3>{_json(record.body)}<h3>Answer</h3>{_json(record.answer)}"


def _json(value: object) -> str:
    if value is None:
        return "<p>None.</p>"
    text = json.dumps(value, indent=2, ensure_ascii=False)
    shown = f'<pre tabindex="0">{escape(text[:LONGEST_JSON])}</pre>'
    if len(text) <= LONGEST_JSON:
        return shown
    return f'{shown}<p>The rest is in <a href="/calls.json">calls.json</a>.</p>'


def _more_calls(calls: int) -> str:
    if not calls:
        return f"None yet. The API is at this address, below {API_PREFIX}."
    return "" if calls <= SHOWN_CALLS else f"The newest {SHOWN_CALLS} of {calls}."


def _time(seconds: float) -> str:
    return timestamp(seconds)[11:19]


def _count(number: int, name: str) -> str:
    return f"{number} {name}" if number == 1 else f"{number} {name}s"
