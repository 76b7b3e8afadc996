"""What each endpoint takes for each content type."""

from __future__ import annotations

import pytest

from django_liveactivity.content import (
    Alert,
    Content,
    Metrics,
    Options,
    Progress,
    SegmentedProgress,
    Stats,
    Timer,
    Value,
)
from django_liveactivity.content.cards import CONTENT_TYPES
from django_liveactivity.content.encoding import BODY_LIMIT, CONTENT_LIMIT, OPTIONS_LIMIT, encode
from django_liveactivity.content.endpoints import (
    ENDPOINTS,
    TYPE_NAMES,
    Endpoint,
    assemble,
    check_content,
    check_options,
)
from django_liveactivity.exceptions import ContentRequiredError, InvalidInputError

EVERY = list(Endpoint)
STARTING = [Endpoint.START, Endpoint.STREAM]
LATER = [Endpoint.UPDATE, Endpoint.END, Endpoint.END_STREAM]
ENDING = [Endpoint.END, Endpoint.END_STREAM]
LINK = {"title": "Open", "type": "open_url", "url": "https://example.com"}
ONE = [{"label": "CPU", "value": 1}]

COMPLETE = {
    "segmented_progress": SegmentedProgress(title="x", current_step=1, number_of_steps=3),
    "progress": Progress(title="x", percentage=5),
    "metrics": Metrics(title="x", metrics=ONE),
    "stats": Stats(title="x", metrics=ONE),
    "alert": Alert(title="x", message="m"),
    "timer": Timer(title="x", duration_seconds=60),
    "value": Value(title="x", value="5"),
}


def paths(caught) -> list[str]:
    return [error.path for error in caught.value.errors]


@pytest.mark.parametrize("endpoint", EVERY)
@pytest.mark.parametrize("content", COMPLETE.values(), ids=COMPLETE)
def test_every_endpoint_takes_complete_content_of_every_type(endpoint, content) -> None:
    check_content(endpoint, content)


@pytest.mark.parametrize("endpoint", EVERY)
def test_the_table_knows_every_type_at_every_endpoint(endpoint) -> None:
    assert set(ENDPOINTS[endpoint].required) == set(TYPE_NAMES) == set(CONTENT_TYPES)


@pytest.mark.parametrize("endpoint", STARTING)
def test_what_may_start_a_card_must_say_its_type(endpoint) -> None:
    for content in (Content(title="x"), Progress(title="x", percentage=1, type=None)):
        with pytest.raises(InvalidInputError) as caught:
            check_content(endpoint, content)
        assert paths(caught) == ["type"]


@pytest.mark.parametrize("endpoint", LATER)
def test_the_type_is_optional_later(endpoint) -> None:
    check_content(endpoint, Content(title="x"))
    check_content(endpoint, Progress(title="x", percentage=1, type=None))


@pytest.mark.parametrize("endpoint", STARTING)
def test_steps_need_their_number_where_a_card_may_start(endpoint) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_content(endpoint, SegmentedProgress(title="x", current_step=1))
    assert paths(caught) == ["number_of_steps"]


@pytest.mark.parametrize("endpoint", LATER)
def test_steps_need_no_number_later_and_may_change_it(endpoint) -> None:
    check_content(endpoint, SegmentedProgress(title="x", current_step=7))
    check_content(endpoint, SegmentedProgress(title="x", current_step=7, number_of_steps=9))


def test_a_countdown_starts_with_its_duration() -> None:
    for content in (Timer(title="x"), Timer(title="x", counts_down=True)):
        with pytest.raises(InvalidInputError) as caught:
            check_content(Endpoint.START, content)
        assert paths(caught) == ["duration_seconds"]
    check_content(Endpoint.START, Timer(title="x", counts_down=False))


@pytest.mark.parametrize("endpoint", [Endpoint.STREAM, *LATER])
def test_a_timer_may_keep_its_running_window(endpoint) -> None:
    check_content(endpoint, Timer(title="x"))


