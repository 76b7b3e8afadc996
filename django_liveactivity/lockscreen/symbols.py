"""A neutral glyph in place of an SF Symbol, as Apple's drawings may not be copied.

The words of the symbol's name, as in ``shippingbox.fill``, choose the glyph; if no word is known,
the first letter of the name is drawn.
"""

import re

from .markup import Markup, element
from .values import Labels, color, mapping, text

_CIRCLE = "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z"
_FRAME = "M3 6h18v12H3z"

# By the words of names, the more telling first: "clock.badge.exclamationmark" is a warning.
_GLYPHS = {
    "exclamationmark exclamationmarks": "M12 4 2.8 20h18.4zM12 10v4.5M12 17.4v.1",
    "checkmark": f"{_CIRCLE}M8 12.3l2.8 2.8L16 9.5",
    "xmark": f"{_CIRCLE}M9 9l6 6M15 9l-6 6",
    "shippingbox box archivebox cube gift": (
        "M12 3l8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9"
    ),
    "cart basket bag": "M3 4h2.5l2.3 11h10l2.2-8H6.3M9 19.5v.1M17 19.5v.1",
    "server xserve macpro": "M4 4h16v6H4zM4 14h16v6H4zM7.5 7v.1M7.5 17v.1",
    "cpu memorychip": "M7 7h10v10H7zM10 3v4M14 3v4M10 17v4M14 17v4M3 10h4M3 14h4M17 10h4M17 14h4",
    "externaldrive internaldrive opticaldiscdrive cylinder tray": (
        "M4 6c0-1.7 3.6-3 8-3s8 1.3 8 3-3.6 3-8 3-8-1.3-8-3zM4 6v12c0 1.7 3.6 3 8 3"
        "s8-1.3 8-3V6M4 12c0 1.7 3.6 3 8 3s8-1.3 8-3"
    ),
    "bolt powerplug battery": "M13 2 4 14h7l-1 8 9-12h-7z",
    "chart waveform gauge speedometer percent": "M5 20v-7M12 20V5M19 20V10",
    "clock timer stopwatch hourglass alarm deskclock": f"{_CIRCLE}M12 7.5V12l3.2 2",
    "bell megaphone speaker": "M6 17v-6a6 6 0 0 1 12 0v6l2 2H4zM10.5 21.5h3",
    "creditcard banknote wallet dollarsign eurosign": f"{_FRAME}M3 10h18M6.5 14.5h3",
    "car truck bus bicycle fuelpump tram train": "M4 16v-4l2-6h12l2 6v4zM4 12h16M7 16v3M17 16v3",
    "airplane": (
        "M12 3c1 0 1.5 1 1.5 2.5V9l7 4.5v2l-7-2.2V18l2.2 1.7V21L12 20l-3.7 1v-1.3L10.5 18"
        "v-4.7l-7 2.2v-2l7-4.5V5.5C10.5 4 11 3 12 3z"
    ),
    "house building storefront door": "M4 11l8-7 8 7v9H4zM10 20v-6h4v6",
    "person figure hand face": "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4 21c0-4.4 3.6-7 8-7s8 2.6 8 7",
    "heart cross stethoscope pills": (
        "M12 20S4 15 4 9.3A4.3 4.3 0 0 1 12 7a4.3 4.3 0 0 1 8 2.3C20 15 12 20 12 20z"
    ),
    "star sparkle sparkles trophy flag": (
        "M12 3l2.7 5.8 6.3.8-4.6 4.4 1.2 6.3L12 17.2l-5.6 3.1 1.2-6.3L3 9.6l6.3-.8z"
    ),
    "flame oven frying": (
        "M12 3c1 4 5 6 5 11a5 5 0 0 1-10 0c0-2 1-3.5 2-4.5.5 1.5 1 2 2 2.5 0-3-.5-6 1-9z"
    ),
    "drop humidity thermometer snowflake": "M12 3c4 5 6 8 6 11a6 6 0 0 1-12 0c0-3 2-6 6-11z",
    "fork takeoutbag cup mug wineglass carrot": (
        "M7 3v18M4.5 3v5a2.5 2.5 0 0 0 5 0V3M17 21V3c-2 2-3 5-3 10h3"
    ),
    "cloud icloud sun moon": "M7 19a4.5 4.5 0 0 1-.5-9A6 6 0 0 1 18 9.5a4.8 4.8 0 0 1-.5 9.5z",
    "globe network wifi antenna link": (
        f"{_CIRCLE}M3 12h18M12 3c3.5 3 3.5 15 0 18-3.5-3-3.5-15 0-18z"
    ),
    "lock key shield": "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
    "doc text note list book folder newspaper clipboard": "M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6",
    "envelope paperplane message bubble": f"{_FRAME}M3 7l9 7 9-7",
    "iphone ipad phone display desktopcomputer laptopcomputer": "M7 3h10v18H7zM11 18h2",
    "camera photo video film": f"{_FRAME}M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
    "map mappin location": (
        "M12 21c5-6 7-9 7-12a7 7 0 0 0-14 0c0 3 2 6 7 12zM12 7a2 2 0 1 0 0 4 2 2 0 0 0 0-4z"
    ),
    "calendar": "M4 6h16v14H4zM4 10h16M8 3v4M16 3v4",
    "terminal chevron curlybraces": "M4 6l6 6-6 6M12 18h8",
    "gear gearshape wrench hammer screwdriver slider": (
        "M4 7h8M16 7h4M14 5v4M4 17h4M12 17h8M10 15v4"
    ),
    "magnifyingglass eye": "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 20 20",
    "play": "M8 5l11 7-11 7z",
    "pause": "M8.5 5v14M15.5 5v14",
    "stop": "M6 6h12v12H6z",
    "circlepath clockwise counterclockwise repeat": "M20 12a8 8 0 1 1-2.3-5.6M20 3v4h-4",
    "up": "M12 20V5M6 11l6-6 6 6",
    "down": "M12 4v15M6 13l6 6 6-6",
    "right arrow forward": "M4 12h15M13 6l6 6-6 6",
    "left backward": "M20 12H5M11 6l-6 6 6 6",
    "plus": f"{_CIRCLE}M12 8v8M8 12h8",
    "minus": f"{_CIRCLE}M8 12h8",
    "questionmark info": f"{_CIRCLE}M12 11v5M12 8v.1",
}
_BY_WORD = {
    word: (rank, path)
    for rank, (words, path) in enumerate(_GLYPHS.items())
    for word in words.split()
}


def draw_icon(value: object, labels: Labels) -> Markup:
    """Return the drawing of an icon as the vendor's API has it; nothing without a symbol."""
    icon = mapping(value)
    name = text(icon.get("symbol"))
    if not name:
        return Markup()
    attributes = {
        "viewBox": "0 0 24 24",
        "role": "img",
        "aria_label": labels.symbol % {"name": name},
    }
    drawn = element("svg", glyph(name), **attributes)
    return element(
        "span", drawn, class_=f"lockscreen-icon {color(icon.get('color')) or ''}".rstrip()
    )


def glyph(name: str) -> Markup:
    """Return the glyph of a symbol by the words of its name, or the first letter of its name."""
    words = re.findall(r"[a-z]+", name.lower())
    found = min((_BY_WORD[word] for word in words if word in _BY_WORD), default=None)
    if found is not None:
        return element("path", d=found[1])
    first = next((letter for letter in name if letter.isalnum()), "•")
    return element("text", first.upper(), x=12, y=17, text_anchor="middle")
