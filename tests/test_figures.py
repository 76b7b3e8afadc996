"""The table of the benchmarks: goals, ratios to a baseline, and its place in the documentation."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import BASELINE, BEGIN, END, PAGE, RUNS, load, store, table, write
from tests.benchmarks.figures import Figure

FAST = Figure("step", 1.0, beside="1,000 rows", at_most=1.5)
SLOW = Figure("step", 3.0, beside="1,000 rows", at_most=1.5)


def test_a_goal_that_is_missed_is_marked() -> None:
    assert "| at most 1.5 |" in table({"cost": [FAST]})
    assert "| **missed**: at most 1.5 |" in table({"cost": [SLOW]})
    assert Figure("use", 0.97, at_least=0.98).missed
    assert not Figure("use", 0.98, at_least=0.98).missed


@pytest.mark.parametrize(
    ("value", "shown"), [(12_000, "12,000"), (0.9846, "0.985"), (1.0, "1.00"), (213.2, "213")]
)
def test_a_count_is_shown_in_full_and_a_measure_in_three_digits(value: float, shown: str) -> None:
    assert Figure("what", value).shown == shown


@pytest.mark.parametrize(
    ("stored", "shown"), [(1.5, "2.00"), (3.0, "1.00"), (0, "was 0"), (None, "new")]
)
def test_each_figure_is_held_against_the_stored_one(stored: float | None, shown: str) -> None:
    baseline = {} if stored is None else {"cost": [Figure("step", stored)]}
    assert table({"cost": [SLOW]}, baseline).splitlines()[-1].split("|")[-2].strip() == shown


def test_what_is_stored_is_loaded(tmp_path: Path) -> None:
    store(tmp_path / "figures.json", "Measured today.", {"cost": [FAST, SLOW]})
    assert load(tmp_path / "figures.json") == ("Measured today.", {"cost": [FAST, SLOW]})


def test_the_table_replaces_what_is_between_the_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write(page, "new\n")
    write(page, "newer\n")
    assert page.read_text() == f"before\n{BEGIN}\n\nnewer\n\n{END}\nafter\n"


def test_a_page_without_the_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{BEGIN}\nand no end\n")
    with pytest.raises(SystemExit, match=r"page\.md lacks the marks"):
        write(page, "new\n")
    assert page.read_text() == f"{BEGIN}\nand no end\n"


def test_every_benchmark_of_the_table_is_there_and_so_are_the_page_and_the_baseline() -> None:
    assert all(find_spec(f"tests.benchmarks.{run.benchmark}") for run in RUNS)
    assert PAGE.read_text().count(BEGIN) == PAGE.read_text().count(END) == 1
    measured, figures = load(BASELINE)
    assert measured.startswith("Measured on ")
    assert set(figures) <= {run.benchmark for run in RUNS}
