"""A client that a generator makes from the committed description ends a card."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from .server import ROOT, TOKEN, running_server

LOOKS = 50


@pytest.fixture
def generated(tmp_path, monkeypatch):
    """The package that openapi-python-client makes, without a warning."""
    config = tmp_path / "config.yml"
    config.write_text("post_hooks: []\n")
    folder = tmp_path / "end_client"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning"),
            *("--path", str(ROOT / "docs/reference/openapi.json"), "--meta", "none"),
            *("--config", str(config), "--output-path", str(folder)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    monkeypatch.syspath_prepend(tmp_path)
    return folder.name


def test_it_ends_a_card_follows_the_end_and_reads_a_problem(generated, tmp_path):
    models = import_module(f"{generated}.models")
    routes = f"{generated}.api.liveactivity"
    end = import_module(f"{routes}.liveactivity_end")
    follow = import_module(f"{routes}.liveactivity_operation")
    content = models.LiveActivityProgress(title="Deploy", percentage=100)
    body = models.LiveActivityEnd(stream_key="deploy-42", content=content, dismiss_after=0)

    with running_server("sqlite", tmp_path) as address:
        client = import_module(generated).AuthenticatedClient(address, TOKEN, prefix="Token")
        answer = end.sync_detailed(client=client, body=body)
        (operation,) = answer.parsed.operations
        assert answer.status_code == 202
        assert answer.headers["Location"] == operation.url
        assert operation.url == f"{address}/api/liveactivity/operations/{operation.id}/"
        for _ in range(LOOKS):
            operation = follow.sync(operation.id, client=client)
            if operation.settled:
                break
        refused = end.sync_detailed(client=client, body=models.LiveActivityEnd(stream_key="a/b"))
        unknown = follow.sync_detailed(99, client=client)

    assert (operation.settled, operation.state, operation.outcome) == (True, "done", "delivered")
    assert refused.status_code == 400
    assert isinstance(refused.parsed, models.LiveActivityInputProblem)
    assert [error.path for error in refused.parsed.errors] == ["stream_key"]
    assert unknown.status_code == 404
    assert isinstance(unknown.parsed, models.LiveActivityProblem)
