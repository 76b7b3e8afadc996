"""What one process delivers, and how soon: ``python -m tests.benchmarks.throughput``.

One process works off so many ends, each with its HTTP call to a vendor that answers at once; beside
it two queues on the same PostgreSQL work off jobs that do nothing. What a process costs that finds
one job is taken off: its start, and what the first job imports. Then the loop command is watched:
how long after the host's commit does the call arrive?
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.faults.databases import REMOVE, create_postgres
from tests.faults.generator import end, show, transaction
from tests.faults.harness import System
from tests.faults.processes import environment
from tests.faults.vendor import FakeVendor

from .figures import Figure, command_line, report

CPU_GOAL, LATENCY_GOAL = 3.5, 150.0
NEVER_REACHED = (300, 1.0)
"""The limit of our account: there is one, as in every real account."""
DJANGO_TASKS, PROCRASTINATE = "no-op, django-tasks-db", "no-op, procrastinate"
PROCRASTINATE_APP = ("-m", "procrastinate", "-a", "tests.benchmarks.peers.app")
OURS = "an end, liveactivity_dispatch --once"


@dataclass(frozen=True)
class Spent:
    """The seconds that a process took: of the clock, and of a processor."""

    wall: float
    cpu: float

    def __sub__(self, other: Spent) -> Spent:
        return Spent(self.wall - other.wall, self.cpu - other.cpu)


def run_python(system: System, *arguments: str) -> Spent:
    """Run a process to its end, and return what it took with its children."""
    settings = {"DJANGO_SETTINGS_MODULE": "tests.benchmarks.peers_settings"}
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env=environment(system.run) | settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)} has failed:\n{said}")
    return Spent(time.perf_counter() - begun, used.ru_utime + used.ru_stime)


def queue_ends(system: System, keys: list[str]) -> None:
    """Show cards, and end them all in one transaction."""
    host = system.host()
    host.must(transaction(*map(show, keys)))
    run_python(system, "-m", "django", "liveactivity_dispatch", "--once")
    host.must(transaction(*map(end, keys)))
    host.process.kill()


def queue_django_tasks(system: System, keys: list[str]) -> None:
    """Enqueue as many jobs."""
    enqueue = "from tests.benchmarks.peers import do_nothing"
    each = f"for _ in range({len(keys)}): do_nothing.enqueue()"
    run_python(system, "-c", f"import django; django.setup()\n{enqueue}\n{each}")


def queue_procrastinate(system: System, keys: list[str]) -> None:
    """Enqueue as many jobs."""
    batch = f"do_nothing_too.batch_defer(*[{{}}] * {len(keys)})"
    enqueue = "from tests.benchmarks.peers import app, do_nothing_too"
    run_python(system, "-c", f"{enqueue}\nwith app.open(): {batch}")


Queue = Callable[[System, list[str]], None]
PROCESSES: dict[str, tuple[Queue, tuple[str, ...]]] = {
    OURS: (queue_ends, ("-m", "django", "liveactivity_dispatch", "--once")),
    DJANGO_TASKS: (
        queue_django_tasks,
        ("-m", "django", "db_worker", "--batch", "--no-startup-delay", "--interval", "0"),
    ),
    PROCRASTINATE: (
        queue_procrastinate,
        (*PROCRASTINATE_APP, "worker", "--one-shot"),
    ),
}


def work_off(system: System, rounds: int, jobs: int) -> dict[str, Spent]:
    """Return what a job takes in each process: the median of several turns."""
    found: dict[str, list[Spent]] = {name: [] for name in PROCESSES}
    for turn in range(rounds):
        for name, (queue, command) in PROCESSES.items():
            queue(system, [f"first-{turn}"])
            first = run_python(system, *command)
            queue(system, [f"card-{turn}-{number}" for number in range(jobs + 1)])
            found[name].append(run_python(system, *command) - first)
    assert not system.unfinished(), "ends are left"
    return {name: _median(each, jobs) for name, each in found.items()}


def _median(spent: list[Spent], jobs: int) -> Spent:
    wall, cpu = (statistics.median(getattr(s, of) for s in spent) for of in ("wall", "cpu"))
    return Spent(wall / jobs, cpu / jobs)


def throughput(system: System, options: argparse.Namespace) -> Iterator[Figure]:
    """Yield calls a second and the CPU of a call, ours beside the peers'."""
    manage = ("-m", "django", "migrate", "django_tasks_database", "--verbosity", "0")
    run_python(system, *manage)
    run_python(system, *PROCRASTINATE_APP, "schema", "--apply")
    found = work_off(system, options.rounds, options.jobs)
    for name, spent in found.items():
        goal = CPU_GOAL if name == OURS else None
        yield Figure(f"CPU, {name}", spent.cpu * 1000, "ms", at_most=goal)
        yield Figure(f"rate of one process, {name}", 1 / spent.wall, "per second")
    for peer in (DJANGO_TASKS, PROCRASTINATE):
        yield Figure(f"CPU of an end, beside a {peer}", found[OURS].cpu / found[peer].cpu)


def latency(system: System, count: int) -> Iterator[Figure]:
    """Yield the milliseconds from the commit of an end to the arrival of its call."""
    host = system.host()
    keys = [f"soon-{number}" for number in range(count)]
    host.must(transaction(*map(show, keys)))
    run_python(system, "-m", "django", "liveactivity_dispatch", "--once")
    system.start("django", "liveactivity_dispatch", name="loop")
    host.must(end("first"))
    system.until_called("DELETE", "first")
    waits = []
    for number, key in enumerate(keys):
        time.sleep(0.3 + 0.037 * (number % 10))  # at any moment between two looks of the loop
        committed = host.do(end(key))["over"]
        waits.append((system.until_called("DELETE", key).arrived - committed) * 1000)
    waits.sort()
    middle = statistics.median(waits)
    yield Figure("commit to call, the loop, median", middle, "ms", at_most=LATENCY_GOAL)
    yield Figure("commit to call, the loop, 95th percentile", waits[int(0.95 * count)], "ms")


def figures(options: argparse.Namespace) -> Iterator[Figure]:
    """Measure on a database of the run's own."""
    database = create_postgres()
    with FakeVendor(rate_limit=(10**9, 1.0), concurrent=10**9) as vendor:
        with tempfile.TemporaryDirectory(prefix="throughput-") as folder:
            system = System(database, vendor, Path(folder))
            system.run |= {"rate_limit": NEVER_REACHED, "divisor": 1}
            try:
                yield from throughput(system, options)
                yield from latency(system, options.ends)
            finally:
                system.close()
                database.drop()


def main() -> None:
    """Measure, and print."""
    parser = command_line(__doc__)
    add = parser.add_argument
    add("--jobs", type=int, default=500, help="of one turn; default 500")
    add("--rounds", type=int, default=5, help="turns of each process; default 5")
    add("--ends", type=int, default=100, help="whose latency is watched; default 100")
    report(figures(options := parser.parse_args()), options.json)
    for template in REMOVE:
        template.drop()


if __name__ == "__main__":
    main()
