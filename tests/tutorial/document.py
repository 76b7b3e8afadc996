"""A document of ours as a reader takes it: prose and blocks, one after the other."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

DOCS = Path(__file__).parents[2] / "docs"
FENCE = re.compile(r"^ *```(\w+)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
COMMENT = re.compile(r"<!-- .*? -->", re.DOTALL)


class Block(NamedTuple):
    """A block of code, and the paragraph before it, which says what to do with it."""

    language: str
    code: str
    said: str


def read(name: str) -> Iterator[str | Block]:
    """Yield the paragraphs and the blocks of a document under docs/."""
    said = ""
    parts = FENCE.split(COMMENT.sub("", (DOCS / name).read_text()))
    for start in range(0, len(parts), 3):
        prose, language, code = (*parts[start : start + 3], "", "")[:3]
        for paragraph in filter(None, map(str.strip, prose.split("\n\n"))):
            said = " ".join(paragraph.split())
            yield said
        if language:
            yield Block(language, textwrap.dedent(code), said)


def section(name: str, heading: str) -> list[str | Block]:
    """Return what stands between a heading of a document and the next one, of any level.

    Raises:
        LookupError: the document has no such heading.
    """
    parts: list[str | Block] = []
    at = ""
    for part in read(name):
        if isinstance(part, str) and part.startswith("#"):
            at = part.lstrip("# ")
        elif at == heading:
            parts.append(part)
    if not parts:
        raise LookupError(f"docs/{name} has no heading {heading!r} with text under it.")
    return parts


def block(name: str, heading: str, language: str, number: int = 1) -> Block:
    """Return a block of a section, by its number among those in its language, from 1.

    Raises:
        LookupError: the section has no such block.
    """
    blocks = [part for part in section(name, heading) if isinstance(part, Block)]
    found = [each for each in blocks if each.language == language]
    if len(found) < number:
        wanted = f"docs/{name}, under {heading!r}, has no {language} block number {number}"
        raise LookupError(f"{wanted}, but {len(found)} in this language.")
    return found[number - 1]


def spans(paragraph: str) -> list[str]:
    """Return what stands in backticks."""
    return re.findall(r"`([^`]+)`", paragraph)
