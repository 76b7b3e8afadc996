"""A whole card: its title with icon and badge, what its type shows, its buttons, its state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .bodies import draw_body
from .card import ENGLISH, CardState, Labels, SketchedCard
from .markup import Markup, element, said
from .reading import color, mapping, text
from .symbols import draw_icon

ONE_BUTTON_TYPES = frozenset({"metrics", "stats", "timer"})
"""Types that show no second button (SDK 1.14.0)."""
MOST_NAMES = 80
"""Characters of the names of a webhook's fields."""


def draw(card: SketchedCard, labels: Labels = ENGLISH) -> str:
    """Return a card as HTML, an ``article``; every text of *card* is escaped.

    It takes any content, and draws nothing for a field of the wrong type. The article needs the
    stylesheet; in it stand no script, no style, no link and no address to load.

    Args:
        card: what to draw.
        labels: the texts around it.
    """
    content = mapping(card.content)
    glass = element(
        "div",
        _header(content, labels),
        draw_body(card, labels) if content else Markup(),
        _buttons(card, labels),
        class_="lockscreen-glass",
    )
    state = element("p", _state_text(card, labels), class_="lockscreen-state")
    names = ["lockscreen-card", f"lockscreen-is-{card.state}", color(content.get("color"))]
    label = labels.sketch % {"title": text(content.get("title"))}
    return element("article", glass, state, class_=" ".join(filter(None, names)), aria_label=label)


def _header(content: Mapping[str, object], labels: Labels) -> Markup:
    title, subtitle = text(content.get("title")), text(content.get("subtitle"))
    texts = [
        element("p", said(title), class_="lockscreen-title")
        if title
        else element("p", labels.unknown, class_="lockscreen-unknown")
    ]
    if subtitle:
        texts.append(element("p", said(subtitle), class_="lockscreen-subtitle"))
    return element(
        "div",
        draw_icon(content.get("icon"), labels),
        element("div", *texts, class_="lockscreen-titles"),
        _badge(content.get("badge")),
        class_="lockscreen-header",
    )


def _badge(value: object) -> Markup:
    badge = mapping(value)
    title = text(badge.get("title"))
    if not title:
        return Markup()
    names = filter(None, ("lockscreen-badge", color(badge.get("color"))))
    return element("span", said(title), class_=" ".join(names))


def _buttons(card: SketchedCard, labels: Labels) -> Markup:
    given = [card.action]
    if text(mapping(card.content).get("type")) not in ONE_BUTTON_TYPES:
        given.append(card.secondary_action)
    drawn = [_button(action, labels) for action in map(mapping, given) if text(action.get("title"))]
    return element("ul", *drawn, class_="lockscreen-buttons") if drawn else Markup()


def _button(action: Mapping[str, object], labels: Labels) -> Markup:
    """Return a button that does nothing here: its target is a text, whatever its scheme is."""
    return element(
        "li",
        element("span", said(text(action.get("title"))), class_="lockscreen-button"),
        element("small", _target(action, labels)),
    )


def _target(action: Mapping[str, object], labels: Labels) -> str:
    url = text(action.get("url"))
    if text(action.get("type")) != "webhook":
        return labels.opens % {"url": url}
    words = {"url": url, "method": text(action.get("method")) or "POST"}
    names = ", ".join(_names(mapping(action.get("body"))))
    if not names:
        return labels.calls % words
    return labels.calls_with % {**words, "names": names}


def _names(body: Mapping[str, object]) -> Iterator[str]:
    """Yield the names of a webhook's fields, not their values, which may be secrets."""
    left = MOST_NAMES
    for name in map(str, body):
        left -= len(name)
        if left < 0:
            yield "…"
            return
        yield name


def _state_text(card: SketchedCard, labels: Labels) -> str:
    state = str(labels.states[card.state])
    if card.state != CardState.ENDED or card.removed_in is None:
        return state
    if card.removed_in <= 0:
        return f"{state} · {labels.removed}"
    left = labels.removed_in % {"time": labels.duration(card.removed_in)}
    return f"{state} · {left}"
