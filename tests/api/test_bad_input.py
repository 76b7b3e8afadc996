"""Every bad body is refused with 400 and the paths of its fields, and nothing is written."""

from __future__ import annotations

import json

import pytest

from django_liveactivity import SegmentedProgress, services
from django_liveactivity.api.parsers import MAX_BYTES
from django_liveactivity.models import LiveActivity, Operation

from .conftest import ends, show

pytestmark = pytest.mark.django_db
ACTION = {"title": "Open", "type": "open_url", "url": "https://example.com/"}
TITLE = {"title": "Done"}


def key(**fields):
    return {"stream_key": "order-42", **fields}


def paths(answer) -> list[str]:
    assert answer.status_code == 400
    assert all(set(e) == {"path", "message"} and e["message"] for e in answer.json()["errors"])
    return [e["path"] for e in answer.json()["errors"]]


BAD = [
    # no name, or too many
    ({}, [""]),
    ([], [""]),
    ("order-42", [""]),
    (None, [""]),
    ({"reason": "why"}, [""]),
    (key(activity_id="pLAr"), [""]),
    (key(id=1), [""]),
    # names
    ({"stream_key": "a/b"}, ["stream_key"]),
    ({"stream_key": "../x"}, ["stream_key"]),
    ({"stream_key": "a\n"}, ["stream_key"]),
    ({"stream_key": " a"}, ["stream_key"]),
    ({"stream_key": ""}, ["stream_key"]),
    ({"stream_key": "k" * 256}, ["stream_key"]),
    ({"stream_key": "ä"}, ["stream_key"]),
    ({"stream_key": "a?b"}, ["stream_key"]),
    ({"stream_key": "a\0"}, ["stream_key"]),
    ({"stream_key": "\ud800"}, ["stream_key"]),
    ({"stream_key": 42}, ["stream_key"]),
    ({"stream_key": None}, ["stream_key"]),
    ({"activity_id": "a b"}, ["activity_id"]),
    ({"activity_id": "pLAr\n"}, ["activity_id"]),
    ({"activity_id": ["pLAr"]}, ["activity_id"]),
    ({"activity_id": "pLAr"}, ["content"]),
    ({"id": "1"}, ["id"]),
    ({"id": 0}, ["id"]),
    ({"id": 1.0}, ["id"]),
    ({"id": True}, ["id"]),
    ({"id": 2**63}, ["id"]),
    ({"subject": "shop.Order"}, ["subject"]),
    ({"subject": {}}, ["subject.model", "subject.pk"]),
    ({"subject": {"model": "shop.Order", "pk": 42}}, ["subject.pk"]),
    ({"subject": {"model": "shop.Order", "pk": "x"}}, ["subject.pk"]),
    ({"subject": {"model": "shop.Order", "pk": "1", "id": 1}}, ["subject.id"]),
    ({"subject": {"model": "shop.Shift", "pk": "999999999999 00:00:00"}}, ["subject.pk"]),
    ({"subject": {"model": "shop.Line", "pk": "1"}}, ["subject.pk"]),
    ({"subject": {"model": "shop.Machine", "pk": "a\0b"}}, ["subject.pk"]),
    ({"subject": {"model": "shop.Machine", "pk": "\ud800"}}, ["subject.pk"]),
    ({"subject": {"model": "shop.Machine", "pk": "x" * 256}}, ["subject.pk"]),
    ({"subject": {"model": "m" * 256, "pk": "1"}}, ["subject.model"]),
    # fields that there are not
    (key(acount="default"), ["acount"]),
    (key(channels=["ops"], source="me"), ["channels", "source"]),
    (key(actor="somebody else"), ["actor"]),
    ({"stream_key": "a", "\ud800": 1}, ["\\ud800"]),
    (key(unknown=1, id="x"), ["id", "unknown"]),
    # content
    (key(content="Done"), ["content"]),
    (key(content=None), ["content"]),
    (key(content={}), ["content.title"]),
    (key(content={"title": "Done", "percentage": 101}), ["content.percentage"]),
    (key(content={"title": "Done", "percentage": "5"}), ["content.percentage"]),
    (key(content={"title": "Done", "percentage": 10**400}), ["content.percentage"]),
    (key(content={"title": "", "percentage": 1}), ["content.title"]),
    (key(content={"title": "Done", "type": "pie"}), ["content.type"]),
    (key(content={"title": "Done", "action": ACTION}), ["content.action"]),
    (key(content={"title": "Done", "dismiss_after": 1}), ["content.dismiss_after"]),
    (
        key(content={"type": "metrics", "title": "Done", "metrics": [{"label": "CPU"}]}),
        ["content.metrics.0.value"],
    ),
    (key(content={"type": "timer", "title": "\ud800"}), ["content.title"]),
    (key(content={"title": "Done", "\ud800": 1}), ["content.\\ud800"]),
    (key(content_state={"title": "Done", "percentage": 101}), ["content_state.percentage"]),
    (key(content_state="Done"), ["content_state"]),
    (key(content_state=TITLE, content=TITLE), ["content_state"]),
    # when, and for how long
    (key(content=TITLE | {"auto_dismiss_minutes": "2"}), ["content.auto_dismiss_minutes"]),
    (
        key(content_state=TITLE | {"auto_dismiss_minutes": 2}, dismiss_after=60),
        ["content_state.auto_dismiss_minutes"],
    ),
    (key(content=TITLE, dismiss_after=-1), ["dismiss_after"]),
    (key(content=TITLE, dismiss_after=14401), ["dismiss_after"]),
    (key(content=TITLE, dismiss_after="60"), ["dismiss_after"]),
    (key(content=TITLE, dismiss_after=1.5), ["dismiss_after"]),
    (key(content=TITLE, dismiss_after=True), ["dismiss_after"]),
    (key(dismiss_after=60), ["content"]),
    (key(at="tomorrow"), ["at"]),
    (key(at="2031-05-06T07:08:09"), ["at"]),
    (key(at="2031-02-30T07:08:09Z"), ["at"]),
    (key(at="0001-01-01T00:00:00+23:00"), ["at"]),
    (key(at="9999-12-31T23:59:59-23:00"), ["at"]),
    (key(at=1_900_000_000), ["at"]),
    (key(after=0), ["after"]),
    (key(after="60"), ["after"]),
    (key(after=1.5), ["after"]),
    (key(after=31_622_401), ["after"]),
    (key(after=10**12), ["after"]),
    (key(at="2031-05-06T07:08:09Z", after=60), ["at"]),
    # the rest
    (key(account="nowhere"), ["account"]),
    (key(account=1), ["account"]),
    (key(reason=1), ["reason"]),
    (key(reason="a\0b"), ["reason"]),
    (key(reason="\ud800"), ["reason"]),
    (key(reason="r" * 1001), ["reason"]),
    (key(account="a" * 65), ["account"]),
    (key(action="Open"), ["action"]),
    (key(action=ACTION | {"url": "ftp://example.com"}), ["action.url"]),
    (key(action=ACTION | {"type": "call"}), ["action.type"]),
    (key(alert={"titel": "x"}), ["alert.titel"]),
    ({"activity_id": "p", "content": TITLE, "alert": {"title": "x"}}, ["alert"]),
    (key(tags="a"), ["tags"]),
    (key(tags=["a", 1]), ["tags.1"]),
    (key(tags=["a", ""]), ["tags.1"]),
    (key(tags=["t"] * 21), ["tags"]),
    (key(tags=[1] * 21), ["tags"]),
    (key(metadata=[]), ["metadata"]),
    (key(metadata={"a": None}), ["metadata.a"]),
    (key(metadata={"a": {"b": 1}}), ["metadata.a"]),
]


