"""Every page: axe, the HTML checker, the strict policy, 320 pixels, light and dark."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from django_liveactivity.delivery import sweep
from django_liveactivity.sandbox import Sandbox

from .pages import PAGES
from .policy import HEADER
from .validator import Validator
from .visitor import NARROW, Visitor

GRAVE = ("serious", "critical")
OF_DJANGO = (
    ("link-in-text-block", 'href="/admin/'),
    ("link-in-text-block", ">Show all</a>"),
    ("label-title-only", 'id="searchbar"'),
)
"""Findings in Django's own templates: links without underlines, a label that is a picture."""
IS_TOO_WIDE = "() => document.scrollingElement.scrollWidth > innerWidth"
UNTIL_COLORS_REST = "() => Promise.all(document.getAnimations().map(each => each.finished))"
WHAT_STICKS_OUT = """() => [...document.querySelectorAll("body *")]
    .filter(node => node.getBoundingClientRect().right > innerWidth + 1)
    .slice(-3).map(node => node.outerHTML.slice(0, 200))"""


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_sound(name: str, operator: Visitor, sandbox: Sandbox, validator: Validator):
    sweep(lambda _: None)  # a worker is at work
    PAGES[name](operator, sandbox)
    problems = validator.problems(operator.html)
    assert HEADER.lower() in operator.answer.headers
    problems += [*grave_findings(operator, "light"), *grave_findings(operator, "dark")]
    operator.page.set_viewport_size(NARROW)
    problems += grave_findings(operator, "light")
    assert not problems, "\n".join(problems)
    if operator.page.evaluate(IS_TOO_WIDE):
        pytest.fail(f"It is wider than 320 px: {operator.page.evaluate(WHAT_STICKS_OUT)}")


def grave_findings(visitor: Visitor, color_scheme: str) -> list[str]:
    """Return what axe finds on the page that keeps people out, and where."""
    visitor.page.emulate_media(color_scheme=color_scheme)
    visitor.page.evaluate(UNTIL_COLORS_REST)
    with visitor.unheard():  # axe styles elements of its own, which the policy forbids
        found = Axe().run(visitor.page).response["violations"]
    return [
        f"{rule['id']}: {rule['help']}: {node['html']} {node.get('failureSummary', '')}"
        for rule in found
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
        if not any(rule["id"] == known and part in node["html"] for known, part in OF_DJANGO)
    ]
