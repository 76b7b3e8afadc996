"""Bodies made from what an SDK declares, as its user would give them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings, strategies as st

from django_liveactivity.content.endpoints import ENDPOINTS, Endpoint, takes_secondary_action
from django_liveactivity.content.json_schema import content_outline
from tests.content.strategies import json_values, numbers, texts

from .fields import Document, Schema, Source, kind_of

TARGET = "drift"
"""The activity id and the stream key of every call."""
_URLS = {
    "open_url": (
        "https://example.com/a?b=c",
        "http://example.com",
        "shortcuts://run-shortcut?name=Go",
    ),
    "webhook": ("https://example.com/hook",),
}


@dataclass(frozen=True)
class Given:
    """What a caller gives: the call, the type of its card, and the body."""

    endpoint: Endpoint
    card_type: str
    body: dict[str, Any]


def generated(sdk: Source, number: int, start: int = 0) -> list[Given]:
    """Return so many bodies of an SDK; the same *start* makes the same ones."""
    found: list[Given] = []

    @seed(start)
    @settings(
        max_examples=number,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(givens(sdk))
    def collect(each: Given) -> None:
        found.append(each)

    collect()
    return found


class _Model:
    """What an SDK declares for one call, as strategies: made once, as they are slow to make."""

    def __init__(self, endpoint: Endpoint, document: Document) -> None:
        (root,) = document.alternatives(document.schema)
        (content,) = document.alternatives(root["properties"]["content_state"])
        (types,) = document.alternatives(content["properties"]["type"])
        self.endpoint = endpoint
        self.types: list[str] = types["enum"]
        self.fields = {n: values(document, each) for n, each in content["properties"].items()}
        self.bodies = values(document, root)


def givens(sdk: Source) -> st.SearchStrategy[Given]:
    """Return calls with bodies that the SDK's models allow; most keep the rules between fields."""
    models = [_Model(endpoint, document) for endpoint, document in sdk.bodies.items()]
    return st.sampled_from(models).flatmap(_given)


@st.composite
def _given(draw: st.DrawFn, model: _Model) -> Given:
    card_type = draw(st.sampled_from(model.types))
    body = draw(model.bodies)
    keeps_rules = draw(st.integers(0, 4)) > 0
    if "activity_id" in body:
        body["activity_id"] = TARGET
    if "channels" in body:  # here a caller names them once
        body.pop("target", None)
    if content := body.get("content_state"):
        for name in _fields_of_others(card_type) & content.keys():
            del content[name]
        if "type" in content or ENDPOINTS[model.endpoint].type_required or not keeps_rules:
            content["type"] = card_type
        if keeps_rules:
            _complete(draw, model, card_type, content)
            _agree(content)
    if keeps_rules:
        _fit_options(draw, card_type, body)
    return Given(model.endpoint, card_type, body)


def _complete(draw: st.DrawFn, model: _Model, card_type: str, content: dict[str, Any]) -> None:
    """Add what the call needs of this type; nothing is known of a type that is new."""
    for name in draw(st.sampled_from(ENDPOINTS[model.endpoint].required.get(card_type, ((),)))):
        flag, is_flag, _ = name.partition("=")
        if is_flag:
            content[flag] = False
        elif name not in content:
            content[name] = draw(model.fields[name])


@cache
def _fields_of_others(card_type: str) -> frozenset[str]:
    """Return the fields of other types; a field that no type of ours has may belong to this one."""
    own, every = set(), set()
    for name in ENDPOINTS[Endpoint.UPDATE].required:
        fields = {each.path.partition(".")[0] for each in content_outline(Endpoint.UPDATE, name)}
        every |= fields
        own |= fields if name == card_type else set()
    return frozenset(every - own)


def _agree(content: dict[str, Any]) -> None:
    """Keep the rules between the fields of content."""
    if "percentage" in content and ("value" in content) != ("upper_limit" in content):
        content.pop("value", None)
        content.pop("upper_limit", None)
    if "number_of_steps" in content and "current_step" in content:
        content["current_step"] = min(content["current_step"], content["number_of_steps"])
    if "auto_dismiss_seconds" in content:  # two values would contradict each other
        content.pop("auto_dismiss_minutes", None)


def _fit_options(draw: st.DrawFn, card_type: str, body: dict[str, Any]) -> None:
    """Keep the rules of what travels beside content."""
    if not takes_secondary_action(card_type):
        body.pop("secondary_action", None)
    for action in (body[name] for name in ("action", "secondary_action") if name in body):
        action["url"] = draw(st.sampled_from(_URLS[action["type"]]))
        if action["type"] == "open_url":
            action.pop("method", None)
            action.pop("body", None)


def values(document: Document, schema: Schema) -> st.SearchStrategy[Any]:
    """Return a strategy for values of a schema."""
    return st.one_of([_values(document, way) for way in document.alternatives(schema)])


def _values(document: Document, way: Schema) -> st.SearchStrategy[Any]:
    if "enum" in way:
        return st.sampled_from(way["enum"])
    match kind_of(way):
        case "array":
            least, most = way.get("minItems", 0), way.get("maxItems", 4)
            entries = values(document, way["items"])
            usual = st.lists(entries, min_size=max(1, least), max_size=most)
            return _mostly(usual, st.lists(entries, min_size=least, max_size=most))
        case "object":
            return _objects(document, way)
        case kind:
            return _scalars(kind, way)


def _scalars(kind: str, way: Schema) -> st.SearchStrategy[Any]:
    match kind:
        case "string":
            return texts(min_size=way.get("minLength", 1), max_size=way.get("maxLength", 30))
        case "integer":
            return _numbers(way).map(int)
        case "number":
            return _numbers(way).map(_shortest)
        case "boolean":
            return st.booleans()
        case _:
            return json_values


def _numbers(way: Schema) -> st.SearchStrategy[float]:
    """Return numbers in the range, most of them such as any field would take."""
    least, most = way.get("minimum", -1e12), way.get("maximum", 1e12)
    usual = st.integers(max(1, int(least)), min(100, int(most)))
    return _mostly(usual, numbers(least, most))


def _mostly(usual: st.SearchStrategy[Any], other: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 7).flatmap(lambda drawn: usual if drawn else other)


def _shortest(number: float) -> float:
    """Return a number as JavaScript writes it."""
    return int(number) if number == int(number) else number


def _objects(document: Document, way: Schema) -> st.SearchStrategy[dict[str, Any]]:
    fields = {name: values(document, each) for name, each in way.get("properties", {}).items()}
    if not fields:
        entries = way.get("additionalProperties")
        held = values(document, entries) if isinstance(entries, dict) and entries else json_values
        return st.dictionaries(texts(min_size=1), held, max_size=4)
    required = {name: fields.pop(name) for name in way.get("required", ())}
    return st.fixed_dictionaries(required, optional=fields)
