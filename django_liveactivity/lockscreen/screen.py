"""A lock screen and the cards on it: title, icon, badge, what the type shows, buttons and state."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources

from .bodies import draw_body
from .markup import Markup, element, isolated
from .symbols import draw_icon
from .values import ENGLISH, CardState, Labels, SketchedCard, color, mapping, text

MOST_CARDS = 4
"""Cards that are drawn: an account may show as many at once."""
STYLESHEET = "static/django_liveactivity/lockscreen.css"
"""Where the stylesheet lies in the package ``django_liveactivity``."""
ONE_BUTTON_TYPES = frozenset({"metrics", "stats", "timer"})
"""Types that show no second button (SDK 1.14.0)."""
MOST_NAMES = 80
"""Characters of the names of a webhook's fields."""


def draw(card: SketchedCard, labels: Labels = ENGLISH) -> str:
    """Return a card as HTML, an ``article``; every text of *card* is escaped.

    It takes any content, and skips fields of the wrong type. The article needs the
    stylesheet; it contains no script, no style, no link and no address to load.

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
        element("p", isolated(title), class_="lockscreen-title")
        if title
        else element("p", labels.unknown, class_="lockscreen-unknown")
    ]
    if subtitle:
        texts.append(element("p", isolated(subtitle), class_="lockscreen-subtitle"))
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
    return element("span", isolated(title), class_=" ".join(names))


def _buttons(card: SketchedCard, labels: Labels) -> Markup:
    given = [card.action]
    if text(mapping(card.content).get("type")) not in ONE_BUTTON_TYPES:
        given.append(card.secondary_action)
    drawn = [_button(action, labels) for action in map(mapping, given) if text(action.get("title"))]
    return element("ul", *drawn, class_="lockscreen-buttons") if drawn else Markup()


def _button(action: Mapping[str, object], labels: Labels) -> Markup:
    """Return a button that does nothing here: its target is shown as text, whatever its scheme."""
    return element(
        "li",
        element("span", isolated(text(action.get("title"))), class_="lockscreen-button"),
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


def draw_screen(
    cards: Sequence[SketchedCard],
    labels: Labels = ENGLISH,
    now_text: str = "",
    date_text: str = "",
) -> str:
    """Return a lock screen as HTML, a ``section``.

    Args:
        cards: what is on the phone, the newest first; four are drawn, the others are counted.
        labels: the texts around them.
        now_text: the large clock, as in "9:41"; none if empty.
        date_text: the line above it.
    """
    drawn = [Markup(draw(card, labels)) for card in cards[:MOST_CARDS]]
    more = len(cards) - len(drawn)
    lines = [
        _line(date_text, "lockscreen-date"),
        _line(now_text, "lockscreen-now"),
        element("div", *drawn, class_="lockscreen-cards"),
        _line("" if cards else labels.no_cards, "lockscreen-none"),
        _line(labels.more_cards % {"count": more} if more else "", "lockscreen-more"),
    ]
    return element("section", *lines, class_="lockscreen", aria_label=labels.screen)


def _line(text: str, name: str) -> Markup:
    return element("p", text, class_=name) if text else Markup()


@cache
def stylesheet() -> str:
    """Return the text of ``lockscreen.css``, for servers without Django's static files."""
    return resources.files("django_liveactivity").joinpath(STYLESHEET).read_text("utf-8")
