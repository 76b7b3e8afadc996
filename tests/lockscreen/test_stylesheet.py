"""The stylesheet fits the drawings, in light and dark, in both directions, and loads nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles.finders import AppDirectoriesFinder

from django_liveactivity.lockscreen import CardState, draw, draw_screen, stylesheet
from django_liveactivity.lockscreen.values import COLORS

from .page import Page
from .samples import ODD, SEVEN, STATES

CSS = re.sub(r"/\*.*?\*/", "", stylesheet(), flags=re.DOTALL)
PAIRS = dict(re.findall(r"--lockscreen-([\w-]+): light-dark\((#\w{6}, #\w{6})\)", CSS))
READABLE = 4.5
"""WCAG 2.1, 1.4.3: the least contrast of text."""
TINT = 0.16


def rgb(name: str, dark: bool) -> tuple[float, ...]:
    pair = PAIRS[name].split(", ")[dark]
    return tuple(int(pair[i : i + 2], 16) / 255 for i in (1, 3, 5))


def luminance(color: tuple[float, ...]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color]
    return sum(part * share for part, share in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def tinted(name: str, dark: bool) -> tuple[float, ...]:
    accent, glass = rgb(name, dark), rgb("glass", dark)
    return tuple(a * TINT + g * (1 - TINT) for a, g in zip(accent, glass, strict=True))


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", COLORS)
def test_each_color_reads_well_on_the_glass_and_on_its_own_tint(name, dark):
    ink = rgb(f"{name}-ink", dark)
    assert contrast(ink, rgb("glass", dark)) >= READABLE
    assert contrast(ink, tinted(name, dark)) >= READABLE


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", ["text", "quiet"])
def test_texts_read_well_on_the_glass_and_on_the_sky(name, dark):
    backgrounds = [rgb("glass", dark)]
    sky = re.findall(r"light-dark\((#\w{6}), (#\w{6})\)", CSS.split("--lockscreen-sky")[1])[:3]
    for pair in sky:
        PAIRS["_"] = ", ".join(pair)
        backgrounds.append(rgb("_", dark))
    assert min(contrast(rgb(name, dark), each) for each in backgrounds) >= READABLE


def test_every_class_that_is_drawn_has_a_rule_and_every_rule_a_drawing():
    cards = [*(SEVEN | STATES | ODD).values()]
    drawn = [draw(card) for card in cards] + [draw_screen([]), draw_screen(cards, now_text="9:41")]
    drawn.append(draw_screen(cards, date_text="Monday"))
    used = {
        name
        for each in drawn
        for _, attributes in Page(each).elements
        for name in attributes.get("class", "").split()
    }
    ruled = set(re.findall(r"\.(lockscreen[\w-]*)", CSS))
    plain = {"lockscreen-row", "lockscreen-is-waiting", "lockscreen-runs"}
    colors = {f"lockscreen-{each}" for each in COLORS}
    states = {f"lockscreen-is-{each}" for each in CardState}
    themes = {"lockscreen-light", "lockscreen-dark"}
    assert used - ruled <= plain
    assert ruled - used <= colors | states | themes


def test_nothing_is_loaded_and_nothing_knows_left_from_right():
    assert not re.search(r"url\(|@import|@font-face|src:|expression", CSS)
    assert not re.search(r"\b(margin|padding|border|inset|float|text-align):?-?(left|right)\b", CSS)
    assert not re.search(r"text-align: (left|right)|float:", CSS)


@pytest.mark.parametrize("selector", ['[data-theme="dark"]', ".lockscreen-dark"])
def test_a_theme_can_be_forced(selector):
    assert f"{selector} :is(.lockscreen, .lockscreen-card)" in CSS
    assert selector.replace("dark", "light") in CSS


def test_static_files_have_what_the_sandbox_serves():
    found = AppDirectoriesFinder().find("django_liveactivity/lockscreen.css")
    assert Path(found).read_text("utf-8") == stylesheet()
    assert ".lockscreen-card" in stylesheet()