@pytest.mark.parametrize("endpoint", EVERY)
def test_only_an_end_leaves_the_duration_of_a_timer_out(endpoint) -> None:
    body = assemble(
        endpoint, Timer(title="x", duration_seconds=5, is_running=True).to_json(), {}, None
    )
    expected = {"title": "x", "type": "timer", "is_running": True}
    if endpoint not in ENDING:
        expected["duration_seconds"] = 5
    assert body == {"content_state": expected}


@pytest.mark.parametrize("endpoint", EVERY)
def test_too_large_content_is_refused(endpoint) -> None:
    frame = len(encode(Alert(title="x", message="y").to_json())) - 1
    check_content(endpoint, Alert(title="x", message="y" * (CONTENT_LIMIT - frame)))
    with pytest.raises(InvalidInputError) as caught:
        check_content(endpoint, Alert(title="x", message="y" * (CONTENT_LIMIT - frame + 1)))
    assert paths(caught) == ["content"]


def test_a_copy_with_changes_is_checked_too() -> None:
    card = Progress(title="x", percentage=5)
    with pytest.raises(InvalidInputError) as caught:
        card.model_copy(update={"percentage": 500})
    assert paths(caught) == ["percentage"]
    with pytest.raises(InvalidInputError) as caught:
        Progress.model_construct(title="x", percentage=500)
    assert paths(caught) == ["percentage"]
    copy = card.model_copy(update={"percentage": 6})
    assert check_content(Endpoint.STREAM, copy) == {
        "title": "x",
        "percentage": 6,
        "type": "progress",
    }
    assert card.model_copy() == card


REFUSED_OPTIONS = {
    Endpoint.START: set(),
    Endpoint.STREAM: set(),
    Endpoint.UPDATE: {"alert", "channels"},
    Endpoint.END: {"alert", "channels"},
    Endpoint.END_STREAM: {"channels"},
}
ALL_OPTIONS = Options(
    action=LINK,
    secondary_action=LINK,
    alert={"title": "New"},
    channels=["ops"],
    tags=[],
    metadata={},
)


@pytest.mark.parametrize("endpoint", EVERY)
def test_an_endpoint_refuses_the_options_that_it_does_not_take(endpoint) -> None:
    refused = REFUSED_OPTIONS[endpoint]
    if not refused:
        check_options(endpoint, "progress", ALL_OPTIONS)
        return
    with pytest.raises(InvalidInputError) as caught:
        check_options(endpoint, "progress", ALL_OPTIONS)
    assert set(paths(caught)) == refused
    assert "stream" in str(caught.value)


@pytest.mark.parametrize("endpoint", EVERY)
@pytest.mark.parametrize("content_type", [None, *TYPE_NAMES])
def test_four_types_show_a_second_button(endpoint, content_type) -> None:
    options = Options(secondary_action=LINK)
    if content_type in {None, "value", "alert", "segmented_progress", "progress"}:
        check_options(endpoint, content_type, options)
        return
    with pytest.raises(InvalidInputError) as caught:
        check_options(endpoint, content_type, options)
    assert paths(caught) == ["secondary_action"]


def test_options_too_large_together_are_refused_at_the_body() -> None:
    hook = {"title": "Stop", "type": "webhook", "url": "https://example.com"}
    options = Options(action={**hook, "body": {"a": "x" * 24_000}})
    with pytest.raises(InvalidInputError) as caught:
        check_options(Endpoint.END, None, options)
    assert paths(caught) == ["body"]


def test_the_largest_content_with_the_largest_options_fits_into_a_body() -> None:
    content = Alert(title="x", message="y" * 16_340)
    hook = {"title": "Stop", "type": "webhook", "url": "https://example.com"}
    options = Options(action={**hook, "body": {"a": "x" * 23_440}})
    check_content(Endpoint.END, content)
    check_options(Endpoint.END, "alert", options)
    body = assemble(Endpoint.END, content.to_json(), options.to_json(), 14_400)
    assert 0.98 * BODY_LIMIT < len(encode({"activity_id": "x" * 255, **body})) <= BODY_LIMIT


