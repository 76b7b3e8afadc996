"""Every way in which an answer may write a key that it echoes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from urllib.parse import quote, quote_plus


def each(form: str) -> Callable[[str], str]:
    """Return what writes every character as *form* has it, from its code point."""
    return lambda key: "".join(form.format(ord(character)) for character in key)


def some(characters: str, form: str) -> Callable[[str], str]:
    """Return what writes these characters as *form* has it, and the others as they are."""
    return lambda key: re.sub(f"[{characters}]", lambda found: form.format(ord(found[0])), key)


NAMES = {"/": "&sol;", "+": "&plus;", "=": "&equals;", "_": "&lowbar;"}

# Of the escapes of RFC 8259, 7: \/ \" \\ and \uXXXX stand for what a key may hold.
IN_JSON: dict[str, Callable[[str], str]] = {
    "plain": str,
    "solidus": lambda key: key.replace("/", r"\/"),
    "plus upper": some("+", r"\u{:04X}"),
    "plus lower": some("+", r"\u{:04x}"),
    "all upper": each(r"\u{:04X}"),
    "all lower": each(r"\u{:04x}"),
    "underscores": some("_/=", r"\u{:04x}"),
    "json in json": lambda key: json.dumps(json.dumps(key.replace("/", r"\/")))[3:-3],
    "all of json in json": lambda key: json.dumps(each(r"\u{:04X}")(key))[1:-1],
    "json thrice": lambda key: json.dumps(json.dumps(each(r"\u{:04x}")(key)))[3:-3],
    "json in javascript": each(r"\u005Cu{:04X}"),
    "url": lambda key: quote(key, safe=""),
    "url lower": lambda key: quote_plus(key).lower() if key.islower() else quote_plus(key),
    "all of a url": each("%{:02X}"),
    "all of a url twice": each("%25{:02x}"),
    "html": some("/+=", "&#{};"),
    "html hex": each("&#x{:02X};"),
    "html zeros": each("&#0{};"),
    "html open": each("&#x{:02x}"),
    "html names": lambda key: re.sub("[/+=_]", lambda found: NAMES[found[0]], key),
}
IN_TEXT = IN_JSON | {
    "source": each(r"\x{:02x}"),
    "octal": each(r"\{:03o}"),
    "braces": each(r"\u{{{:x}}}"),
    "long": each(r"\U{:08x}"),
    "legacy url": each("%u{:04X}"),
}


def shows(text: str, key: str) -> bool:
    """Tell whether *text* shows the key or a good part of it, once all that is escaped is not."""
    text = re.sub(r"\\u005[cC]", r"\\", text)
    for character, name in NAMES.items():
        text = text.replace(name, character)
    text = re.sub(r"%(?:25)*(?:u00)?([0-9a-fA-F]{2})", lambda found: chr(int(found[1], 16)), text)
    text = re.sub(r"&#x0*([0-9a-fA-F]{2,4});?", lambda found: chr(int(found[1], 16)), text)
    text = re.sub(r"&#0*([0-9]{1,4});", lambda found: chr(int(found[1])), text)
    hexadecimal = r"\\+(?:u00|x|U000000|u\{)([0-9a-fA-F]{2})\}?"
    text = re.sub(hexadecimal, lambda found: chr(int(found[1], 16)), text)
    text = re.sub(r"\\+([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
    text = text.replace("\\", "").replace("\0", "").replace("\ufffd", "")
    return any(key[start : start + 6] in text for start in range(4, len(key) - 6))
