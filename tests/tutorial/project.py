"""A reader in an empty folder, and the project at the end of the tutorial."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.ports import free_port

from .reader import Reader
from .terminals import Terminal

FILES = [
    "config/settings.py",
    "deployments/models.py",
    "deployments/liveactivities.py",
    "deployments/admin.py",
]


@contextmanager
def start_reader(tmp_path: Path, **options: Any) -> Iterator[Reader]:
    """Yield a reader in an empty folder; what the reader has open is closed afterward."""
    folder = tmp_path / "empty"
    folder.mkdir()
    ports = {"8765": free_port(), "8000": free_port()}
    with closing(Reader(Terminal(folder), ports, **options)) as reader:
        yield reader


def check(reader: Reader) -> None:
    """Check that everything was done, without a warning, and the calls that resulted."""
    written = [line.removeprefix("wrote ") for line in reader.done if line.startswith("wrote ")]
    assert [name for name in written if name in FILES][:4] == FILES
    seen = [line for line in reader.done if line.startswith(("says", "phone shows"))]
    assert len(seen) == 9
    assert len([line for line in reader.done if line.lower().startswith("press ")]) == 8

    reader.terminal.run("python manage.py check --fail-level WARNING")
    calls = httpx.get(str(reader.phone.page.url.join("calls.json"))).json()
    assert [call["method"] for call in calls] == ["PUT", "PUT", "DELETE", "PUT", "DELETE"]
    assert {call["status"] for call in calls} == {200}
