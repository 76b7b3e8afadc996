"""Jobs in two queues that live in the database, as other packages write them.

The settings are those of every run (``tests.faults.settings``), which name the database and where
the vendor is. ``PEERS`` of them are settings of Django's own.
"""

from __future__ import annotations

from importlib.util import find_spec

from activitysmith import ActivitySmith
from procrastinate import App, PsycopgConnector, RetryStrategy

from tests.faults.settings import RUN

if find_spec("django.tasks"):
    from django.tasks import task
else:
    from django_tasks import task

database = RUN["database"]
names = {"host": "HOST", "port": "PORT", "user": "USER", "dbname": "NAME"}
app = App(connector=PsycopgConnector(kwargs={ours: database[key] for ours, key in names.items()}))

client = ActivitySmith(api_key=RUN.get("api_key", "ask_test"))
# As in sdk_tasks: the SDK has no public setting for the address of the API.
client.live_activities._api.api_client.configuration.host = RUN.get("base_url", "")


@task
def do_nothing() -> None:
    """Do nothing, in Django's own tasks."""


@app.task
def do_nothing_too() -> None:
    """Do nothing, in procrastinate."""


@app.task(retry=RetryStrategy(exponential_wait=2))
def end(stream_key: str) -> None:
    """End a card, with retries until it succeeds, ever farther apart."""
    client.live_activities.end_stream(stream_key)
