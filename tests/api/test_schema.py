"""The host's OpenAPI schema describes the endpoint, and an error names the missing extra."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import jsonschema
import pytest
from django.urls import reverse
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import patched_settings
from drf_spectacular.validation import validate_schema
from jsonschema import Draft4Validator, Draft202012Validator

from django_liveactivity.api.openapi import END_EXAMPLES, STREAM_EXAMPLES
from django_liveactivity.api.serializers import EndSerializer
from django_liveactivity.content import cards

from .conftest import ends, show
from .test_bad_input import BAD, key


def generated(version):
    GENERATOR_STATS.reset()
    with patched_settings({"OAS_VERSION": version}):
        schema = SchemaGenerator().get_schema(public=True)
        assert not GENERATOR_STATS
        validate_schema(schema)
    return schema


@pytest.fixture(scope="module")
def schema():
    return generated("3.1.0")


@pytest.fixture(scope="module")
def schema_3_0():
    return generated("3.0.3")


def resolved(schema, name):
    return {"$ref": f"#/components/schemas/{name}", "components": schema["components"]}


def validator(schema, name):
    kinds = {"3.0.3": Draft4Validator, "3.1.0": Draft202012Validator}
    checker = Draft202012Validator.FORMAT_CHECKER
    return kinds[schema["openapi"]](resolved(schema, name), format_checker=checker)


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
def test_it_is_valid_and_made_without_a_warning(version):
    schema = generated(version)

    assert schema["openapi"] == version
    assert all(name.startswith("LiveActivity") for name in schema["components"]["schemas"])


def test_it_names_every_answer(schema):
    (operation,) = schema["paths"]["/liveactivity/end/"].values()

    assert operation["operationId"] == "liveactivity_end"
    assert set(operation["responses"]) == {
        *("200", "202", "400", "401", "403", "404", "406", "411", "413", "415", "429", "503")
    }
    assert list(operation["requestBody"]["content"]) == ["application/json"]


def test_it_names_the_headers_that_a_client_follows(schema):
    answers = schema["paths"]["/liveactivity/end/"]["post"]["responses"]

    headers = {
        status: list(each["headers"]) for status, each in answers.items() if "headers" in each
    }
    assert headers == {"202": ["Location"], "429": ["Retry-After"]}


def test_it_names_every_field_of_the_body(schema):
    body = schema["components"]["schemas"]["LiveActivityEnd"]

    assert set(body["properties"]) == set(EndSerializer().fields)
    assert "required" not in body


def test_it_says_that_callers_authenticate_although_the_host_s_default_is_open(schema):
    (operation,) = schema["paths"]["/liveactivity/end/"].values()

    assert operation["security"]
    assert {} not in operation["security"]


ACTION = {"title": "Open", "type": "open_url", "url": "https://example.com/"}
TITLE = {"title": "Done"}
METRIC = {"label": "CPU", "value": 7}
CONTENT = [
    {**TITLE},
    {**TITLE, "type": None},
    {**TITLE, "percentage": 100, "subtitle": None, "value": None},
    {**TITLE, "type": "progress", "value": 3, "upper_limit": 9, "percentage": None},
    {**TITLE, "type": None, "current_step": 1, "number_of_steps": 2},
    {**TITLE, "metrics": [METRIC]},
    {**TITLE, "type": "stats", "metrics": [METRIC | {"value": "warm"}]},
    {**TITLE, "message": "Eaten", "badge": {"title": "!", "color": "red"}},
    {**TITLE, "type": "timer"},
    {**TITLE, "counts_down": False, "auto_dismiss_minutes": 2},
    {**TITLE, "value": "42 %", "icon": {"symbol": "oven"}},
    {**TITLE, "type": "value", "value": -4.5},
]
URLS = [
    "http://example.com:65535/a?b#c",
    "https://user:secret@example.com",
    "shortcuts://run-shortcut?input=text&name=Lights%20off",
]
GOOD = [
    *({"stream_key": "order-42", "content": content} for content in CONTENT),
    *({"stream_key": "order-42", "content_state": content} for content in CONTENT),
    {"activity_id": "pLAr", "content": TITLE},
    {"subject": {"model": "shop.Order", "pk": "7"}},
    {"stream_key": "order-42", "at": "2031-05-06T07:08:09.5+02:00", "reason": ""},
    {"stream_key": "order-42", "after": 1, "account": "default", "tags": [], "metadata": {}},
    {"stream_key": "order-42", "metadata": {"a": 1.5, "b": True, "c": "d"}, "tags": ["t"]},
    {"stream_key": "order-42", "alert": {"title": None}},
    *({"stream_key": "order-42", "action": ACTION | {"url": url, "body": None}} for url in URLS),
    {
        "stream_key": "order-42",
        "action": ACTION | {"type": "webhook", "method": "POST", "body": {"a": [{"b": None}]}},
    },
]
MINUTES = {**TITLE, "auto_dismiss_minutes": 2}
UNSAID = [
    {"activity_id": "pLAr"},  # content is known for some
    key(dismiss_after=60),
    key(content_state=MINUTES, dismiss_after=60),  # two values contradict each other
    key(account="nowhere"),
    *({"subject": {"model": m, "pk": pk}} for m, pk in [("shop.Order", "x"), ("shop.Line", "1")]),
    {"subject": {"model": "shop.Shift", "pk": "999999999999 00:00:00"}},
    # Python's "$" lets a newline through, JavaScript's does not; and its strings take a surrogate.
    {"stream_key": "a\n"},
    {"activity_id": "pLAr\n"},
    {"subject": {"model": "shop.Machine", "pk": "\ud800"}},
    key(content={"type": "timer", "title": "\ud800"}),
    key(reason="\ud800"),
    {"id": 1.0},  # which is an integer to JSON Schema
]


@pytest.mark.django_db
@pytest.mark.parametrize("body", GOOD, ids=lambda body: ascii(body)[:60])
def test_what_it_describes_is_taken(client, url, schema, body):
    validator(schema, "LiveActivityEnd").validate(body)

    assert client.post(url, body).status_code in {200, 202}


def test_openapi_3_0_describes_the_same_but_null(schema_3_0):
    """Draft 4 is what 3.0 is made of, without its ``nullable``."""
    old = validator(schema_3_0, "LiveActivityEnd")

    assert all(old.is_valid(body) for body in GOOD if "null" not in json.dumps(body))


def test_what_is_refused_is_not_described_where_a_schema_can_say_it(schema):
    described = validator(schema, "LiveActivityEnd").is_valid

    assert [body for body, _ in BAD if described(body) and body not in UNSAID] == []


def test_openapi_3_0_refuses_the_same_but_names_and_integers(schema, schema_3_0):
    """It has no schema for the names of properties, and draft 4 has no integer that is 1.0."""
    new, old = (validator(each, "LiveActivityEnd").is_valid for each in (schema, schema_3_0))

    assert [body for body, _ in BAD if old(body) and not new(body)] == []


@pytest.mark.django_db
@pytest.mark.parametrize("example", END_EXAMPLES, ids=lambda example: example.name)
def test_its_examples_are_taken(client, url, schema, example):
    validator(schema, "LiveActivityEnd").validate(example.value)

    assert client.post(url, example.value).status_code == 202
    assert ends().count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("example", STREAM_EXAMPLES, ids=lambda example: example.name)
def test_its_examples_of_a_stream_are_taken(client, schema, example):
    validator(schema, "LiveActivityStreamEnd").validate(example.value)
    address = reverse("django_liveactivity:stream", args=["prod-web-1"])

    assert client.delete(address, example.value).status_code == 202


def test_it_names_the_seven_types_of_content(schema):
    named = schema["components"]["schemas"]["LiveActivityEnd"]["properties"]["content"]["oneOf"]

    types = [f"LiveActivity{each.__name__}" for each in cards.CONTENT_TYPES.values()]
    names = [each["$ref"].rpartition("/")[2] for each in named]
    assert names == [*types, "LiveActivityContent"]


def test_it_tells_of_the_body_of_a_delete(schema):
    operation = schema["paths"]["/liveactivity/streams/{stream_key}/"]["delete"]

    body = operation["requestBody"]["content"]["application/json"]["schema"]
    (key,) = [each for each in operation["parameters"] if each["in"] == "path"]
    assert body == {"$ref": "#/components/schemas/LiveActivityStreamEnd"}
    assert key["schema"]["pattern"] == "^[A-Za-z0-9_-]{1,255}$"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "component"),
    [
        ({"stream_key": "order-42"}, "LiveActivityEnded"),
        ({"stream_key": "a/b"}, "LiveActivityInputProblem"),
        ({"id": 99}, "LiveActivityProblem"),
    ],
)
def test_the_answers_are_what_it_says(client, url, schema, body, component):
    show()

    jsonschema.validate(client.post(url, body).json(), resolved(schema, component))


@pytest.mark.parametrize("missing", ["rest_framework", "drf_spectacular"])
def test_a_missing_extra_is_named(missing):
    code = f"import sys; sys.modules[{missing!r}] = None; import django_liveactivity.api.urls"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.rstrip().endswith("pip install 'django-liveactivity[drf]'")


def test_the_routes_are_mounted_without_pydantic():
    code = (
        "import django, sys; django.setup(); import django_liveactivity.api.urls; "
        "sys.exit('pydantic' in sys.modules)"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}

    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0
