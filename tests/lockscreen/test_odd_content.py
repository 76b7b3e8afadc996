"""Content may be old or malformed: any JSON is drawn, and escaped."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from django_liveactivity.content.cards import CONTENT_TYPES, Action, Badge, Icon, Metric
from django_liveactivity.lockscreen import CardState, SketchedCard, draw, draw_screen

from .page import Page

NASTY = "\"'><script>alert(1)</script>\0\ud800\x1b[31m\u202e</article>"
FIELDS = sorted({name for each in CONTENT_TYPES.values() for name in each.model_fields})
INNER = sorted({name for each in (Action, Badge, Icon, Metric) for name in each.model_fields})

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec=None), max_size=20)
    | st.sampled_from(
        [NASTY, "red", "65", 10**400, -(10**400), 2**53, 1e308, 5e-324, *CONTENT_TYPES]
    )
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=10)
        | st.dictionaries(st.sampled_from(INNER) | st.text(max_size=5), inner, max_size=6)
    ),
    max_leaves=20,
)
objects = st.dictionaries(st.sampled_from([*FIELDS, NASTY]), values, max_size=12)
types = st.fixed_dictionaries({"type": st.sampled_from([*CONTENT_TYPES, None, "new", 3])})
contents = st.tuples(objects, types).map(lambda both: both[0] | both[1]) | objects
actions = st.none() | st.dictionaries(st.sampled_from(INNER), values, max_size=6)
seconds = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers()


@given(contents, actions, actions, st.sampled_from(CardState), seconds, seconds)
def test_any_object_of_json_is_drawn(content, action, second, state, timer, removed):
    card = SketchedCard(content, action, second, state, timer, removed)
    drawn = Page(draw(card))
    draw_screen([card] * 3).encode()
    assert {tag for tag, _ in drawn.elements} <= {
        "article", "bdi", "circle", "dd", "div", "dl", "dt", "li", "p", "path", "progress",
        "small", "span", "svg", "text", "ul",
    }  # fmt: skip
    for _, attributes in drawn.elements:
        assert not [name for name in attributes if name.startswith("on")]
        assert not {"style", "href", "src", "title", "id"} & attributes.keys()


@pytest.mark.parametrize("odd", [[], "x", 3, None, True])
def test_what_is_no_object_at_all_is_drawn(odd: Any):
    Page(draw(SketchedCard(odd, odd, odd)))


@pytest.mark.parametrize("name", [*CONTENT_TYPES, "new"])
def test_every_text_is_escaped(name):
    inner = {"symbol": NASTY, "title": NASTY, "label": NASTY, "value": NASTY, "unit": NASTY}
    action = {"title": NASTY, "type": "webhook", "url": NASTY, "method": NASTY, "body": {NASTY: 1}}
    texts = dict.fromkeys(("title", "subtitle", "message", "value"), NASTY)
    content = texts | {"type": name, "icon": inner, "badge": inner, "metrics": [inner]}
    drawn = draw(SketchedCard(content, action, action))
    drawn.encode()
    assert "<script" not in drawn
    assert "\0" not in drawn
    assert "\x1b" not in drawn
    assert "script" not in {tag for tag, _ in Page(drawn).elements}


def test_deep_json_is_drawn():
    deep: Any = json.loads("[" * 900 + "]" * 900)
    Page(draw(SketchedCard({"title": deep, "icon": deep, "metrics": deep}, {"body": {"a": deep}})))


def test_long_texts_stay_whole_in_the_markup():
    assert "x" * 16_000 in draw(SketchedCard({"title": "x" * 16_000}))
