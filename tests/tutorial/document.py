"""A document of ours as a reader takes it: prose and blocks, one after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

DOCS = Path(__file__).parents[2] / "docs"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    """A block of code, and the paragraph before it, which says what to do with it."""

    language: str
    code: str
    said: str


def read(name: str) -> Iterator[str | Block]:
    """Yield the paragraphs and the blocks of a document under docs/."""
    said = ""
    parts = FENCE.split((DOCS / name).read_text())
    for start in range(0, len(parts), 3):
        prose, language, code = (*parts[start : start + 3], "", "")[:3]
        for paragraph in filter(None, map(str.strip, prose.split("\n\n"))):
            said = " ".join(paragraph.split())
            yield said
        if language:
            yield Block(language, code, said)


def spans(paragraph: str) -> list[str]:
    """Return what stands in backticks."""
    return re.findall(r"`([^`]+)`", paragraph)
