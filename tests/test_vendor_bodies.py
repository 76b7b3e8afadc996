"""Every example body of the vendor's pages, verbatim at each way in, and what the vendor gets."""

from __future__ import annotations

import copy
import json
from datetime import datetime

import httpx
import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.urls import reverse
from rest_framework.test import APIClient

from django_liveactivity import services
from django_liveactivity.client import Client, Outcome
from django_liveactivity.models import Operation
from django_liveactivity.testing import deliver

from .conftest import KEY
from .sandbox.contract import END, STREAM, UPDATE, description

STREAM_KEY = "prod-web-1"
ACTIVITY_ID = "pLAr-Hnq9ZFW4sxlk43Lhbuok4GLh7UW"
SEED = {
    "activity_id": ACTIVITY_ID,
    "content_state": {
        "title": "Nightly database backup",
        "number_of_steps": 3,
        "current_step": 3,
        "auto_dismiss_minutes": 2,
    },
}


def examples(method, path):
    """Return the description's example bodies for a call, by their names."""
    described = description()["paths"][path][method]["requestBody"]
    examples = described["content"]["application/json"]["examples"]
    return {name: example["value"] for name, example in examples.items()}


def rows(bodies):
    return [pytest.param(copy.deepcopy(body), id=name) for name, body in bodies.items()]


def split(body):
    """Return a body's content, and what travels beside it."""
    rest = {k: v for k, v in body.items() if k not in ("activity_id", "content_state")}
    return body.get("content_state"), rest


def by_service(name, body, **_):
    content, rest = split(body)
    services.end_activity(content=content, **name, **rest)


def by_endpoint(name, body, **_):
    client = APIClient()
    client.force_login(User.objects.create_superuser("ana"))
    answer = client.post(reverse("django_liveactivity:end"), name | body, format="json")
    assert answer.status_code == 202, answer.json()


def by_command(name, body, *, folder, **_):
    file = folder / "body.json"
    file.write_text(json.dumps(body))
    arguments = [name["stream_key"]] if "stream_key" in name else []
    call_command("liveactivity_end", *arguments, "--content", str(file), verbosity=0)


def by_client(name, body, *, vendor, **_):
    content, rest = split(body)
    with Client(KEY, base_url=vendor.url) as client:
        end = client.end_stream if "stream_key" in name else client.end
        assert end(*name.values(), content, **rest).outcome == Outcome.DELIVERED


WAYS_TO_END = [by_service, by_endpoint, by_command, by_client]


def received(vendor):
    """Return the body of the only call that came from us."""
    (call,) = [c for c in vendor.calls() if c["method"] != "PUT"]
    assert call["status"] == 200, call["answer"]
    return call["body"]


def seconds_shown(vendor):
    """Return how long the ended card stays."""
    (card,) = vendor.phone()["ended"]
    shown = datetime.fromisoformat(card["dismiss_at"]) - datetime.fromisoformat(card["ended_at"])
    return shown.total_seconds()


@pytest.mark.parametrize("way", WAYS_TO_END)
@pytest.mark.parametrize("body", rows({"seed": SEED} | examples("post", END)))
def test_an_end_by_id_reaches_the_vendor_as_it_is_written(vendor, tmp_path, body, way):
    state = body["content_state"]
    vendor.start_elsewhere(ACTIVITY_ID, kind(state))

    way({"activity_id": ACTIVITY_ID}, body, folder=tmp_path, vendor=vendor)
    deliver()

    assert received(vendor) == body
    assert seconds_shown(vendor) == state["auto_dismiss_minutes"] * 60


@pytest.mark.parametrize("way", WAYS_TO_END)
@pytest.mark.parametrize("body", rows(examples("delete", STREAM)))
def test_an_end_by_key_reaches_the_vendor_with_its_minutes_as_seconds(vendor, tmp_path, body, way):
    show_elsewhere(vendor)

    way({"stream_key": STREAM_KEY}, body, folder=tmp_path, vendor=vendor)
    deliver()

    if not body:
        assert received(vendor) is None
        return
    state = dict(body["content_state"])
    minutes = state.pop("auto_dismiss_minutes")
    assert received(vendor) == {"content_state": state | {"auto_dismiss_seconds": minutes * 60}}
    assert seconds_shown(vendor) == minutes * 60


@pytest.mark.parametrize("body", rows(examples("put", STREAM)))
def test_a_stream_reaches_the_vendor_as_it_is_written(vendor, body):
    content, rest = split(body)
    services.stream_activity(STREAM_KEY, content, **rest)
    with Client(KEY, base_url=vendor.url) as client:
        client.stream("by-client", content, **rest)
    deliver()

    assert [call["body"] for call in vendor.calls()] == [body, body]


@pytest.mark.parametrize("body", rows(examples("post", UPDATE)))
def test_an_update_reaches_the_vendor_as_it_is_written(vendor, body):
    content, rest = split(body)
    vendor.start_elsewhere(ACTIVITY_ID, kind(content))

    services.track_activity(ACTIVITY_ID, content, **rest)
    deliver()

    assert received(vendor) == body


def test_a_body_in_the_command_line_and_on_stdin_will_do(vendor, tmp_path, monkeypatch):
    vendor.start_elsewhere(ACTIVITY_ID)
    vendor.start_elsewhere("another")
    call_command("liveactivity_end", "--content", json.dumps(SEED), verbosity=0)
    file = tmp_path / "stdin"
    file.write_text(json.dumps(SEED["content_state"]))
    with file.open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        call_command("liveactivity_end", "--activity-id", "another", "--content", "-", verbosity=0)
    deliver()

    bodies = {call["body"]["activity_id"]: call["body"] for call in vendor.calls()}
    assert bodies == {ACTIVITY_ID: SEED, "another": SEED | {"activity_id": "another"}}


def test_both_kinds_of_end_are_stored_in_seconds(db):
    services.end_activity(stream_key="a", content={"title": "x", "auto_dismiss_seconds": 90})
    services.end_activity(activity_id="b", content={"title": "x", "auto_dismiss_minutes": 0})

    assert list(Operation.objects.values_list("dismiss_seconds", flat=True)) == [90, 0]


def kind(state):
    """Return the type that a card with this content has at the vendor."""
    if "type" in state:
        return state["type"]
    return "progress" if "percentage" in state else "segmented_progress"


def show_elsewhere(vendor):
    """Show the stream of the example without this package."""
    address = f"{vendor.url}/live-activity/stream/{STREAM_KEY}"
    body = examples("put", STREAM)["metrics"]
    answer = httpx.put(address, json=body, headers={"Authorization": f"Bearer {KEY}"})
    assert answer.status_code == 200
