"""Hypothesis strategies for valid content and options, as keyword arguments."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from django_liveactivity.content import (
    Alert,
    Content,
    Metrics,
    Progress,
    SegmentedProgress,
    Stats,
    Timer,
    Value,
)

COLORS = ("lime", "green", "cyan", "blue", "purple", "magenta", "red", "orange", "yellow", "gray")


def texts(**sizes: int) -> st.SearchStrategy[str]:
    characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    return st.text(characters, **{"max_size": 30, **sizes})


def numbers(low: float = -1e12, high: float = 1e12) -> st.SearchStrategy[float]:
    return st.integers(int(low), int(high)) | st.floats(low, high)


def some(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional=optional)


filled = texts(min_size=1)
colors = st.sampled_from(COLORS)
icons = some({"symbol": filled}, {"color": colors})
badges = some({"title": filled}, {"color": colors})
measurements = numbers(0) | texts(min_size=1, max_size=64)
metrics = st.lists(
    some({"label": filled, "value": measurements}, {"unit": texts(), "color": colors}),
    min_size=1,
    max_size=8,
)

_COMMON = {"subtitle": texts(), "color": colors, "icon": icons}
_STEPS = st.integers(0, 40).flatmap(
    lambda step: some(
        {"title": filled, "current_step": st.just(step)},
        {
            **_COMMON,
            "badge": badges,
            "number_of_steps": st.integers(max(step, 1), 80),
            "step_color": colors,
            "step_colors": st.lists(colors, max_size=5),
        },
    )
)
_PAIR = {"value": numbers(), "upper_limit": numbers(0, 1e9).filter(bool)}

FIELDS: dict[type[Content], st.SearchStrategy[dict[str, Any]]] = {
    Progress: some({"title": filled, "percentage": numbers(0, 100)}, {**_COMMON, "badge": badges})
    | some({"title": filled, **_PAIR}, {**_COMMON, "badge": badges}),
    SegmentedProgress: _STEPS,
    Metrics: some({"title": filled, "metrics": metrics}, _COMMON),
    Stats: some({"title": filled, "metrics": metrics}, _COMMON),
    Alert: some({"title": filled, "message": filled}, {**_COMMON, "badge": badges}),
    Timer: some(
        {"title": filled},
        {
            **_COMMON,
            "duration_seconds": numbers(0, 1e6).filter(bool),
            "counts_down": st.booleans(),
            "is_running": st.booleans(),
        },
    ),
    Value: some({"title": filled, "value": texts() | numbers()}, {**_COMMON, "badge": badges}),
}

json_values = st.recursive(
    st.none() | st.booleans() | numbers() | texts(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(), inner, max_size=3),
    max_leaves=6,
)
webhooks = some(
    {"title": filled, "type": st.just("webhook"), "url": st.just("https://example.com/hook")},
    {
        "method": st.sampled_from(["GET", "POST"]),
        "body": st.dictionaries(texts(), json_values, max_size=3),
    },
)
links = some(
    {
        "title": filled,
        "type": st.just("open_url"),
        "url": st.sampled_from(
            ["https://example.com/a?b=c", "http://example.com", "shortcuts://run-shortcut?name=Go"]
        ),
    },
    {},
)
options = some(
    {},
    {
        "action": webhooks | links,
        "secondary_action": webhooks | links,
        "alert": some({}, {"title": texts(), "body": texts()}),
        "channels": st.lists(filled, min_size=1, max_size=3),
        "tags": st.lists(texts(min_size=1, max_size=64), max_size=20),
        "metadata": st.dictionaries(
            texts(min_size=1, max_size=100), texts() | numbers() | st.booleans(), max_size=5
        ),
    },
)


@st.composite
def contents(draw: st.DrawFn) -> Content:
    cls = draw(st.sampled_from(list(FIELDS)))
    return cls(**draw(FIELDS[cls]))
