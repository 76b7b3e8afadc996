"""The body of a call by its value: what it shows, and what it carries from content never sent."""

from __future__ import annotations

import pytest

from django_liveactivity.delivery.rules.bodies import content_call, end_call, inherit_options
from django_liveactivity.models import Lane, Operation

Kind = Operation.Kind
STREAM = Lane(stream_key="oven")
MANUAL = Lane(activity_id="card-1")
ACTION = {"title": "Open", "type": "open_url", "url": "https://example.com/42"}
ALL = {"action": ACTION, "channels": ["a"], "tags": ["b"], "metadata": {"n": 1}}


def timer(pk: int = 1, **values) -> Operation:
    content = {"title": "Oven", "type": "timer", "duration_seconds": 300}
    return Operation(pk=pk, kind=Kind.STREAM, **{"content": content} | values)


def progress(pk: int = 1, percentage: int = 40, **values) -> Operation:
    content = {"title": "Oven", "type": "progress", "percentage": percentage}
    return Operation(pk=pk, kind=Kind.STREAM, **{"content": content} | values)


def end(pk: int = 9, **values) -> Operation:
    return Operation(pk=pk, kind=Kind.END, **values)


def shown(pk: int) -> Lane:
    return Lane(stream_key="oven", displayed_id=pk)


class TestContent:
    def test_carries_what_was_never_sent(self):
        newest = timer(2, content={"title": "Nearly", "type": "timer"})
        call = content_call(STREAM, newest, [timer(1, options=ALL)])
        assert call.body == {
            "content_state": {"title": "Nearly", "type": "timer", "duration_seconds": 300},
            "channels": ["a"],
            "tags": ["b"],
            "metadata": {"n": 1},
        }

    def test_carries_no_length_to_what_is_no_timer(self):
        call = content_call(STREAM, progress(2), [timer(1)])
        assert call.body == {"content_state": progress().content}

    def test_has_a_length_and_options_of_its_own_before_what_it_carries(self):
        newest = timer(2, options={"tags": ["c"]})
        newest.content["duration_seconds"] = 60
        call = content_call(STREAM, newest, [timer(1, options=ALL)])
        assert call.body["content_state"]["duration_seconds"] == 60
        assert (call.body["tags"], call.body["metadata"]) == (["c"], {"n": 1})

    def test_of_a_manual_card_is_an_update(self):
        call = content_call(MANUAL, progress(2, options={"tags": ["c"], "channels": ["a"]}), [])
        assert (call.endpoint, call.target) == ("update", "card-1")
        assert call.body == {"content_state": progress().content, "tags": ["c"]}


class TestWhatIsCarried:
    def test_is_what_the_vendor_keeps_when_it_is_left_out(self):
        assert inherit_options([timer(1, options=ALL)]) == {
            "channels": ["a"],
            "tags": ["b"],
            "metadata": {"n": 1},
            "duration_seconds": 300,
        }

    def test_is_handed_on(self):
        older = progress(1, inherited_options={"tags": ["a"], "metadata": {"n": 1}})
        newer = progress(2, options={"tags": ["b"]})
        assert inherit_options([older, newer]) == {"tags": ["b"], "metadata": {"n": 1}}


class TestAnEnd:
    def test_has_no_body_if_the_phone_shows_the_newest(self):
        assert end_call(shown(1), [end()], progress(1)).body == {}

    def test_has_no_body_if_nothing_is_known(self):
        call = end_call(STREAM, [end(dismiss_seconds=5)], None)
        assert (call.body, call.endpoint) == ({}, "end_stream")

    @pytest.mark.parametrize("lane", [shown(1), STREAM])
    def test_shows_the_newest_that_the_phone_does_not(self, lane):
        call = end_call(lane, [end()], progress(2, 90))
        assert call.body == {"content_state": progress(2, 90).content}

    def test_shows_the_newest_with_a_dismissal_or_options(self):
        assert end_call(shown(1), [end(dismiss_seconds=0)], progress(1)).body == {
            "content_state": {**progress().content, "auto_dismiss_seconds": 0}
        }
        alert = {"title": "Done"}
        assert end_call(shown(1), [end(options={"alert": alert})], progress(1)).body == {
            "content_state": progress().content,
            "alert": alert,
        }

    @pytest.mark.parametrize(("pk", "told"), [(1, {}), (2, {"tags": ["b"], "metadata": {"n": 1}})])
    def test_tells_the_tags_that_were_never_sent(self, pk, told):
        call = end_call(shown(1), [end(dismiss_seconds=5)], progress(pk, options=ALL))
        content = {**progress().content, "auto_dismiss_seconds": 5}
        assert call.body == {"content_state": content, "action": ACTION, **told}

    def test_tells_what_the_newest_carries(self):
        call = end_call(shown(1), [end()], progress(2, inherited_options={"tags": ["a"]}))
        assert call.body["tags"] == ["a"]

    def test_shows_the_content_of_the_newer_of_two_ends_and_the_dismissal_too(self):
        first = end(3, content=progress(0, 98).content, dismiss_seconds=60)
        second = end(4, content=progress(0, 99).content, dismiss_seconds=30)
        call = end_call(shown(1), [first, second], progress(2, 90))
        assert call.body["content_state"] == {
            **progress(0, 99).content,
            "auto_dismiss_seconds": 30,
        }

    def test_keeps_what_only_the_older_of_two_ends_says(self):
        content, button = progress(0, 98).content, {"action": ACTION}
        first = end(3, content=content, options=button, dismiss_seconds=60)
        call = end_call(shown(1), [first, end(4)], progress(2, 90))
        assert call.body == {"content_state": {**content, "auto_dismiss_seconds": 60}, **button}

    def test_freezes_a_timer(self):
        body = end_call(shown(1), [end(dismiss_seconds=5)], timer(1)).body
        assert body["content_state"] == {
            "title": "Oven",
            "type": "timer",
            "auto_dismiss_seconds": 5,
        }


class TestAnEndThatWasRefused:
    @pytest.mark.parametrize("stripped", [3, 4])
    def test_of_a_stream_has_no_body(self, stripped):
        ends = [end(pk, content=progress().content, stripped=pk == stripped) for pk in (3, 4)]
        assert end_call(STREAM, ends, progress(2)).body == {}

    def test_of_a_manual_card_has_a_title_alone(self):
        refused = end(content=progress().content, dismiss_seconds=5, stripped=True)
        assert end_call(MANUAL, [refused], None).body == {"content_state": {"title": "Oven"}}


class TestAnEndOfAManualCard:
    def test_shows_the_newest_although_the_phone_does(self):
        lane = Lane(activity_id="card-1", displayed_id=1)
        call = end_call(lane, [end(dismiss_seconds=61)], progress(1))
        assert (call.endpoint, call.target) == ("end", "card-1")
        assert call.body == {"content_state": {**progress().content, "auto_dismiss_minutes": 2}}
        assert end_call(lane, [end()], progress(1)).body == {"content_state": progress().content}

    def test_has_a_title_if_nothing_is_known(self):
        assert end_call(MANUAL, [end()], None).body == {"content_state": {"title": "Ended"}}
