"""All benchmarks, one table: ``python -m tests.benchmarks --quick --compare``.

Each benchmark runs by its own command line, in a process of its own, one after the other. The
table has a row for each figure. ``--write`` puts it into the documentation, ``--json`` stores the
figures, and ``--compare`` adds the ratio of each to one that was stored. A missed goal or a slow
figure does not fail the command; a benchmark that could not run does.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import re
import shlex
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import django
import pytest

from tests.faults.databases import Mariadb, Postgres, mariadb_server, postgres_server

from .cost import SHAPES
from .figures import TITLES, Figure

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "measurements.md"
BEGIN, END = "<!-- table of the benchmarks -->", "<!-- end of the table -->"
BASELINE = Path(__file__).with_name("baseline.json")
COLUMNS = ["benchmark", "what", "value", "unit", "goal", "beside"]


@dataclass(frozen=True)
class Run:
    """The command line of a benchmark.

    Args:
        benchmark: the module, which has the option ``--json`` (``figures.command_line``).
        options: of the full form.
        quick: what to add for a shorter form that keeps the meaning of the figures; None if there
            is no such form.
        environment: variables that it reads.
    """

    benchmark: str
    options: str = ""
    quick: str | None = None
    environment: dict[str, str] = field(default_factory=dict)


RUNS = [
    Run("imports", quick="--runs 5"),
    Run("client", quick="--calls 500"),
    *(
        Run("tracked_save", quick="--saves 50 --rounds 6", environment={"TEST_DATABASE": name})
        for name in TITLES
    ),
    *(
        Run(
            "cost",
            f"--database {name} --shape '{shape}'",
            quick="--sizes 1000 20000 --rounds 3 --steps 50",
        )
        for name in TITLES
        for shape in SHAPES
    ),
    Run("endpoint", quick="--ends 300"),
    Run("throughput", quick="--jobs 200 --rounds 3 --ends 40"),
    Run("idle", quick="--busy 0"),
    Run("admin_list"),
    Run("backlog"),
    Run("neighbors"),
    Run("rate"),
]
"""To add a benchmark is to add its line here."""

Figures = dict[str, list[Figure]]


def measure(run: Run, *, quick: bool) -> list[Figure] | None:
    """Run a benchmark, and return its figures; None if it did not come to its end."""
    arguments = shlex.split(f"{run.options} {(run.quick or '') if quick else ''}")
    command = ["-m", f"tests.benchmarks.{run.benchmark}", *arguments]
    variables = [f"{name}={value}" for name, value in run.environment.items()]
    sys.stdout.write(f"\n{shlex.join([*variables, 'python', *command])}\n")
    sys.stdout.flush()
    with tempfile.TemporaryDirectory(prefix="figures-") as folder:
        file = Path(folder) / "figures.json"
        command = [sys.executable, *command, "--json", str(file)]
        subprocess.run(command, env=os.environ | run.environment, check=False)
        if file.exists():
            return [Figure(**each) for each in json.loads(file.read_text())]
    return None


def circumstances(command: str) -> str:
    """Return in one sentence when, by which command, and on what the figures were measured."""
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    versions = {"Python": platform.python_version(), "Django": django.__version__}
    shown = ", ".join(f"{name} {value}" for name, value in [*versions.items(), *databases()])
    return (
        f"Measured on {time.strftime('%Y-%m-%d', time.gmtime())} at commit {commit or 'unknown'} "
        f"by `{command}`, on {os.cpu_count()} cores with {shown}."
    )


def databases() -> Iterator[tuple[str, str]]:
    """Yield the name and the version of each database that can be reached."""
    postgres = Postgres(postgres_server() | {"NAME": "postgres"})
    mariadb = Mariadb(mariadb_server() | {"NAME": "mysql"})
    asked: dict[str, Callable[[], str]] = {
        "sqlite": lambda: sqlite3.sqlite_version,
        "postgres": lambda: postgres.rows("SHOW server_version")[0][0],
        "mariadb": lambda: mariadb.rows("SELECT VERSION()")[0][0],
    }
    for name, ask in asked.items():
        # Whatever the driver's own error is, and the skip for a driver that is missing.
        with contextlib.suppress(Exception, pytest.skip.Exception):
            yield TITLES[name], re.split(r"[^\d.]", ask())[0]


def row(benchmark: str, figure: Figure) -> list[str]:
    """Return the cells of a figure."""
    goal = f"**missed**: {figure.goal}" if figure.missed else figure.goal
    return [benchmark, figure.what, figure.shown, figure.unit, goal, figure.beside]


def ratio(figure: Figure, stored: Figure | None) -> str:
    """Return the ratio of a figure to a stored one."""
    if stored is None:
        return "new"
    if figure.value == stored.value:
        return "1.00"
    return f"{figure.value / stored.value:.2f}" if stored.value else f"was {stored.shown}"


def table(found: Figures, baseline: Figures | None = None) -> str:
    """Return the figures as a table in Markdown, with their ratios to a baseline if given."""
    rows = [COLUMNS if baseline is None else [*COLUMNS, "to the baseline"]]
    for benchmark, figures in found.items():
        for figure in figures:
            rows.append(row(benchmark, figure))
            if baseline is not None:
                known = {each.what: each for each in baseline.get(benchmark, [])}
                rows[-1].append(ratio(figure, known.get(figure.what)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * width for width in widths])
    return "".join(f"| {' | '.join(map(str.ljust, cells, widths))} |\n" for cells in rows)


def write(page: Path, text: str) -> None:
    """Put a text between the two marks of a page."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{page.name} lacks the marks {BEGIN} and {END}.")
    page.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}")


