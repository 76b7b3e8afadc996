"""Faults of a deploy: for a while the old version and the new one are at work at once."""

from __future__ import annotations

import time
from pathlib import Path

from .cells import row
from .generator import end, show, transaction, work
from .harness import World
from .older import older_tree
from .processes import ask

WHERE = "import django_liveactivity; print(django_liveactivity.__file__)"


@row(37)
def test_row_37_old_and_new_version_at_once(world: World, tmp_path: Path):
    new, old = {}, {"tree": str(older_tree(tmp_path / "older"))}
    assert ask(world.run | old, WHERE).startswith(old["tree"])
    assert not ask(world.run | new, WHERE).startswith(old["tree"])
    hosts = [world.host(**new), world.host(**old)]
    versions = [new, old, new, old]
    workers = [world.worker(**version) for version in versions]
    for number, step in enumerate(work(37, 8, lives=2, updates=2, undo=0.1)):
        hosts[number % 2].must(step)
        if number % 6 == 5:
            time.sleep(0.3)
            victim = number // 6 % len(workers)
            workers[victim].kill()
            workers[victim] = world.worker(**versions[victim])
    for number, (host, version) in enumerate(zip(hosts, (new, old), strict=True)):
        host.dies(transaction({"do": "die_after_commit"}, show(f"orphan-{number}")))
        world.host(**old if version is new else new).must(end(f"orphan-{number}"))
    world.judge()
    assert world.vendor.alive() == {}
    for version in (new, old):
        logs = [p.output for p in world.processes if p.run.get("tree") == version.get("tree")]
        assert "sending DELETE" in "".join(logs), "a version did not deliver"