@pytest.mark.parametrize(("body", "expected"), BAD, ids=lambda value: ascii(value)[:60])
def test_a_bad_body_is_refused_with_its_paths(client, url, body, expected):
    answer = client.post(url, json.dumps(body), content_type="application/json")

    assert paths(answer) == expected
    assert not Operation.objects.exists()
    assert not LiveActivity.objects.exists()


def test_content_of_another_type_than_the_card_s_is_refused(client, url):
    show()
    content = {"type": "alert", "title": "Done", "message": "Eaten"}

    assert paths(client.post(url, key(content=content))) == ["content.type"]
    assert paths(client.post(url, key(content_state=content))) == ["content_state.type"]
    assert not ends().exists()


def test_content_without_a_type_is_held_to_the_card_s_own(client, url):
    steps = SegmentedProgress(title="Deploy", current_step=1, number_of_steps=2)
    services.stream_activity("order-42", steps)

    answer = client.post(url, key(content={"title": "Done"}))

    assert paths(answer) == ["content.current_step"]
    assert not ends().exists()


def test_a_secondary_action_that_the_card_cannot_show_is_refused(client, url):
    services.stream_activity("order-42", {"type": "timer", "title": "T", "duration_seconds": 60})

    assert paths(client.post(url, key(secondary_action=ACTION))) == ["secondary_action"]
    assert not ends().exists()


