"""schemathesis, all its checks, against a server: the endpoint does what its description says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from .server import HERE, ROOT, running_server

# The coverage phase makes thousands of calls that are refused before they reach a database.
PHASES = {
    "sqlite": "examples,coverage,fuzzing,stateful",
    "postgres": "examples,fuzzing,stateful",
    "mariadb": "examples,fuzzing,stateful",
}
LEAST_ACCEPTED = 0.75


@pytest.mark.parametrize("database", PHASES)
def test_every_check_holds_and_most_calls_are_accepted(database, tmp_path):
    tally = tmp_path / "tally"
    with running_server(database, tmp_path) as address:
        done = run_schemathesis(f"{address}/api/schema/", PHASES[database], tally)

    assert done.returncode == 0, done.stdout
    accepted, described = accepted_of(tally)
    print(f"{database}: {accepted} of {described} described calls accepted")
    assert accepted / described >= LEAST_ACCEPTED, table(tally)


def run_schemathesis(address: str, phases: str, tally: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", str(HERE / "schemathesis.toml"), "run", address),
            *("--checks", "all", "--phases", phases),
        ],
        cwd=tally.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TALLY": str(tally)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def notes(tally: Path) -> Counter[tuple[str, str, int]]:
    return Counter(tuple(json.loads(line)) for line in tally.read_text().splitlines())


def accepted_of(tally: Path) -> tuple[int, int]:
    """Return how many calls that the description allows were accepted, and how many there were."""
    positive = [(status, n) for (mode, _, status), n in notes(tally).items() if mode == "positive"]
    return sum(n for status, n in positive if status < 300), sum(n for _, n in positive)


def table(tally: Path) -> str:
    return "\n".join(f"{n:6} {' '.join(map(str, key))}" for key, n in sorted(notes(tally).items()))