def store(file: Path, measured: str, found: Figures) -> None:
    """Write the figures to a file that ``load`` reads."""
    figures = {name: [asdict(figure) for figure in each] for name, each in found.items()}
    file.write_text(json.dumps({"measured": measured, "figures": figures}, indent=1) + "\n")


def load(file: Path) -> tuple[str, Figures]:
    """Return how stored figures were measured, and the figures."""
    stored = json.loads(file.read_text())
    figures = stored["figures"].items()
    return stored["measured"], {name: [Figure(**f) for f in each] for name, each in figures}


def parse() -> tuple[argparse.Namespace, list[Run]]:
    """Read the command line, and choose what to run."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    names = dict.fromkeys(run.benchmark for run in RUNS)
    add("benchmarks", nargs="*", metavar="BENCHMARK", help=f"of {', '.join(names)}; default all")
    add("--quick", action="store_true", help="the shorter forms, of benchmarks that have one")
    add("--write", action="store_true", help=f"put the table into {PAGE.relative_to(ROOT)}")
    add("--json", type=Path, metavar="FILE", help="store the figures in this file")
    add(
        "--compare",
        type=Path,
        nargs="?",
        const=BASELINE,
        metavar="FILE",
        help=f"add ratios to what this file stores; default {BASELINE.relative_to(ROOT)}",
    )
    options = parser.parse_args()
    known = [run for run in RUNS if not options.quick or run.quick is not None]
    if unknown := set(options.benchmarks) - {run.benchmark for run in known}:
        form = "without a shorter form" if options.quick else "unknown"
        parser.error(f"{form}: {', '.join(sorted(unknown))}")
    chosen = [r for r in known if not options.benchmarks or r.benchmark in options.benchmarks]
    return options, chosen


def main() -> int:
    """Run what was chosen, print the table, and keep it; 1 if something could not run."""
    options, runs = parse()
    baseline = load(options.compare) if options.compare else None
    words = ["python", "-m", "tests.benchmarks", *options.benchmarks]
    measured = circumstances(" ".join([*words, "--quick"] if options.quick else words))
    found: Figures = {}
    failed = []
    for run in runs:
        figures = measure(run, quick=options.quick)
        if figures is None:
            failed.append(f"{run.benchmark} {run.options}".strip())
        found.setdefault(run.benchmark, []).extend(figures or [])
    sys.stdout.write(f"\n{measured}\n\n{table(found, baseline and baseline[1])}")
    if baseline:
        sys.stdout.write(f"\nThe baseline: {baseline[0]}\n")
    if options.json:
        store(options.json, measured, found)
    if failed:
        sys.stderr.write(f"\nCould not run: {', '.join(failed)}.\n")
    elif options.write:
        write(PAGE, f"{measured}\n\n{table(found)}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
