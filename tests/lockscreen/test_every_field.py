"""No field of the content models is forgotten: setting it changes the drawing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from django_liveactivity.content.cards import (
    CONTENT_TYPES,
    Action,
    Badge,
    Content,
    Icon,
    Metric,
    Options,
)
from django_liveactivity.lockscreen import SketchedCard, draw

NOT_DRAWN = {
    "alert": "an announcement: it is heard when a change arrives, and no part of the card",
    "channels": "which devices show the card",
    "tags": "for the vendor's app",
    "metadata": "for the vendor's app",
}
"""Fields of ``Options`` that a lock screen does not show, and why."""

# Two values of each field, by its path; they must be drawn differently.
VALUES: dict[str, tuple[Any, Any]] = {
    "title": ("One", "Two"),
    "subtitle": ("One", "Two"),
    "color": ("red", "lime"),
    "type": ("progress", "value"),
    "icon.symbol": ("cart", "bolt"),
    "icon.color": ("red", "lime"),
    "badge.title": ("One", "Two"),
    "badge.color": ("red", "lime"),
    "percentage": (10, 20),
    "value": (10, 20),
    "upper_limit": (100, 200),
    "current_step": (1, 2),
    "number_of_steps": (4, 5),
    "step_color": ("red", "lime"),
    "step_colors": (["red"], ["lime"]),
    "message": ("One", "Two"),
    "duration_seconds": (60, 90),
    "counts_down": (True, False),
    "is_running": (True, False),
    "metrics.label": ("One", "Two"),
    "metrics.value": (1, 2),
    "metrics.unit": ("ms", "s"),
    "metrics.color": ("red", "lime"),
    "action.title": ("One", "Two"),
    "action.type": ("open_url", "webhook"),
    "action.url": ("https://one.example", "https://two.example"),
    "action.method": ("GET", "POST"),
    "action.body": ({"one": 1}, {"two": 2}),
}
VALUES |= {
    path.replace("action", "secondary_action"): pair
    for path, pair in VALUES.items()
    if path.startswith("action")
}
MODELS = {"icon": Icon, "badge": Badge, "metrics": Metric, "action": Action}
MODELS["secondary_action"] = Action
# What makes each card complete, so that the field alone makes the difference.
COMPLETE: dict[str, dict[str, Any]] = {
    "progress": {"percentage": 50},
    "segmented_progress": {"current_step": 1, "number_of_steps": 4},
    "metrics": {"metrics": [{"label": "CPU", "value": 5}]},
    "stats": {"metrics": [{"label": "CPU", "value": 5}]},
    "alert": {"message": "Soon"},
    "timer": {"duration_seconds": 60},
    "value": {"value": 5},
}
WITHOUT = {"value": {"percentage"}, "upper_limit": {"percentage"}}
"""Fields that take precedence over others."""
BESIDE = {"value": {"upper_limit": 100}, "upper_limit": {"value": 50}}


def paths(model: type[Any], *, inside: str = "") -> Iterator[str]:
    """Every field of a model, as a path."""
    for name in model.model_fields:
        if name in MODELS and not inside:
            yield from paths(MODELS[name], inside=f"{name}.")
        else:
            yield f"{inside}{name}"


FIELDS = [
    (kind, path) for kind, model in CONTENT_TYPES.items() for path in paths(model) if path != "type"
]
OPTIONS = [path for path in paths(Options) if path not in NOT_DRAWN]


def content_with(kind: str, path: str, value: object) -> dict[str, Any]:
    content = {"type": kind, "title": "Order 42", **COMPLETE[kind]}
    if kind == "progress":
        content = {k: v for k, v in content.items() if k not in WITHOUT.get(path, set())}
        content |= BESIDE.get(path, {})
    outer, _, inner = path.partition(".")
    if not inner:
        return content | {outer: value}
    base = {"symbol": "cart"} if outer == "icon" else {"title": "P1"}
    if outer == "metrics":
        return content | {"metrics": [{"label": "CPU", "value": 5, inner: value}]}
    return content | {outer: base | {inner: value}}


@pytest.mark.parametrize(("kind", "path"), FIELDS, ids=lambda each: each)
def test_a_field_of_the_content_is_drawn(kind, path):
    one, other = (
        draw(SketchedCard(content_with(kind, path, value), timer_seconds=15))
        for value in VALUES[path]
    )
    assert one != other, f"The drawing ignores {path} of {kind}."


@pytest.mark.parametrize("path", OPTIONS)
def test_a_field_of_the_buttons_is_drawn(path):
    outer, _, inner = path.partition(".")
    base = {"title": "Open", "type": "webhook", "url": "https://one.example"}
    one, other = (
        draw(SketchedCard({"title": "Order 42"}, **{outer: base | {inner: value}}))
        for value in VALUES[path]
    )
    assert one != other, f"The drawing ignores {path}."


def test_the_type_is_drawn():
    content = {"title": "Order 42", "value": 5, "upper_limit": 10}
    one, other = (draw(SketchedCard(content | {"type": each})) for each in VALUES["type"])
    assert one != other


@pytest.mark.parametrize("path", [path for path in paths(Content) if path != "type"])
def test_content_of_an_unknown_type_is_drawn(path):
    contents = [content_with("alert", path, value) for value in VALUES[path]]
    one, other = (draw(SketchedCard({**each, "type": None})) for each in contents)
    assert one != other


def test_every_color_is_drawn():
    colors = Icon.model_fields["color"].annotation.__args__[0].__args__
    assert len(colors) == 10
    assert len({draw(SketchedCard({"title": "x", "color": each})) for each in colors}) == 10


def test_what_is_not_drawn_is_named():
    assert set(NOT_DRAWN) <= Options.model_fields.keys()
    assert set(Options.model_fields) - set(NOT_DRAWN) == {"action", "secondary_action"}
    assert not set(NOT_DRAWN) & {
        name for model in CONTENT_TYPES.values() for name in model.model_fields
    }
