from __future__ import annotations

from collections.abc import Iterator

import pytest

from django_liveactivity.client import Client

from .server import Server


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client("ask_test", base_url=server.url, deadline=5) as client:
        yield client
