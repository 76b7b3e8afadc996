"""The body of a card, below its title, by the type of its content."""

from collections.abc import Callable, Mapping

from . import values
from .markup import Markup, element, isolated, joined
from .values import CardState, Labels, SketchedCard

MOST_METRICS = 8
"""The contract's limit; a phone has no room for more."""
MOST_SEGMENTS = 40
"""Steps that are drawn one by one; more than these make a bar."""
SHORT_VALUE, LONGEST_IN_GAUGE = 4, 7
"""Characters that fit into a gauge in large and in small type."""
UNKNOWN_TIME = "--:--"
ARC = 75
"""Hundredths of a circle that a gauge is."""


def draw_body(card: SketchedCard, labels: Labels) -> Markup:
    """Return the part of a card that its type is about.

    Content without a type, or of an unknown type, shows everything it has.
    """
    content = card.content
    draw_type = _BY_TYPE.get(values.text(content.get("type")))
    if draw_type is not None:
        return draw_type(card, labels)
    parts = dict.fromkeys(draw for name, draw in _BY_FIELD if content.get(name) is not None)
    if _progress in parts:
        parts.pop(_readout, None)
    return joined(*(draw(card, labels) for draw in parts))


def percentage(content: Mapping[str, object]) -> float | None:
    """Return how far a progress is, 0 to 100: ``percentage``, else ``value`` of ``upper_limit``."""
    given = values.number(content.get("percentage"))
    if given is None:
        value, limit = (
            values.number(content.get("value")),
            values.number(content.get("upper_limit")),
        )
        if value is None or not limit or limit < 0:
            return None
        given = value / limit * 100
    return min(max(given, 0.0), 100.0)


def _progress(card: SketchedCard, labels: Labels) -> Markup:
    content = card.content
    share = percentage(content)
    if values.number(content.get("percentage")) is None:
        value, limit = values.text(content.get("value")), values.text(content.get("upper_limit"))
        readout = f"{value} / {limit}" if value and limit else value
    else:
        readout = _percent(share or 0)
    return element(
        "div",
        _bar(share, labels.progress),
        element("span", isolated(readout, "ltr"), class_="lockscreen-readout"),
        class_="lockscreen-row",
    )


def _bar(share: float | None, label: str) -> Markup:
    """Return a bar; without a share it is empty, as an unknown one would move."""
    shown = 0.0 if share is None else share
    known = {"value": values.number_text(round(shown, 2)), "max": 100}
    return element("progress", _percent(shown), **known, aria_label=label)


def _percent(share: float) -> str:
    return f"{values.number_text(round(share, 1))}%"


def _steps(card: SketchedCard, labels: Labels) -> Markup:
    content = card.content
    current = max(0, int(values.number(content.get("current_step")) or 0))
    steps = max(0, int(values.number(content.get("number_of_steps")) or 0))
    words = {"step": values.number_text(current), "steps": values.number_text(steps)}
    readout = (labels.step if steps else labels.step_of_unknown) % words
    if max(current, steps) > MOST_SEGMENTS:
        strip = _bar(min(current / (steps or current), 1.0) * 100, labels.progress)
    else:
        strip = element("span", *_segments(content, current, steps), class_="lockscreen-steps")
    return element(
        "div", strip, element("span", readout, class_="lockscreen-readout"), class_="lockscreen-row"
    )


def _segments(content: Mapping[str, object], current: int, steps: int) -> list[Markup]:
    """Return the steps; completed ones beyond the number of steps are drawn too."""
    colors = values.items(content.get("step_colors"))
    own = values.color(content.get("step_color"))
    drawn = []
    for step in range(1, max(current, steps) + 1):
        chosen = values.color(colors[step - 1]) if step <= len(colors) else None
        if step == current and own:
            chosen = own
        names = ["lockscreen-step"]
        if step <= current:
            names += ["lockscreen-done", *([chosen] if chosen else [])]
        drawn.append(element("span", class_=" ".join(names)))
    return drawn


def _metrics(card: SketchedCard, _: Labels) -> Markup:
    return _readings(card, "lockscreen-metrics", _gauge)


def _stats(card: SketchedCard, _: Labels) -> Markup:
    return _readings(card, "lockscreen-stats", _stat)


def _readings(
    card: SketchedCard, name: str, draw: Callable[[Mapping[str, object]], Markup]
) -> Markup:
    given = values.items(card.content.get("metrics"))[:MOST_METRICS]
    drawn = []
    for metric in map(values.mapping, given):
        label = element("dt", isolated(values.text(metric.get("label"))))
        drawn.append(element("div", label, draw(metric), class_=values.color(metric.get("color"))))
    return element("dl", *drawn, class_=name) if drawn else Markup()


