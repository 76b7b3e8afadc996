"""A run: a database, a vendor, hosts and workers; then the wait for the drain, and the verdict."""

from __future__ import annotations

import itertools
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .checker import Fact, Records, Row, Violation, check
from .databases import Database
from .generator import Step, serials
from .processes import HostDiedError, HostProcess, Process
from .vendor import FakeVendor

WITHIN = 22.0
DISPATCH = ("django", "liveactivity_dispatch", "--interval", "0.05")
CARDS = "django_liveactivity_liveactivity"
OPERATIONS = "django_liveactivity_operation"
OPERATOR_ACTIONS = "django_liveactivity_operatoraction"
LANES = "django_liveactivity_lane"
SLOTS = "django_liveactivity_ratelimitslot"
PERMITS = "django_liveactivity_drainpermit"
STATES = "django_liveactivity_accountstate"
ATTEMPTS = "django_liveactivity_attempt"


class System:
    """Everything of one run, and the journal that the test keeps of it."""

    def __init__(self, database: Database, vendor: FakeVendor, folder: Path) -> None:
        self.database, self.vendor, self.folder = database, vendor, folder
        self.run: dict[str, Any] = {"database": database.settings, "base_url": vendor.url}
        self.processes: list[Process] = []
        self.begun: dict[int, float] = {}
        self.committed: dict[int, float] = {}
        self.given_up: set[int] = set()
        self._numbers = itertools.count(1)

    # Processes

    def host(self, **run: Any) -> Host:
        """Start a host."""
        process = HostProcess(self._log("host"), self.run | run)
        self.processes.append(process)
        return Host(self, process)

    def worker(self, **run: Any) -> Process:
        """Start a worker that needs no broker."""
        return self.start(*DISPATCH, name="worker", **run)

    def workers(self, count: int, **run: Any) -> list[Process]:
        """Start several."""
        return [self.worker(**run) for _ in range(count)]

    def celery(self, *options: str, beat: bool = True, **run: Any) -> Process:
        """Start a Celery worker, and beat with it; ``broker`` and ``queue`` are in the run."""
        schedule = str(self.folder / f"beat-{next(self._numbers)}")
        wanted = ["--beat", "-s", schedule] if beat else []
        quiet = ["--without-gossip", "--without-mingle", "-l", "INFO"]
        command = ["celery", "-A", "tests.faults.celery_app", "worker", *quiet, *wanted, *options]
        return self.start(*command, name="celery", **run)

    def task_worker(self) -> Process:
        """Start a worker of Django's tasks, which are in the database of the run."""
        command = ("django", "db_worker", "--interval", "0.05", "--no-startup-delay", "--no-reload")
        return self.start(*command, name="task-worker", dispatcher="tasks")

    def start(self, *arguments: str, name: str, **run: Any) -> Process:
        """Start any process of Python's."""
        process = Process(self._log(name), self.run | run, *arguments)
        self.processes.append(process)
        return process

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}-{next(self._numbers)}.log"

    def strike(self, point: str, method: str = "*", number: str = "SIGKILL") -> dict[str, Any]:
        """Return a fault that strikes a worker once: before or after a call."""
        mark = self.folder / f"strike-{next(self._numbers)}"
        return {"point": point, "method": method, "signal": number, "mark": str(mark)}

    def close(self) -> None:
        """End all processes."""
        for process in self.processes:
            process.signal(signal.SIGCONT)
            process.kill()

    # What can be seen

    def until(self, happened: Callable[[], Any], what: str, seconds: float = WITHIN) -> Any:
        """Wait until something is true, and return it."""
        limit = time.monotonic() + seconds
        while not (value := happened()):
            assert time.monotonic() < limit, f"not within {seconds} s: {what}\n{self.story()}"
            time.sleep(0.03)
        return value

    def until_called(self, method: str = "*", key: str = "", count: int = 1) -> Any:
        """Wait until so many calls have arrived, and return the last of them."""
        calls = self.vendor.calls
        self.until(lambda: len(calls(method, key)) >= count, f"{count} {method} {key}")
        return calls(method, key)[count - 1]

    def facts(self) -> list[Fact]:
        """Return what the host committed."""
        found = self.database.rows("SELECT serial, card, kind, operation FROM host_fact")
        return [Fact(*row) for row in found]

    def operations(self) -> dict[int, Row]:
        """Return state and outcome of each operation."""
        found = self.database.rows(f"SELECT id, state, outcome FROM {OPERATIONS}")
        return {pk: Row(state, outcome) for pk, state, outcome in found}

    def account(self) -> dict[str, Any]:
        """Return the account's state."""
        names = "failures, freezes, blocked_since, blocked_reason, probes"
        found = self.database.rows(f"SELECT {names} FROM {STATES}")
        return dict(zip(names.split(", "), found[0], strict=True)) if found else {}

    def outcomes(self) -> list[str]:
        """Return the outcome of each attempt, in order; an open one has none."""
        found = self.database.rows(f"SELECT outcome FROM {ATTEMPTS} ORDER BY id")
        return [outcome for (outcome,) in found]

    def unfinished(self) -> int:
        """Return how many operations wait."""
        sql = f"SELECT COUNT(*) FROM {OPERATIONS} WHERE state IN ('pending', 'needs_operator')"
        return int(self.database.rows(sql)[0][0])

    def leases(self) -> int:
        """Return how many lanes are leased now."""
        now = round(time.time() * 1000)
        sql = f"SELECT COUNT(*) FROM {LANES} WHERE lease_until > %s"
        return int(self.database.rows(sql, now)[0][0])

    def story(self) -> str:
        """Tell what happened, for the reader of a failure."""
        calls = [
            f"{e.number} {e.arrived:.3f} {e.method} {e.key} #{e.serial} -> {e.status} "
            f"answered={e.answered} gone={e.gone} applied={e.applied}"
            for e in self.vendor.log[-80:]
        ]
        logs = [f"--- {p.log.name}\n{p.output[-3000:]}" for p in self.processes]
        rows = self.database.rows(
            f"SELECT id, kind, state, outcome, next_try_at, tries FROM {OPERATIONS} "
            "WHERE state IN ('pending', 'needs_operator') ORDER BY id"
        )
        return "\n".join([*calls, f"now {time.time() * 1000:.0f}", *map(str, rows[:20]), *logs])

    # The verdict

    def drained(self, seconds: float = WITHIN) -> None:
        """Wait until nothing is left to do."""
        self.until(lambda: not self.unfinished(), "the drain", seconds)

    def violations(self, saturated: tuple[int, float] | None = None) -> list[Violation]:
        """Return what the checker finds; P too, if the run was saturated under that limit."""
        return check(
            Records(
                facts=self.facts(),
                log=self.vendor.calls(),
                alive=self.vendor.alive(),
                rows=self.operations(),
                begun=self.begun,
                committed=self.committed,
                given_up=frozenset(self.given_up),
                saturated=saturated,
            )
        )

    def judge(self, seconds: float = WITHIN) -> None:
        """Wait for the drain, and let the checker find nothing."""
        self.drained(seconds)
        violations = self.violations()
        assert not violations, "\n".join([*map(str, violations), self.story()])


