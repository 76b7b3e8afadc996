"""Each rule of the contract about the options beside the content."""

from __future__ import annotations

import pytest

from django_liveactivity.content import Action, AlertMessage, Options
from django_liveactivity.exceptions import InvalidInputError

LINK = {"title": "Open", "type": "open_url", "url": "https://example.com"}
HOOK = {"title": "Stop", "type": "webhook", "url": "https://example.com/stop"}


def nested(depth: int) -> dict[str, object]:
    return {"a": nested(depth - 1)} if depth > 1 else {}


REFUSED = [
    ({"action": "open"}, "action", "Action"),
    ({"action": {**LINK, "title": ""}}, "action.title", "empty"),
    ({"action": {**LINK, "type": "call"}}, "action.type", "'open_url' or 'webhook'"),
    ({"action": {"title": "x", "type": "open_url"}}, "action.url", "required"),
    ({"action": {**LINK, "url": "ftp://example.com"}}, "action.url", "https://"),
    ({"action": {**LINK, "url": "javascript:alert(1)"}}, "action.url", "https://"),
    ({"action": {**LINK, "url": "HTTPS://example.com"}}, "action.url", "https://"),
    ({"action": {**LINK, "url": "https://"}}, "action.url", "host"),
    ({"action": {**LINK, "url": "https:///path"}}, "action.url", "host"),
    ({"action": {**LINK, "url": "https://[::1"}}, "action.url", "not a URL"),
    ({"action": {**LINK, "url": "https://example.com:port"}}, "action.url", "not a URL"),
    ({"action": {**LINK, "url": "https://example.com/a b"}}, "action.url", "whitespace"),
    ({"action": {**LINK, "url": "https://example.com\n"}}, "action.url", "whitespace"),
    ({"action": {**LINK, "url": "shortcuts://run-shortcut"}}, "action.url", "name=…"),
    ({"action": {**LINK, "url": "shortcuts://run-shortcut?name="}}, "action.url", "name=…"),
    ({"action": {**LINK, "url": "shortcuts://open?name=x"}}, "action.url", "run-shortcut"),
    ({"action": {**LINK, "method": "POST"}}, "action.method", "webhooks"),
    ({"action": {**LINK, "body": {}}}, "action.body", "webhooks"),
    ({"action": {**HOOK, "url": "http://example.com"}}, "action.url", "https://"),
    ({"action": {**HOOK, "url": "shortcuts://run-shortcut?name=x"}}, "action.url", "https://"),
    ({"action": {**HOOK, "method": "PUT"}}, "action.method", "'GET' or 'POST'"),
    ({"action": {**HOOK, "body": [1]}}, "action.body", "mapping"),
    ({"action": {**HOOK, "body": {"a": [1, float("nan")]}}}, "action.body.a.1", "finite"),
    ({"action": {**HOOK, "body": {"a": 2**60}}}, "action.body.a", "2**53"),
    ({"action": {**HOOK, "body": {"a": object()}}}, "action.body.a", "number"),
    ({"action": {**HOOK, "body": {"a": "\0"}}}, "action.body.a", "NUL"),
    ({"action": {**HOOK, "body": {1: "a"}}}, "action.body", "string keys"),
    ({"action": {**HOOK, "body": nested(9)}}, "action.body" + ".a" * 8, "8 levels"),
    ({"secondary_action": {**HOOK, "url": "x"}}, "secondary_action.url", "https://"),
    ({"alert": "Hello"}, "alert", "AlertMessage"),
    ({"alert": {"title": 1}}, "alert.title", "string"),
    ({"alert": {"text": "x"}}, "alert.text", "Known fields: title, body"),
    ({"channels": []}, "channels", "at least 1"),
    ({"channels": "ops"}, "channels", "list"),
    ({"channels": ["ops", ""]}, "channels.1", "empty"),
    ({"tags": "abc"}, "tags", "list"),
    ({"tags": ["x"] * 21}, "tags", "at most 20"),
    ({"tags": ["a", "b", "c", "x" * 65]}, "tags.3", "at most 64"),
    ({"tags": [""]}, "tags.0", "empty"),
    ({"tags": [5]}, "tags.0", "string"),
    ({"metadata": []}, "metadata", "mapping"),
    ({"metadata": {str(n): n for n in range(51)}}, "metadata", "at most 50"),
    ({"metadata": {"": 1}}, "metadata.", "1 to 100"),
    ({"metadata": {"k" * 101: 1}}, "metadata." + "k" * 100, "1 to 100"),
    ({"metadata": {1: 1}}, "metadata", "string keys"),
    ({"metadata": {"order": None}}, "metadata.order", "number"),
    ({"metadata": {"order": [1]}}, "metadata.order", "number"),
    ({"metadata": {"order": float("inf")}}, "metadata.order", "finite"),
    ({"metadata": {"order": "x" * 4001}}, "metadata.order", "at most 4000"),
    ({"metadata": {str(n): "x" * 4000 for n in range(5)}}, "metadata", "16384 bytes"),
    ({"metadata": {str(n): "é" * 3000 for n in range(3)}}, "metadata", "16384 bytes"),
    ({"channel": ["ops"]}, "channel", "alert, channels, tags"),
]


@pytest.mark.parametrize(("fields", "path", "words"), REFUSED)
def test_a_broken_rule_is_named_by_its_path(fields, path, words) -> None:
    with pytest.raises(InvalidInputError) as caught:
        Options(**fields)
    assert [error.path for error in caught.value.errors] == [path]
    assert words in caught.value.errors[0].message


def test_the_constructor_of_a_part_gives_its_own_path() -> None:
    with pytest.raises(InvalidInputError) as caught:
        Action(title="Open", type="open_url", url="mailto:a@example.com")
    assert [error.path for error in caught.value.errors] == ["url"]


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "http://example.com/a?b=c#d",
        "https://[::1]:8000/x",
        "shortcuts://run-shortcut?name=Water%20plants",
        "shortcuts://run-shortcut?input=text&name=x",
    ],
)
def test_a_link_may_go_to(url: str) -> None:
    assert Action(title="Open", type="open_url", url=url).to_json()["url"] == url


def test_only_what_was_set_is_sent_and_empty_ones_are_values() -> None:
    assert Options().to_json() == {}
    assert Options(tags=None, metadata=None, alert=None).to_json() == {}
    assert Options(tags=[], metadata={}).to_json() == {"tags": [], "metadata": {}}
    assert Options(alert=AlertMessage(title="")).to_json() == {"alert": {"title": ""}}


def test_metadata_keeps_the_kind_of_each_value() -> None:
    given = {"flag": True, "count": 1, "ratio": 1.0, "name": "1"}
    sent = Options(metadata=given).to_json()["metadata"]
    assert [(value, type(value)) for value in sent.values()] == [
        (value, type(value)) for value in given.values()
    ]


def test_a_webhooks_body_keeps_its_nulls_and_is_a_copy() -> None:
    body = {"job": {"id": 5, "note": None, "on": False, "steps": (1, 2)}, "empty": {}}
    options = Options(action={**HOOK, "method": "GET", "body": body})
    body["job"]["id"] = object()
    assert options.to_json()["action"]["body"] == {
        "job": {"id": 5, "note": None, "on": False, "steps": [1, 2]},
        "empty": {},
    }


def test_a_body_of_eight_levels_is_taken() -> None:
    body = nested(8)
    assert Options(action={**HOOK, "body": body}).to_json()["action"]["body"] == body
