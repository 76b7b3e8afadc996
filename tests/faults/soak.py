"""Work for minutes under random faults: ``python -m tests.faults.soak --minutes 10 --seed 7``."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .brokers import Rabbitmq, Redis
from .databases import REMOVE, Database, create_mariadb, create_postgres, create_sqlite
from .harness import System
from .nemesis import Nemesis
from .own_servers import Server, own_server
from .proxy import Proxy
from .servers import Mariadb, Postgres
from .vendor import FakeVendor

SERVERS = {"postgres": (Postgres, create_postgres), "mariadb": (Mariadb, create_mariadb)}
BROKERS = {"redis": Redis, "rabbitmq": Rabbitmq}
BEGUN = os.times().elapsed


@contextlib.contextmanager
def database(name: str) -> Iterator[tuple[Server | None, Database]]:
    """Run with a server of its own, whose restart hurts nobody, or with a file."""
    if name in SERVERS:
        kind, create = SERVERS[name]
        with own_server(kind) as server:
            yield server, create(server.settings)
    else:
        file = create_sqlite()
        yield None, file
        for leftover in (file, *REMOVE):
            leftover.drop()


@contextlib.contextmanager
def broker(name: str) -> Iterator[Any]:
    """Run with a broker of its own, or with none."""
    with own_server(BROKERS[name]) if name in BROKERS else contextlib.nullcontext() as running:
        yield running


@contextlib.contextmanager
def soaking(options: argparse.Namespace, folder: Path) -> Iterator[Nemesis]:
    """Start everything of a soak, and end it."""
    with (
        database(options.database) as (server, store),
        broker(options.broker) as messages,
        Proxy(server.port if server else 9) as proxy,
        FakeVendor(rate_limit=(60, 3.0), concurrent=100_000) as vendor,
    ):
        system = System(store, vendor, folder)
        try:
            yield Nemesis(system, server, messages, proxy, options.seed)
        finally:
            system.close()


def report(nemesis: Nemesis) -> dict[str, Any]:
    """Drain, judge, and count."""
    system = nemesis.system
    system.drained(300.0)
    time.sleep(2.5)  # whatever is applied late has been
    violations = [str(violation) for violation in system.violations()]
    calls = system.vendor.calls()
    counts = dict(nemesis.counts) | {
        "ends": sum(fact.kind == "end" for fact in system.facts()),
        "calls": len(calls),
        "duplicates": sum(call.repeats for call in calls),
        "answered 429": sum(call.status == 429 for call in calls),
        "processes started": len(system.processes),
    }
    verdict = f"{len(violations) or 'no'} violation{'s' * (len(violations) != 1)}"
    return {"counts": counts, "verdict": verdict, "violations": violations}


def keep_evidence(nemesis: Nemesis) -> None:
    """Write down all that the checker judged, beside the output of the processes."""
    system = nemesis.system
    lines = [str(fact) for fact in sorted(system.facts(), key=lambda fact: fact.operation)]
    lines += [str(entry) for entry in system.vendor.log]
    (system.folder / "history").write_text("\n".join(lines))


def cost() -> dict[str, float]:
    """Return the CPU seconds of this process and of all that it started, and the machine's load."""
    spent = os.times()
    return {
        "cpu seconds, vendor and dice": round(spent.user + spent.system),
        "cpu seconds, all others": round(spent.children_user + spent.children_system),
        "seconds": round(spent.elapsed - BEGUN),
        "load at the end": round(os.getloadavg()[0], 1),
    }


def main() -> int:
    """Run, print, write the file; 1 if the checker found a violation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--database", choices=[*SERVERS, "sqlite"], default="postgres")
    parser.add_argument("--broker", choices=[*BROKERS, "none"], default="none")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--output", type=Path, default=Path("soak.json"))
    return tell(parser.parse_args(), _run)


def _run(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    with soaking(options, folder) as nemesis:
        nemesis.go(options.minutes)
        found = report(nemesis)
        if found["violations"]:
            keep_evidence(nemesis)
        return found


def tell(
    options: argparse.Namespace, run: Callable[[argparse.Namespace, Path], dict[str, Any]]
) -> int:
    """Run a soak in a folder of its own, print and store what it found; 1 if it broke a rule."""
    folder = Path(tempfile.mkdtemp(prefix="faults-soak-"))
    try:
        found = run(options, folder)
    except pytest.skip.Exception as missing:
        sys.exit(f"{missing}")
    settings = vars(options) | {"output": str(options.output)}
    text = json.dumps(settings | found | {"cost": cost()}, indent=2)
    options.output.write_text(text + os.linesep)
    sys.stdout.write(text + os.linesep)
    if found["violations"]:
        sys.stdout.write(f"The evidence is in {folder}.\n")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
