"""Faults of a deploy: for a while the old version and the new one are at work at once."""

from __future__ import annotations

import time
from pathlib import Path

from .generator import end, show, transaction, work
from .harness import System
from .matrix import row
from .next_version import newer_tree
from .processes import ask

WHERE = "import django_liveactivity; print(django_liveactivity.__file__)"


@row(37)
def test_row_37_old_and_new_version_at_once(system: System, tmp_path: Path):
    new, old = {"tree": str(newer_tree(tmp_path / "newer", system.run))}, {}
    assert ask(system.run | new, WHERE).startswith(new["tree"])
    hosts = [system.host(), system.host(**old)]
    versions = [new, old, new, old]
    workers = [system.worker(**version) for version in versions]
    steps = work(37, 8, lives=2, updates=2, undo=0.1)
    quarter = len(steps) // 4
    for victim, version in enumerate(versions):
        for number, step in enumerate(steps[victim * quarter : (victim + 1) * quarter]):
            hosts[number % 2].must(step)
            time.sleep(0.05)
        workers[victim].kill()
        workers[victim] = system.worker(**version)
    hosts[0].must(*steps[4 * quarter :], show("card"))
    hosts[1].dies(transaction({"do": "die_after_commit"}, end("card"), show("orphan")))
    hosts[0].must(end("orphan"))
    system.judge()
    assert system.vendor.alive() == {}
    for version in (new, old):
        logs = [p.output for p in system.processes if p.run.get("tree") == version.get("tree")]
        assert "sending DELETE" in "".join(logs), "a version did not deliver"
