"""What one end over the endpoint costs: ``python -m tests.benchmarks.endpoint [--ends 300]``.

Beside it, in turns, stands the smallest view of Django REST framework that inserts one row: a
``CreateAPIView`` with a ``ModelSerializer``, the same token, the same permission and JSON. Both are
called through Django's test client. A card was shown before; then its end is repeated; then a card
is ended that is not known. The vendor and the broker are never called by a request, so one that is
down costs nothing: with Celery over a Redis that answers and over a port on which nothing listens.
"""

from __future__ import annotations

import functools
import itertools
import logging
import os
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import django

os.environ.setdefault("TEST_DATABASE", "postgres")
os.environ.setdefault("TEST_DATABASE_NAME", "benchmark_endpoint")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from django.contrib.auth.models import Permission, User  # noqa: E402 - the settings come first
from django.db import connection  # noqa: E402
from django.test import Client, override_settings  # noqa: E402
from django.test.runner import DiscoverRunner  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from rest_framework.authtoken.models import Token  # noqa: E402

from django_liveactivity import Progress, services  # noqa: E402
from tests.celery_apps import celery_app, celery_apps  # noqa: E402

from .figures import Figure, command_line, report  # noqa: E402

GOAL, UNCHANGED = 2.0, 1.1
WARM_UP = 30
SITE = {
    "ROOT_URLCONF": "tests.benchmarks.endpoint_site",
    "REST_FRAMEWORK": {
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.TokenAuthentication"]
    },
    "MIDDLEWARE": [],
}
NOWHERE = "http://127.0.0.1:9/api"
QUEUE = "benchmark-endpoint"
BROKERS = {"up": "redis://127.0.0.1:6379/0", "down": "redis://127.0.0.1:9/0"}
NUMBERS = itertools.count()
logging.getLogger("django_liveactivity.dispatch").setLevel("CRITICAL")  # one line per outage


@dataclass(frozen=True)
class Cost:
    """What one request cost: seconds of CPU of its thread and of the clock, and statements."""

    cpu: float
    wall: float
    statements: int = 0


class Caller:
    """A program with a token."""

    def __init__(self) -> None:
        user = User.objects.create_user("pipeline")
        names = ("end_liveactivity", "give_content_liveactivity")
        user.user_permissions.set(Permission.objects.filter(codename__in=names))
        token = Token.objects.create(user=user).key
        self.client = Client(headers={"Authorization": f"Token {token}"})

    def insert(self) -> None:
        """Insert one row."""
        body = {"note": f"note-{next(NUMBERS)}"}
        answer = self.client.post("/orders/", body, content_type="application/json")
        assert answer.status_code == 201, answer.content

    def end(self, body: dict[str, object]) -> None:
        """End a card."""
        answer = self.client.post("/end/", body, content_type="application/json")
        assert answer.status_code in (200, 202), answer.content


Kind = Callable[[Caller], dict[str, object]]


def shown(caller: Caller) -> dict[str, object]:
    """Show a card, and return the body that ends it."""
    key = f"job-{next(NUMBERS)}"
    services.stream_activity(key, Progress(title="Import", percentage=40))
    return {"stream_key": key, "content": {"title": "Import", "percentage": 100}}


def ended_already(caller: Caller) -> dict[str, object]:
    """End a card, and return the body that ends it again."""
    body = shown(caller)
    caller.end(body)
    return body


def unknown(caller: Caller) -> dict[str, object]:
    """Return the body that ends a card of which nothing is known."""
    return {"stream_key": f"job-{next(NUMBERS)}"}


KINDS: dict[str, Kind] = {"shown": shown, "ended already": ended_already, "unknown": unknown}


def measured(call: Callable[[], None]) -> Cost:
    """Make a call, and return what it took."""
    cpu, wall = time.thread_time(), time.perf_counter()
    call()
    return Cost(time.thread_time() - cpu, time.perf_counter() - wall)


def typical(costs: list[Cost]) -> Cost:
    """Return the medians."""
    return Cost(
        statistics.median(cost.cpu for cost in costs),
        statistics.median(cost.wall for cost in costs),
    )