def test_each_endpoint_places_the_options_where_its_contract_has_them() -> None:
    content, options = Progress(title="x", percentage=1).to_json(), ALL_OPTIONS.to_json()
    always = {"content_state": content, "action": LINK, "secondary_action": LINK}
    always |= {"tags": [], "metadata": {}}
    alert = {"alert": {"title": "New"}}
    assert assemble(Endpoint.START, content, options, None) == {
        **always,
        **alert,
        "target": {"channels": ["ops"]},
    }
    assert assemble(Endpoint.STREAM, content, options, None) == {
        **always,
        **alert,
        "channels": ["ops"],
    }
    assert assemble(Endpoint.UPDATE, content, options, None) == always
    assert assemble(Endpoint.END, content, options, None) == always
    assert assemble(Endpoint.END_STREAM, content, options, None) == {**always, **alert}


def test_a_second_button_is_left_out_where_the_type_shows_none() -> None:
    options = {"action": LINK, "secondary_action": LINK}
    body = assemble(Endpoint.END, COMPLETE["stats"].to_json(), options, None)
    assert "secondary_action" not in body
    assert body["action"] == LINK


@pytest.mark.parametrize(
    ("endpoint", "seconds", "state"),
    [
        (Endpoint.END, 0, {"auto_dismiss_minutes": 0}),
        (Endpoint.END, 1, {"auto_dismiss_minutes": 1}),
        (Endpoint.END, 60, {"auto_dismiss_minutes": 1}),
        (Endpoint.END, 61, {"auto_dismiss_minutes": 2}),
        (Endpoint.END, 14_400, {"auto_dismiss_minutes": 240}),
        (Endpoint.END_STREAM, 0, {"auto_dismiss_seconds": 0}),
        (Endpoint.END_STREAM, 61, {"auto_dismiss_seconds": 61}),
    ],
)
def test_a_dismissal_is_sent_in_the_unit_of_its_endpoint(endpoint, seconds, state) -> None:
    body = assemble(endpoint, {"title": "x"}, {}, seconds)
    assert body == {"content_state": {"title": "x", **state}}


@pytest.mark.parametrize("endpoint", [Endpoint.START, Endpoint.UPDATE, Endpoint.STREAM])
def test_only_an_end_takes_a_dismissal(endpoint) -> None:
    with pytest.raises(InvalidInputError) as caught:
        assemble(endpoint, {"title": "x"}, {}, 0)
    assert paths(caught) == ["dismiss_after"]


def test_a_dismissal_alone_needs_a_title() -> None:
    for endpoint in ENDING:
        with pytest.raises(ContentRequiredError) as caught:
            assemble(endpoint, None, {}, 0)
        assert paths(caught) == ["content"]


@pytest.mark.parametrize(
    "endpoint", [Endpoint.START, Endpoint.STREAM, Endpoint.UPDATE, Endpoint.END]
)
def test_only_a_streams_end_does_without_content(endpoint) -> None:
    with pytest.raises(ContentRequiredError):
        assemble(endpoint, None, {}, None)
    assert assemble(Endpoint.END_STREAM, None, {}, None) == {}


def test_assembling_changes_nothing_that_it_was_given() -> None:
    content, options = {"title": "x", "duration_seconds": 5}, {"channels": ["ops"]}
    assemble(Endpoint.END, content, options, 5)
    assemble(Endpoint.START, content, options, None)
    assert content == {"title": "x", "duration_seconds": 5}
    assert options == {"channels": ["ops"]}


@pytest.mark.parametrize(("over", "taken"), [(0, True), (1, False)])
def test_options_of_exactly_the_limit_are_taken(over, taken):
    empty = len(encode({"channels": [""]}))
    options = Options(channels=["a" * (OPTIONS_LIMIT - empty + over)])
    assert len(encode(options.to_json())) == OPTIONS_LIMIT + over
    if taken:
        assert check_options(Endpoint.STREAM, "progress", options)
    else:
        with pytest.raises(InvalidInputError, match="shorten them"):
            check_options(Endpoint.STREAM, "progress", options)


@pytest.mark.parametrize("endpoint", EVERY)
def test_a_value_with_its_limit_is_progress_enough(endpoint):
    body = check_content(endpoint, Progress(title="Import", value=3, upper_limit=9))
    assert body == {"title": "Import", "type": "progress", "value": 3, "upper_limit": 9}
