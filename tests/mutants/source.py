"""Find a decision in the package's source by a piece of its text, however it is laid out."""

from __future__ import annotations

import ast
import itertools
import re
from dataclasses import dataclass
from pathlib import Path

from .table import Mutant

TOKEN = re.compile(r"\w+|[^\w\s]")
WORD = re.compile(r"\w")


class GoneError(Exception):
    """The text of a mutation is not found exactly once: look at what has become of it."""


@dataclass(frozen=True)
class Place:
    """A piece of a file."""

    path: Path
    start: int
    end: int

    def replaced(self, new: str) -> str:
        """The file's text with another piece in its place."""
        text = self.path.read_text()
        changed = text[: self.start] + new + text[self.end :]
        compile(changed, self.path.name, "exec")
        return changed


def find(package: Path, mutant: Mutant) -> Place:
    """Return the one place in a part of the package, within a function, that has the text.

    Raises:
        GoneError: there is none, or more than one.
    """
    part = package / mutant.part
    files = sorted(part.rglob("*.py")) if part.is_dir() else [part.with_suffix(".py")]
    pattern = _pattern(mutant.old)
    found = []
    for path in files:
        text = path.read_text()
        for start, end in _scopes(text, mutant.inside):
            found += [Place(path, *match.span()) for match in pattern.finditer(text, start, end)]
    if len(found) != 1:
        where = f"{mutant.part}, {mutant.inside or 'module'}"
        raise GoneError(f"Mutation no longer applies, found {len(found)} times: {where}: {mutant}")
    return found[0]


def _scopes(text: str, name: str) -> list[tuple[int, int]]:
    """Return where the functions or classes of a name are; the whole file without one."""
    if not name:
        return [(0, len(text))]
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    scopes = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name
    ]
    return [(starts[node.lineno - 1], starts[node.end_lineno or node.lineno]) for node in scopes]


def _pattern(old: str) -> re.Pattern[str]:
    """Return what finds the text with any white space, and with a comma that a formatter adds."""
    tokens = TOKEN.findall(old)
    pattern = re.escape(tokens[0])
    for before, token in itertools.pairwise(tokens):
        words = before[-1].isalnum() and token[0].isalnum()
        comma = r"(?:,\s*)?" if token in ")]}" else ""
        pattern += (r"\s+" if words else r"\s*") + comma + re.escape(token)
    start = r"(?<!\w)" if WORD.match(tokens[0]) else ""
    end = r"(?!\w)" if WORD.match(tokens[-1]) else ""
    return re.compile(start + pattern + end)
