"""A reader in an empty folder, and the project at the end of the tutorial."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from .follower import Follower
from .terminals import Terminal

FILES = ["config/settings.py", "deployments/models.py", "deployments/liveactivities.py"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextmanager
def follower(tmp_path: Path, **options: Any) -> Iterator[Follower]:
    """Yield a reader in an empty folder; every terminal is closed afterward."""
    folder = tmp_path / "empty"
    folder.mkdir()
    terminal = Terminal(folder)
    try:
        yield Follower(terminal, {"8765": free_port(), "8000": free_port()}, **options)
    finally:
        terminal.close()


def look_at_the_admin(port: int) -> str:
    """Log in as the tutorial says, and return the list of the cards."""
    page = "/admin/django_liveactivity/liveactivity/"
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", follow_redirects=True) as visitor:
        login = visitor.get(page)
        values = {"username": "operator", "password": "tutorial"}
        values["csrfmiddlewaretoken"] = visitor.cookies["csrftoken"]
        return visitor.post(login.url, data=values).text


def check(follower: Follower) -> None:
    """Check that everything was done, and the calls and cards that resulted."""
    written = [line.removeprefix("wrote ") for line in follower.done if line.startswith("wrote ")]
    assert [name for name in written if name in FILES][:2] == FILES[:2]
    assert written[-1] == FILES[2]
    assert follower.done.count("typed") == 6
    assert "read 'done delivered'" in follower.done
    assert len([line for line in follower.done if line.startswith("saw ")]) == 8

    calls = httpx.get(f"http://127.0.0.1:{follower.ports['8765']}/calls.json").json()
    assert [call["method"] for call in calls] == ["PUT", "PUT", "DELETE", "PUT", "DELETE"]
    assert {call["status"] for call in calls} == {200}
    admin = look_at_the_admin(follower.ports["8000"])
    assert "deploy-42" in admin
    assert "deployment-1-" in admin
    assert "End selected live activities" in admin
