"""The how-to that confines callers, word for word, and what a confined program can do then."""

from __future__ import annotations

import httpx
import pytest

from .project import start_reader
from .terminals import wait_for

pytestmark = pytest.mark.long
SETTINGS = """
INSTALLED_APPS += ["django_liveactivity"]
ALLOWED_HOSTS = ["127.0.0.1"]
DUMMY = {"BACKEND": "django_liveactivity.backends.dummy.DummyBackend", "DISPATCHER": "none"}
LIVEACTIVITY = {"default": DUMMY, "other": DUMMY}
"""
SHOW = """
from django_liveactivity import services
from programs.models import ProgramKey
for key, account in [("ci-42", "default"), ("order-7", "default"), ("ci-43", "other")]:
    services.stream_activity(key, {"type": "alert", "title": "x", "message": "y"}, account=account)
for options in ({}, {"revoked": True}):
    print(ProgramKey.objects.create_key(name="pipeline", stream_prefix="ci-", **options)[1])
"""


def test_a_key_ends_the_cards_of_its_prefix_and_sees_no_others(tmp_path):
    with start_reader(tmp_path) as reader:
        terminal, port = reader.terminal, reader.ports["8000"]
        terminal.run("django-admin startproject config .")
        settings = terminal.folder / "config/settings.py"
        settings.write_text(settings.read_text() + SETTINGS)
        reader.follow("how-to/confine-callers.md", until="Make a key for the pipeline")
        (terminal.folder / "show.py").write_text(SHOW)
        key, revoked = terminal.run("python manage.py shell --no-imports < show.py").split()[-2:]
        terminal.start(f"python manage.py runserver --noreload {port}")

        with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/liveactivity/") as http:
            wait_for(lambda: answers(http), "the server does not answer")
            assert http.get("activities/").status_code == 401
            http.headers["Authorization"] = f"Api-Key {revoked}"
            assert http.get("activities/").status_code == 401
            http.headers["Authorization"] = f"Api-Key {key}"
            check(http)


def answers(http: httpx.Client) -> bool:
    """Tell whether the server is up."""
    try:
        return bool(http.get("activities/"))
    except httpx.ConnectError:
        return False


def check(http: httpx.Client) -> None:
    """Check the page's table, row by row."""
    (mine,) = http.get("activities/").json()["results"]
    assert mine["stream_key"] == "ci-42"
    number = mine["id"]
    ended = http.delete("streams/ci-42/")
    assert ended.status_code == 202
    assert http.get(ended.headers["Location"]).json()["stream_key"] == "ci-42"
    assert http.post("end/", json={"id": number}).status_code == 202
    assert http.post("end/", json={"stream_key": "ci-unknown"}).status_code == 202
    content = {"id": number, "content": {"type": "alert", "title": "x", "message": "z"}}
    assert http.post("end/", json=content).status_code == 403
    for body in (
        {"stream_key": "order-7"},
        {"stream_key": "unknown"},
        {"stream_key": "ci-43", "account": "other"},
        {"id": number + 1},
        {"id": 99},
    ):
        assert http.post("end/", json=body).status_code == 404, body
    assert http.get(f"activities/{number + 1}/").status_code == 404
    assert http.get("activities/", params={"account": "other"}).status_code == 404
    keys = {card["stream_key"] for card in http.get("activities/").json()["results"]}
    assert keys == {"ci-42", "ci-unknown"}
