"""The host's OpenAPI schema tells of the endpoint, and the extra is named where it is missing."""

from __future__ import annotations

import subprocess
import sys

import jsonschema
import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from django_liveactivity.api.serializers import EndSerializer

from .conftest import show


@pytest.fixture(scope="module")
def schema():
    GENERATOR_STATS.reset()
    generated = SchemaGenerator().get_schema(public=True)
    assert not GENERATOR_STATS
    return generated


def resolved(schema, name):
    return {"$ref": f"#/components/schemas/{name}", "components": schema["components"]}


def test_it_is_valid_and_made_without_a_warning(schema):
    validate_schema(schema)


def test_it_names_every_answer(schema):
    (operation,) = schema["paths"]["/liveactivity/end/"].values()

    assert operation["operationId"] == "liveactivity_end"
    assert set(operation["responses"]) == {
        *("200", "202", "400", "401", "403", "404", "406", "411", "413", "415", "429", "503")
    }
    assert list(operation["requestBody"]["content"]) == ["application/json"]


def test_it_names_every_field_of_the_body(schema):
    body = schema["components"]["schemas"]["LiveActivityEnd"]

    assert set(body["properties"]) == set(EndSerializer().fields)
    assert "required" not in body


def test_it_says_that_callers_authenticate_although_the_host_s_default_is_open(schema):
    (operation,) = schema["paths"]["/liveactivity/end/"].values()

    assert operation["security"]
    assert {} not in operation["security"]


def test_its_components_carry_our_name(schema):
    assert all(name.startswith("LiveActivity") for name in schema["components"]["schemas"])


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
