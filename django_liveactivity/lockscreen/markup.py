"""Escaped HTML by construction: only ``element`` makes markup, and it escapes all other values."""

import re
from html import escape

_VOID = frozenset({"circle", "path"})
_NO_TEXT = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
"""What no HTML document may hold, unpaired surrogates included, which no encoding has."""


class Markup(str):
    """HTML that is put into a document as it is."""

    __slots__ = ()


def element(tag: str, *children: object, **attributes: object) -> Markup:
    """Return an element of HTML or SVG.

    Args:
        tag: its name, written by us.
        *children: ``Markup`` as it is; all else as text, escaped.
        **attributes: ``class_`` is class and ``aria_label`` aria-label; those that are None are
            left out, and the values are escaped.
    """
    given = ((name.rstrip("_").replace("_", "-"), value) for name, value in attributes.items())
    written = "".join(f' {name}="{escaped(v)}"' for name, v in given if v is not None)
    if tag in _VOID:
        return Markup(f"<{tag}{written}/>")
    return Markup(f"<{tag}{written}>{joined(*children)}</{tag}>")


def isolated(text: object, direction: str = "auto") -> Markup:
    """Return a text in any language, whose direction does not change the text around it."""
    return element("bdi", text, dir=direction)


def joined(*children: object) -> Markup:
    """Return the children one after the other, escaped unless they are ``Markup``."""
    return Markup("".join(map(escaped, children)))


def escaped(value: object) -> Markup:
    """Return *value* as markup: escaped, unless it is markup, and without control characters."""
    if isinstance(value, Markup):
        return value
    return Markup(escape(_NO_TEXT.sub("\ufffd", str(value))))
