"""What the app adds to ``django.setup()``, beside what importing the vendor's SDK costs.

    python -m tests.benchmarks.imports [--runs 15]

Every figure is the least of several fresh processes, which take turns; time is the process's own.
The goal is for the app itself: the admin is the project's choice.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from .figures import Figure, command_line, report

MEASURE = """
import resource, time
{before}
memory, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
{code}
took = time.process_time() - started
print(took, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024)
"""
SETTINGS = """
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=[
        "django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions",
        "django.contrib.messages", *{apps!r},
    ],
    DATABASES={{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}}},
    LIVEACTIVITY={{"default": {{
        "BACKEND": "django_liveactivity.backends.activitysmith.ActivitySmithBackend",
        "DISPATCHER": "celery",
        "OPTIONS": {{"api_key": "ask_benchmark_0123456789"}},
    }}}},
)
"""
GOAL = 0.25
ADMIN = "django.contrib.admin"
APP = "django_liveactivity"


def measure(code: str, before: str = "") -> tuple[float, float]:
    """Return the seconds and the MiB that *code* costs in a fresh process."""
    program = MEASURE.format(before=before, code=code)
    run = [sys.executable, "-c", program]
    out = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    seconds, memory = out.split()
    return float(seconds), float(memory)


def setup(*apps: str) -> tuple[float, float]:
    """Return what ``django.setup()`` costs with these apps, Django itself counted."""
    return measure(SETTINGS.format(apps=apps) + "django.setup()")


WAYS = {
    "without": lambda: setup(),
    "with": lambda: setup(APP),
    "without, with the admin": lambda: setup(ADMIN),
    "with, with the admin": lambda: setup(ADMIN, APP),
    "SDK": lambda: measure("import activitysmith"),
}


def figures(runs: int) -> Iterator[Figure]:
    """Yield what the app adds, as ratios to the SDK, without the admin and with it."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in WAYS}
    for _ in range(1 + runs):  # the first one writes the bytecode
        for name, way in WAYS.items():
            found[name].append(way())
    least = {
        name: tuple(min(values) for values in zip(*each[1:], strict=True))
        for name, each in found.items()
    }
    sdk = least["SDK"]
    for suffix, goal in (("", GOAL), (", with the admin", None)):
        took, memory = (
            high - low
            for high, low in zip(least[f"with{suffix}"], least[f"without{suffix}"], strict=True)
        )
        beside = f"import activitysmith, {sdk[0] * 1000:.0f} ms"
        yield Figure(f"time of the app{suffix}", took / sdk[0], beside=beside, at_most=goal)
        beside = f"import activitysmith, {sdk[1]:.1f} MiB"
        yield Figure(f"memory of the app{suffix}", memory / sdk[1], beside=beside, at_most=goal)


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    report(figures(options.runs), options.json)


if __name__ == "__main__":
    main()