def _gauge(metric: Mapping[str, object]) -> Markup:
    """Return the gauge of a number, or a string as it is."""
    value, unit = values.text(metric.get("value")), values.text(metric.get("unit"))
    amount = values.exact_number(metric.get("value"))
    if amount is None:
        return element("dd", _value(value), _unit(unit), class_="lockscreen-text")
    names = ["lockscreen-gauge"]
    if len(value) > LONGEST_IN_GAUGE:
        names.append("lockscreen-beside")
    elif len(value) > SHORT_VALUE:
        names.append("lockscreen-small")
    return element("dd", _arc(amount, unit), _value(value), _unit(unit), class_=" ".join(names))


def _arc(amount: float, unit: str) -> Markup:
    """Return an arc that is as full as the amount is of its scale, which the vendor leaves open."""
    full = min(max(amount / _scale(amount, unit), 0.0), 1.0)
    place = {"cx": 20, "cy": 20, "r": 17, "pathLength": 100, "transform": "rotate(135 20 20)"}
    arcs = [element("circle", class_="lockscreen-track", stroke_dasharray=f"{ARC} 100", **place)]
    if full:
        length = values.number_text(round(full * ARC, 2))
        arcs.append(
            element("circle", class_="lockscreen-arc", stroke_dasharray=f"{length} 100", **place)
        )
    return element("svg", *arcs, viewBox="0 0 40 40", aria_hidden="true")


def _scale(amount: float, unit: str) -> float:
    """Return what a full gauge stands for: 100, or for more than that the next power of ten."""
    scale = 100.0
    while scale < amount and unit.strip() != "%":
        scale *= 10
    return scale


def _stat(metric: Mapping[str, object]) -> Markup:
    value, unit = values.text(metric.get("value")), values.text(metric.get("unit"))
    return element("dd", _value(value), _unit(unit))


def _value(value: str) -> Markup:
    return element("span", isolated(value), class_="lockscreen-value")


def _unit(unit: str) -> Markup:
    return element("span", " ", isolated(unit), class_="lockscreen-unit") if unit else Markup()


def _alert(card: SketchedCard, _: Labels) -> Markup:
    message = values.text(card.content.get("message"))
    return element("p", isolated(message), class_="lockscreen-message") if message else Markup()


def _readout(card: SketchedCard, _: Labels) -> Markup:
    value = values.text(card.content.get("value"))
    return element("p", isolated(value), class_="lockscreen-number") if value else Markup()


def _timer(card: SketchedCard, labels: Labels) -> Markup:
    content = card.content
    length = values.number(content.get("duration_seconds"))
    down = content.get("counts_down") is not False
    runs = content.get("is_running") is not False and card.state != CardState.ENDED
    shown, share = _time(card.timer_seconds, length, down=down)
    notes = [labels.left if down else labels.elapsed]
    if card.timer_seconds is None:
        notes = [labels.unknown_time]
    if not runs:
        notes.append(labels.stopped)
    clock = element(
        "p",
        element("span", isolated(shown, "ltr"), class_="lockscreen-clock", role="timer"),
        element("span", " · ".join(map(str, notes)), class_="lockscreen-note"),
        class_=f"lockscreen-timer {'lockscreen-runs' if runs else 'lockscreen-stopped'}",
    )
    return clock if share is None else joined(clock, _bar(share, labels.progress))


def _time(seconds: float | None, length: float | None, *, down: bool) -> tuple[str, float | None]:
    """Return the clock's text, and how full its bar is, 0 to 100; None if it has no bar."""
    bound = length if length is not None and length > 0 else None
    if seconds is None:
        return (UNKNOWN_TIME if bound is None or not down else values.clock_text(bound)), None
    if bound is None:
        return (UNKNOWN_TIME if down else values.clock_text(seconds)), None
    gone = min(max(seconds, 0.0), bound)
    shown = bound - gone if down else gone
    return values.clock_text(shown), shown / bound * 100


_BY_TYPE: Mapping[str, Callable[[SketchedCard, Labels], Markup]] = {
    "progress": _progress,
    "segmented_progress": _steps,
    "metrics": _metrics,
    "stats": _stats,
    "alert": _alert,
    "timer": _timer,
    "value": _readout,
}
# For content without a type: the fields that imply one. A value with an upper limit is a progress;
# alone it is a readout.
_BY_FIELD = (
    ("percentage", _progress),
    ("upper_limit", _progress),
    ("current_step", _steps),
    ("metrics", _stats),
    ("message", _alert),
    ("duration_seconds", _timer),
    ("counts_down", _timer),
    ("is_running", _timer),
    ("value", _readout),
)
