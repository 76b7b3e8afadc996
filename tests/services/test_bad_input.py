"""Bad input fails the caller at once: the error names the field, and nothing is written."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from django_liveactivity import (
    Action,
    Alert,
    AlertMessage,
    Badge,
    Icon,
    Metrics,
    Progress,
    SegmentedProgress,
    Stats,
    Timer,
    Value,
    services,
)
from django_liveactivity.content import Content
from django_liveactivity.exceptions import (
    ContentRequiredError,
    InvalidInputError,
)
from django_liveactivity.models import LiveActivity, Operation
from tests.shop.models import Order

pytestmark = pytest.mark.django_db

TIMER = {"title": "x", "type": "timer"}
OK = {"title": "Order 42", "type": "progress", "percentage": 40}
URL = "https://example.com"


def stream(content=OK, key="order-42", **options):
    return services.stream_activity(key, content, **options)


def end(content=None, **options):
    return services.end_activity(content=content, **({"stream_key": "order-42"} | options))


def end_id(identity, **options):
    return services.end_activity(activity_id=identity, **options)


def metrics(*values, label="CPU"):
    return Metrics(title="Web", metrics=[{"label": label, "value": v} for v in values])


def button(**fields):
    return {"title": "Open", "type": "open_url", "url": URL, **fields}


BAD = [
    # path, rule, call
    ("stream_key", "no slash", lambda: stream(key="a/b")),
    ("stream_key", "no path", lambda: stream(key="../x")),
    ("stream_key", "no newline at the end", lambda: stream(key="a\n")),
    ("stream_key", "not empty", lambda: stream(key="")),
    ("stream_key", "at most 255", lambda: stream(key="k" * 256)),
    ("stream_key", "ASCII", lambda: stream(key="bestellung-größe")),
    ("stream_key", "no query", lambda: stream(key="a?b")),
    ("stream_key", "no other digits", lambda: stream(key="٣")),
    ("stream_key", "a string", lambda: stream(key=42)),
    ("stream_key", "checked at the end too", lambda: end(stream_key="a/b")),
    ("activity_id", "not empty", lambda: services.track_activity("", OK)),
    ("activity_id", "no newline", lambda: services.track_activity("a\n", OK)),
    ("activity_id", "at most 255", lambda: services.track_activity("i" * 256, OK)),
    ("activity_id", "checked at the end", lambda: end_id("a b", content=OK)),
    ("content", "content or a dict", lambda: stream("40 %")),
    ("content", "at most 16 KiB", lambda: stream(Progress(title="x" * 17_000, percentage=1))),
    ("title", "required", lambda: stream({"type": "progress", "percentage": 1})),
    ("title", "not empty", lambda: stream(OK | {"title": ""})),
    ("title", "a string", lambda: stream(OK | {"title": 42})),
    ("title", "no NUL", lambda: stream(OK | {"title": "a\0b"})),
    ("title", "no lone surrogate", lambda: stream(OK | {"title": "\ud800"})),
    ("type", "one of seven", lambda: stream(OK | {"type": "gauge"})),
    ("type", "required on a stream", lambda: stream(Progress(title="x", percentage=1, type=None))),
    ("colour", "unknown field", lambda: stream(OK | {"colour": "red"})),
    ("color", "a known color", lambda: stream(OK | {"color": "pink"})),
    ("percentage", "at most 100", lambda: stream(Progress(title="x", percentage=101))),
    ("percentage", "at least 0", lambda: stream(Progress(title="x", percentage=-1))),
    ("percentage", "finite", lambda: stream(Progress(title="x", percentage=math.nan))),
    ("percentage", "a number", lambda: stream(Progress(title="x", percentage="40"))),
    ("percentage", "True is no number", lambda: stream(Progress(title="x", percentage=True))),
    ("upper_limit", "with value", lambda: stream(Progress(title="x", value=3))),
    ("value", "with upper_limit", lambda: stream(Progress(title="x", upper_limit=3))),
    ("upper_limit", "above 0", lambda: stream(Progress(title="x", value=0, upper_limit=0))),
    ("percentage", "or value required", lambda: stream(Progress(title="x"))),
    (
        "number_of_steps",
        "required on a stream",
        lambda: stream(SegmentedProgress(title="x", current_step=1)),
    ),
    (
        "current_step",
        "at most number_of_steps",
        lambda: stream(SegmentedProgress(title="x", number_of_steps=2, current_step=3)),
    ),
    (
        "number_of_steps",
        "at least 1",
        lambda: stream(SegmentedProgress(title="x", number_of_steps=0, current_step=0)),
    ),
    ("metrics", "required", lambda: stream(Metrics(title="x"))),
    ("metrics", "at least one", lambda: stream(Stats(title="x", metrics=[]))),
    ("metrics", "at most eight", lambda: stream(metrics(*range(9)))),
    ("metrics.1.value", "at least 0", lambda: stream(metrics(1, -1))),
    ("metrics.0.value", "at most 64", lambda: stream(metrics("v" * 65))),
    ("metrics.0.label", "not empty", lambda: stream(metrics(1, label=""))),
    ("message", "required", lambda: stream(Alert(title="x"))),
    ("duration_seconds", "above 0", lambda: stream(Timer(title="x", duration_seconds=0))),
    ("value", "required", lambda: stream(Value(title="x"))),
    ("value", "finite", lambda: stream(Value(title="x", value=math.inf))),
    ("icon.symbol", "not empty", lambda: stream(OK | {"icon": {"symbol": ""}})),
    ("badge.title", "required", lambda: stream(OK | {"badge": {"color": "red"}})),
    ("badge", "not on timers", lambda: stream(TIMER | {"badge": {"title": "b"}})),
    ("action.url", "no javascript", lambda: stream(action=button(url="javascript:alert(1)"))),
    ("action.url", "no http for webhooks", lambda: stream(action=button(type="webhook", url="http://x.y"))),
    ("action.url", "a host", lambda: stream(action=button(url="https://"))),
    ("action.type", "known", lambda: stream(action=button(type="call"))),
    ("action.method", "webhooks only", lambda: stream(action=button(method="GET"))),
    (
        "secondary_action",
        "not on metrics",
        lambda: stream(metrics(1), secondary_action=button()),
    ),
    ("alert.text", "unknown field", lambda: stream(alert={"text": "hi"})),
    ("channels", "a list", lambda: stream(channels="ops")),
    ("channels", "at least one", lambda: stream(channels=[])),
    ("channels", "not at an end", lambda: end(OK, channels=["ops"])),
    ("alert", "not on a manual end", lambda: services.end_activity(
        activity_id="id", content=OK, alert=AlertMessage(title="x"))),
    ("tags.0", "not empty", lambda: stream(tags=[""])),
    ("tags", "at most 20", lambda: stream(tags=["t"] * 21)),
    ("metadata.k", "no lists", lambda: stream(metadata={"k": []})),
    ("metadata", "at most 50", lambda: stream(metadata={str(n): 1 for n in range(51)})),
    ("dismiss_after", "a timedelta", lambda: end(OK, dismiss_after=60)),
    ("dismiss_after", "at least 0", lambda: end(OK, dismiss_after=dt.timedelta(seconds=-1))),
    ("dismiss_after", "at most 4 h", lambda: end(OK, dismiss_after=dt.timedelta(hours=5))),
    ("auto_dismiss_minutes", "ends only", lambda: stream(OK | {"auto_dismiss_minutes": 2})),
    ("auto_dismiss_seconds", "ends only", lambda: services.track_activity(
        "id", OK | {"auto_dismiss_seconds": 2})),
    ("auto_dismiss_minutes", "at most 240", lambda: end(OK | {"auto_dismiss_minutes": 241})),
    ("auto_dismiss_minutes", "or dismiss_after", lambda: end(
        OK | {"auto_dismiss_minutes": 2}, dismiss_after=dt.timedelta(minutes=3))),
    ("auto_dismiss_minutes", "or the vendor's own", lambda: end(
        OK | {"auto_dismiss_minutes": 2}, dismiss_after=None)),
    ("auto_dismiss_minutes", "or the other unit", lambda: services.end_activities(
        subject=Order(pk=1), content=OK | {"auto_dismiss_minutes": 2, "auto_dismiss_seconds": 2})),
    ("content_state", "is content here", lambda: end(content_state=OK)),
    ("target", "is channels here", lambda: stream(target={"channels": ["ops"]})),
    ("content", "needed to dismiss", lambda: end(dismiss_after=dt.timedelta(0))),
    ("content", "needed for a bare id", lambda: services.end_activity(activity_id="id")),
    ("at", "aware", lambda: end(at=dt.datetime(2030, 1, 1))),
    ("at", "a datetime", lambda: end(at="tomorrow")),
    ("at", "not with after", lambda: end(at=dt.datetime.now(dt.UTC), after=dt.timedelta(1))),
    ("after", "a positive timedelta", lambda: end(after=dt.timedelta(0))),
    ("time_to_live", "positive", lambda: stream(time_to_live=dt.timedelta(0))),
    ("time_to_live", "at most a year", lambda: stream(time_to_live=dt.timedelta.max)),
    ("after", "nothing huge", lambda: end(after=dt.timedelta.max)),
    ("dismiss_after", "nothing huge", lambda: end(OK, dismiss_after=dt.timedelta.max)),
    ("percentage", "no huge int", lambda: stream(OK | {"percentage": 10**5000})),
    ("percentage", "no huge Decimal", lambda: stream(OK | {"percentage": Decimal("1e999999")})),
    ("percentage", "no NaN", lambda: stream(OK | {"percentage": Decimal("sNaN")})),
    ("metadata", "no huge key", lambda: stream(metadata={10**5000: 1})),
    ("metadata.k", "no huge Decimal", lambda: stream(metadata={"k": Decimal("-1e999999")})),
    ("actor", "no mapping", lambda: stream(actor={"name": "ann"})),
    ("actor", "no missing name", lambda: stream(actor=None)),
    ("reason", "a string too", lambda: stream(reason=42)),
    ("operation", "a saved one", lambda: services.retry_operation("x", actor="ann")),
    ("reason", "given to give up", lambda: services.give_up_operation("x", actor="a", reason=" ")),
    ("activity", "no huge number", lambda: services.end_activity(LiveActivity(pk=10**30))),
    ("activity", "a card with a number", lambda: services.end_activity(LiveActivity(pk="x"))),
    ("stream_key", "checked of a card that is gone", lambda: services.end_activity(
        LiveActivity(pk=7, account="default", stream_key="../x"))),
    ("subject", "a model instance", lambda: stream(subject="order 42")),
    ("subject", "saved", lambda: stream(subject=Order())),
    ("account", "configured", lambda: stream(account="other")),
    ("using", "none of ours", lambda: stream(using="replica")),
    ("source", "a label of ours", lambda: end(source="s" * 40)),
    ("tracked_by", "a label of ours", lambda: stream(tracked_by="a\0b")),
    ("actor", "a string", lambda: stream(actor=42)),
    ("actor", "at most 255", lambda: stream(actor="a" * 256)),
    ("reason", "no lone surrogate", lambda: stream(reason="\ud800")),
    ("at", "a year that can be shown", lambda: end(at=dt.datetime(9999, 12, 31, tzinfo=dt.UTC))),
    ("after", "at most a year", lambda: end(after=dt.timedelta(days=367))),
    ("reason", "no NUL", lambda: stream(reason="a\0")),
    ("activity", "exactly one name", lambda: services.end_activity()),
    ("activity", "not two names", lambda: end(activity_id="id")),
    ("activity", "a saved card", lambda: services.end_activity(LiveActivity())),
    ("stream_key", "a known card to keep", lambda: services.keep_activity(stream_key="unknown")),
]  # fmt: skip


@pytest.mark.parametrize(("path", "rule", "call"), BAD, ids=[f"{p}: {r}" for p, r, _ in BAD])
def test_the_error_names_the_field_and_nothing_is_written(path, rule, call):
    with pytest.raises(InvalidInputError) as caught:
        call()
    assert path in [error.path for error in caught.value.errors]
    assert all(error.message for error in caught.value.errors)
    assert not LiveActivity.objects.exists()
    assert not Operation.objects.exists()


def test_errors_are_of_the_kind_that_says_the_cure():
    with pytest.raises(ContentRequiredError):
        services.end_activity(activity_id="id")


def test_an_end_of_another_type_is_refused():
    card = stream()
    with pytest.raises(InvalidInputError, match="^type: "):
        services.end_activity(card, Timer(title="x"))
    services.end_activity(card, {"title": "Done", "percentage": 100})
    assert Operation.objects.get(kind="end").content == {
        "title": "Done",
        "percentage": 100,
        "type": "progress",
    }


def test_several_errors_are_told_at_once():
    with pytest.raises(InvalidInputError) as caught:
        Progress(title="", percentage=101)
    assert [error.path for error in caught.value.errors] == ["title", "percentage"]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(
    ["title", "type", "percentage", "value", "metrics", "icon", "badge", "color", "message", "odd"]
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    key=st.text(max_size=8) | st.just("ok"),
    content=st.dictionaries(FIELDS, ANYTHING, max_size=5) | st.just(OK),
    tags=st.none() | st.lists(st.text(max_size=3), max_size=3),
    metadata=st.none() | st.dictionaries(st.text(max_size=3), ANYTHING, max_size=3),
)
def test_whatever_comes_is_either_stored_or_refused_with_a_path(key, content, tags, metadata):
    before = Operation.objects.count()
    try:
        stream(content, key, tags=tags, metadata=metadata)
    except InvalidInputError as error:
        assert error.errors
        assert all(path for path, _ in error.errors)
        assert Operation.objects.count() == before
    else:
        assert Operation.objects.count() == before + 1


def test_a_user_is_remembered_by_the_name_that_logs_in():
    stream(actor=SimpleNamespace(get_username=lambda: "ann"))
    assert Operation.objects.get().actor == "ann"


def test_every_part_may_be_given_as_a_model():
    stream(
        Progress(title="x", percentage=1, icon=Icon(symbol="bolt"), badge=Badge(title="b")),
        action=Action(title="Open", type="open_url", url=URL),
        alert=AlertMessage(title="Hi"),
    )
    assert Operation.objects.get().options["action"]["url"] == URL


def test_an_end_of_an_unknown_card_needs_no_more_than_a_title():
    services.end_activity(activity_id="id", content=Content(title="Done"))
    assert Operation.objects.get().content == {"title": "Done"}