def statements(call: Callable[[], None]) -> int:
    """Return how many statements a call makes; BEGIN and COMMIT are none."""
    with CaptureQueriesContext(connection) as queries:
        call()
    return sum(query["sql"].split()[0] not in ("BEGIN", "COMMIT") for query in queries)


def in_turns(caller: Caller, kind: Kind, count: int) -> tuple[Cost, Cost]:
    """Return what an end and an insert cost, made in turns."""
    ends, inserts = list[Cost](), list[Cost]()
    for _ in range(WARM_UP + count):
        body = kind(caller)
        ends.append(measured(functools.partial(caller.end, body)))
        inserts.append(measured(caller.insert))
    return typical(ends[WARM_UP:]), typical(inserts[WARM_UP:])


def costs(caller: Caller, count: int) -> Iterator[Figure]:
    """Yield the cost of each kind of end."""
    for name, kind in KINDS.items():
        end, insert = in_turns(caller, kind, count)
        body = kind(caller)
        own = statements(functools.partial(caller.end, body))
        others = statements(caller.insert)
        yield Figure(
            f"CPU of an end, {name}",
            end.cpu / insert.cpu,
            beside=f"a view that inserts a row, {insert.cpu * 1e6:.0f} µs",
            at_most=GOAL,
        )
        yield Figure(
            f"clock of an end, {name}",
            end.wall / insert.wall,
            beside=f"a view that inserts a row, {insert.wall * 1e6:.0f} µs",
            at_most=GOAL,
        )
        beside = f"{others} of the view that inserts a row"
        yield Figure(f"statements of an end, {name}", own, "statements", beside=beside)


def outage(caller: Caller, count: int, rounds: int = 6) -> Iterator[Figure]:
    """Yield what an end costs with the broker down, beside one with it up."""
    apps = {
        name: celery_app(broker_url=url, task_default_queue=QUEUE) for name, url in BROKERS.items()
    }
    found: dict[str, list[Cost]] = {name: [] for name in apps}
    for number, (name, app) in enumerate(list(apps.items()) * rounds):
        with celery_apps(app, app):
            for _ in range(count // rounds):
                body = shown(caller)
                cost = measured(functools.partial(caller.end, body))
                if number >= len(apps):
                    found[name].append(cost)
    with apps["up"].connection_for_write() as broker:
        broker.default_channel.queue_purge(QUEUE)
    up, down = typical(found["up"]), typical(found["down"])
    beside = "an end with them up"
    yield Figure("CPU, vendor and broker down", down.cpu / up.cpu, beside=beside, at_most=UNCHANGED)
    clock = down.wall / up.wall
    yield Figure("clock, vendor and broker down", clock, beside=beside, at_most=UNCHANGED)


def account(dispatcher: str) -> dict[str, object]:
    """Return an account whose vendor does not answer."""
    return {
        "default": {
            "BACKEND": "django_liveactivity.backends.activitysmith.ActivitySmithBackend",
            "DISPATCHER": dispatcher,
            "OPTIONS": {"api_key": "ask_benchmark_0123456789", "base_url": NOWHERE},
        }
    }


def figures(count: int) -> Iterator[Figure]:
    """Yield all figures, on a test database."""
    runner = DiscoverRunner(verbosity=0, interactive=False)
    databases = runner.setup_databases(aliases={"default"})
    try:
        caller = Caller()
        with override_settings(**SITE, LIVEACTIVITY=account("none")):
            yield from costs(caller, count)
        with override_settings(**SITE, LIVEACTIVITY=account("celery")):
            yield from outage(caller, count)
    finally:
        runner.teardown_databases(databases)


def main() -> None:
    """Measure on the database that ``TEST_DATABASE`` names, by default PostgreSQL."""
    parser = command_line(__doc__)
    parser.add_argument("--ends", type=int, default=300, help="of each kind")
    options = parser.parse_args()
    report(figures(options.ends), options.json)


if __name__ == "__main__":
    main()
