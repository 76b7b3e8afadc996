"""What holds for all content and all options, and how the official SDK reads the bodies."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings, strategies as st

from django_liveactivity.content import Content, Options
from django_liveactivity.content.cards import CONTENT_TYPES
from django_liveactivity.content.encoding import encode
from django_liveactivity.content.endpoints import Endpoint, assemble, check_content, check_options
from django_liveactivity.content.parsing import parse_content
from django_liveactivity.exceptions import InvalidInputError

from .sdk import SDK_MODELS, missing_from, understood
from .strategies import FIELDS, contents, json_values, options


@given(st.data(), st.sampled_from(list(FIELDS)))
def test_content_sends_exactly_what_was_set_and_its_type(data, cls) -> None:
    fields = data.draw(FIELDS[cls])
    assert cls(**fields).to_json() == {**fields, "type": cls.model_fields["type"].default}
    assert cls(**fields, type=None).to_json() == fields


@given(contents())
def test_content_survives_the_wire(content) -> None:
    assert parse_content(json.loads(encode(content.to_json()))) == content


@given(options)
def test_options_send_exactly_what_was_set(fields) -> None:
    sent = Options(**fields).to_json()
    assert sent == fields
    assert Options(**json.loads(encode(sent))) == Options(**fields)


@given(
    st.sampled_from(list(CONTENT_TYPES.values())),
    st.dictionaries(
        st.sampled_from(sorted({n for c in CONTENT_TYPES.values() for n in c.model_fields}))
        | st.text(max_size=5),
        json_values | st.floats() | st.integers() | st.text() | st.binary(max_size=3),
    ),
)
def test_any_input_is_content_or_an_error_with_paths(cls, fields) -> None:
    try:
        content = cls.model_validate(fields)
    except InvalidInputError as refusal:
        errors = refusal.errors
    else:
        assert json.loads(encode(content.to_json())) == content.to_json()
        return
    assert errors
    assert all(isinstance(path, str) and message for path, message in errors)


def acceptable(endpoint: Endpoint, content: Content, chosen: Options) -> bool:
    try:
        check_content(endpoint, content)
        check_options(endpoint, content.type, chosen)
    except InvalidInputError:
        return False
    return True


@pytest.mark.parametrize("endpoint", SDK_MODELS)
@settings(max_examples=50)
@given(contents(), options, st.none() | st.integers(0, 14_400))
def test_the_sdk_understands_every_body(endpoint, content, fields, dismiss_seconds) -> None:
    chosen = Options(**fields)
    if not acceptable(endpoint, content, chosen):
        chosen = Options()
    if endpoint not in {Endpoint.END, Endpoint.END_STREAM}:
        dismiss_seconds = None
    if not acceptable(endpoint, content, chosen):
        return
    body = assemble(endpoint, content.to_json(), chosen.to_json(), dismiss_seconds)
    if endpoint in {Endpoint.UPDATE, Endpoint.END}:
        body["activity_id"] = "pLAr"
    assert missing_from(understood(endpoint, body), body) == []
