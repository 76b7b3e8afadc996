"""Apply each mutation to a copy of the tree, run the tests of its part, and say which survive."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

from .source import GoneError, find
from .table import MUTANTS, Mutant

PACKAGE = "django_liveactivity"
TESTS_PASSED, TESTS_FAILED = 0, 1
TIMEOUT = 100.0
"""Seconds of a stage; a mutant that makes a drain spin takes longer, and is killed by it."""
LEFT_OUT = ("tests/delivery/test_state_machine.py", "tests/delivery/test_state_machine_rows.py")
"""A random search finds much, but minimizes for long; here a test by value has to find it."""


class Trees:
    """Copies of the tree, one for each job; the tree itself is never touched."""

    def __init__(self, root: Path, scratch: Path, jobs: int) -> None:
        self.free: SimpleQueue[Path] = SimpleQueue()
        for number in range(jobs):
            copy = scratch / str(number)
            shutil.copytree(root, copy, ignore=shutil.ignore_patterns(".*", "__pycache__"))
            self.free.put(copy)

    @contextmanager
    def one(self) -> Iterator[Path]:
        tree = self.free.get()
        try:
            yield tree
        finally:
            self.free.put(tree)


def outcome(trees: Trees, mutant: Mutant) -> str:
    """Return "killed" or "survived", and what happened otherwise."""
    with trees.one() as tree:
        place = find(tree / PACKAGE, mutant)
        sound = place.path.read_text()
        _write(place.path, place.replaced(mutant.new))
        try:
            codes = (run_tests(tree, stage) for stage in mutant.stages)
            code = next(filter(None, codes), TESTS_PASSED)
        except subprocess.TimeoutExpired:
            return "killed"  # it hangs
        finally:
            _write(place.path, sound)
    return {TESTS_PASSED: "survived", TESTS_FAILED: "killed"}.get(code, f"pytest exited {code}")


def _write(path: Path, text: str) -> None:
    """Write a module, and forget its bytecode: the clock of files may not tell the two apart."""
    path.write_text(text)
    for cached in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
        cached.unlink()


def run_tests(tree: Path, tests: Sequence[str], *, show: bool = False) -> int:
    """Run tests until one fails; return pytest's exit code."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-m", "not long"]
    command += ["-p", "no:cacheprovider", *(f"--ignore={path}" for path in LEFT_OUT), *tests]
    environment = os.environ | {"PYTHONPATH": str(tree), "TEST_DATABASE": "sqlite"}
    said = None if show else subprocess.DEVNULL
    ran = subprocess.run(
        command,
        cwd=tree,
        env=environment,
        stdout=said,
        stderr=said,
        timeout=None if show else TIMEOUT,
    )
    return ran.returncode


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("words", nargs="*", help="only the mutations that have these words")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the tree to test")
    parser.add_argument("--check", action="store_true", help="only whether all of them apply")
    arguments = parser.parse_args()
    chosen = [m for m in MUTANTS if all(word in f"{m.part} {m}" for word in arguments.words)]
    if not chosen:
        parser.error(f"No mutation has all of these words: {' '.join(arguments.words)}")
    gone = list(_gone(arguments.root / PACKAGE, chosen))
    if gone or arguments.check:
        print("\n".join(gone) or f"All {len(chosen)} mutations apply.")
        sys.exit(bool(gone))
    sys.exit(_run(chosen, arguments.root, arguments.jobs))


def _gone(package: Path, mutants: list[Mutant]) -> Iterator[str]:
    for mutant in mutants:
        try:
            find(package, mutant).replaced(mutant.new)
        except (GoneError, SyntaxError) as error:
            yield str(error)


def _run(mutants: list[Mutant], root: Path, jobs: int) -> int:
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        trees = Trees(root, Path(scratch), jobs)
        with trees.one() as tree:
            everything = sorted({test for m in mutants for stage in m.stages for test in stage})
            if run_tests(tree, everything, show=True) != TESTS_PASSED:
                print("These tests fail without any mutation.")
                return 1
        with ThreadPoolExecutor(jobs) as pool:
            outcomes = []
            for mutant, came in zip(
                mutants, pool.map(lambda m: outcome(trees, m), mutants), strict=True
            ):
                print(f"{came:9} {mutant.part}: {mutant}", flush=True)
                outcomes.append(came)
    killed = outcomes.count("killed")
    print(f"{killed} of {len(mutants)} killed, in {time.monotonic() - begun:.0f} s")
    return 0 if killed == len(mutants) else 1


if __name__ == "__main__":
    main()
