"""Ends through the vendor's SDK in a Celery task, in the ways in which people write it today."""

from __future__ import annotations

from activitysmith import ActivitySmith
from celery import Celery

from tests.faults.settings import RUN

app = Celery("sdk", broker=RUN.get("broker", "memory://"))
app.conf.broker_connection_retry_on_startup = True

client = ActivitySmith(api_key=RUN.get("api_key", "ask_test"))
# The SDK has no public setting for the address of the API, and this is the only thing we change.
configuration = client.live_activities._api.api_client.configuration
configuration.host = RUN.get("base_url", "http://127.0.0.1:9/api")


@app.task(autoretry_for=(Exception,), retry_backoff=True)
def end_retried(stream_key: str) -> None:
    """With Celery's three retries, as its documentation shows them."""
    client.live_activities.end_stream(stream_key)


@app.task(autoretry_for=(Exception,), retry_backoff=True, max_retries=None)
def end_retried_for_ever(stream_key: str) -> None:
    """With retries until it succeeds."""
    client.live_activities.end_stream(stream_key)


@app.task(autoretry_for=(Exception,), retry_backoff=True, rate_limit=RUN.get("task_rate"))
def end_limited(stream_key: str) -> None:
    """With Celery's own rate limit, which each worker keeps for itself."""
    client.live_activities.end_stream(stream_key)