class Host:
    """A host project in a process of its own; what it does is entered in the journal."""

    def __init__(self, system: System, process: HostProcess) -> None:
        self.system, self.process = system, process
        self.open: list[int] = []
        self.in_transaction = False

    def do(self, step: Step) -> dict[str, Any]:
        """Let it do a step, and return what it says; its errors are the caller's."""
        for serial in serials(step):
            self.system.begun[serial] = time.monotonic()
        self.process.tell(step)
        answer = self.process.hear()
        if not answer["error"]:
            self._enter(step)
        return answer

    def _enter(self, step: Step) -> None:
        """Note what is committed: at once, or when the transaction that was begun is."""
        self.open += serials(step)
        self.in_transaction = step["do"] == "begin" or (
            self.in_transaction and step["do"] != "commit"
        )
        if not self.in_transaction:
            self.system.committed |= dict.fromkeys(self.open, time.monotonic())
            self.open = []

    def must(self, *steps: Step) -> None:
        """Let it do steps that have to succeed."""
        for step in steps:
            answer = self.do(step)
            assert not answer["error"], answer["error"]

    def dies(self, step: Step) -> None:
        """Let it do a step in which it dies."""
        try:
            answer = self.do(step)
        except HostDiedError:
            return
        raise AssertionError(f"the host lives: {answer}")