class TestJson:
    @pytest.mark.parametrize(
        "body",
        [
            "{",
            "[" * 100_000,
            b'{"stream_key": "\xff"}',
            b'\xef\xbb\xbf{"stream_key": "a"}',
            '{"stream_key": "a"}'.encode("utf-16"),
            '{"stream_key": "a"}, {}',
            '{"stream_key": "a\n"}',
            "{'stream_key': 'a'}",
        ],
        ids=["cut", "deep", "not UTF-8", "BOM", "UTF-16", "two", "raw control", "Python"],
    )
    def test_what_is_no_json_is_refused(self, client, url, body):
        assert paths(client.post(url, body, content_type="application/json")) == [""]

    def test_brackets_in_a_text_are_not_nested(self, client, url):
        reason = '"\\' + "[" * 600
        assert client.post(url, key(reason=reason)).status_code == 202
        assert ends().get().reason == reason

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ('{"stream_key": "a", "stream_key": "b"}', ["stream_key"]),
            ('{"stream_key": "a", "stream\\u005fkey": "b"}', ["stream_key"]),
            ('{"stream_key": "a", "content": {"title": "A", "title": "A"}}', ["content.title"]),
            (
                '{"content": {"metrics": [{}, {"label": 1, "label": 2, "value": 1, "value": 2}]}}',
                ["content.metrics.1.label", "content.metrics.1.value"],
            ),
            (
                '{"stream_key": NaN, "content": {"percentage": -Infinity}}',
                ["stream_key", "content.percentage"],
            ),
            ('{"stream_key": "a", "metadata": {"a": 1e999}}', ["metadata.a"]),
            ('{"stream_key": "a", "after": ' + "9" * 5000 + "}", ["after"]),
            ('{"metadata": ' + '{"a":' * 16 + "1" + "}" * 17, ["metadata" + ".a" * 15]),
            ('{"tags": ["\\ud83d", "\\ud83d\\ude00"]}', ["tags.0"]),
        ],
        ids=lambda value: ascii(value)[:60],
    )
    def test_what_other_readers_take_in_another_way_is_refused_by_its_path(
        self, client, url, body, expected
    ):
        assert paths(client.post(url, body, content_type="application/json")) == expected
        assert not Operation.objects.exists()

    @pytest.mark.parametrize(
        ("content_type", "body"),
        [
            ("application/x-www-form-urlencoded", "stream_key=a"),
            ("multipart/form-data; boundary=x", "--x--"),
            ("text/plain", '{"stream_key": "a"}'),
        ],
    )
    def test_other_formats_are_not_read(self, client, url, content_type, body):
        assert client.post(url, body, content_type=content_type).status_code == 415
        assert not ends().exists()

    def test_other_formats_are_not_spoken(self, client, url):
        answer = client.post(url, key(), headers={"accept": "text/html"})

        assert answer.status_code == 406

    def test_too_large_a_body_is_not_read(self, client, url):
        assert client.post(url, key(reason="r" * MAX_BYTES)).status_code == 413
        assert not ends().exists()

    def test_too_large_a_body_is_not_parsed(self, client, url):
        answer = client.post(url, "[" * (MAX_BYTES + 1), content_type="application/json")

        assert answer.status_code == 413
        assert set(answer.json()) == {"type", "title", "status", "detail"}

    @pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
    def test_nothing_but_post_is_answered(self, client, url, method):
        assert getattr(client, method)(url).status_code == 405


HUGE = {
    "unknown fields": {str(number): 0 for number in range(10_000)},
    "a long name": {"n" * 100_000: 0},
    "odd names": {f"\U0001f600{number}" * 20: 0 for number in range(400)},
    "repeated keys": "{" + ",".join(f'"{n}":0,"{n}":0' for n in range(5_000)) + "}",
    "numbers": '{"metadata":{' + ",".join(f'"{n}":NaN' for n in range(5_000)) + "}}",
    "surrogates": '{"tags":[' + ",".join(['"\\ud800"'] * 5_000) + "]}",
    "under a long name": '{"' + "n" * 60_000 + '":[' + ",".join(["NaN"] * 15_000) + "]}",
    "tags": key(tags=[1] * 40_000),
    "unknown fields of the subject": {"subject": {str(n): 0 for n in range(10_000)}},
    "a model": {"subject": {"model": "m" * 100_000, "pk": "1"}},
    "a model that is none": {"subject": {"model": "shop." + "m" * 250, "pk": "1"}},
    "a key": {"subject": {"model": "shop.Order", "pk": "1" * 100_000}},
    "a stream key": {"stream_key": "/" * 100_000},
    "an account": key(account="a" * 100_000),
    "a moment": key(at="9" * 100_000),
    "a list": [0] * 40_000,
    "a reason": key(reason="r" * 100_000),
}


@pytest.mark.parametrize("body", HUGE.values(), ids=HUGE)
def test_a_huge_body_has_a_small_answer(client, url, body):
    raw = body if isinstance(body, str) else json.dumps(body)
    assert len(raw) <= MAX_BYTES

    answer = client.post(url, raw, content_type="application/json")

    assert answer.status_code in {400, 404}
    assert len(answer.json().get("errors", ())) <= 50
    assert len(answer.content) < 32 * 1024


def test_an_unknown_account_or_model_names_no_others(client, url, settings):
    settings.LIVEACTIVITY = settings.LIVEACTIVITY | {"secret": settings.LIVEACTIVITY["default"]}

    account = client.post(url, key(account="nowhere"))
    model = client.post(url, {"subject": {"model": "shop.Ordr", "pk": "1"}})

    assert paths(account) == ["account"]
    assert model.status_code == 404
    told = account.content.decode() + model.content.decode()
    assert not [name for name in ("secret", "default", "Order", "auth") if name in told]


def test_a_dismissal_beside_the_content_is_told_where_it_belongs(client, url):
    answer = client.post(url, key(auto_dismiss_minutes=2))

    assert answer.json()["errors"] == [
        {
            "path": "auto_dismiss_minutes",
            "message": "Belongs in content_state; or give dismiss_after, in seconds.",
        }
    ]
