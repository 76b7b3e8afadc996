"""Nothing of ours is invisible under a theme, light or dark, and no page is too wide.

``nox -s themes`` runs them: real sites in processes of their own, in a real Chromium.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from .settings import THEMES

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
VISIBLE = Path(__file__).with_name("visible.js").read_text()
OURS = (
    '[class*="liveactivity-"]:not(body), .lockscreen-card, '
    "body:is(.liveactivity-ending, .selected-confirmation) :is(#content, #content-main, form)"
)
STATE, SKETCH = ".liveactivity-state", ".lockscreen-card"
END_THEM = "input[value='End them']"
PAGES = {
    "shop/order/": [STATE],
    "shop/order/1/change/": [STATE, SKETCH, ".liveactivity-tool"],
    "shop/order/2/change/": [STATE, SKETCH],
    "shop/order/1/end-live-activities/": [STATE, SKETCH, END_THEM, "input[name=reason]"],
    "shop/order/2/end-live-activities/": [SKETCH, END_THEM],
    "django_liveactivity/liveactivity/": [STATE, ".liveactivity-tool"],
    "django_liveactivity/liveactivity/1/change/": [SKETCH, "button >> text=End now"],
    "django_liveactivity/liveactivity/2/change/": [SKETCH, "button >> text=End now"],
    "django_liveactivity/liveactivity/1/end/": [SKETCH, "input[name=reason]", "button.default"],
    "django_liveactivity/liveactivity/2/end/": [SKETCH, "button.default"],
    "django_liveactivity/liveactivity/end/": ["input[name=stream_key]", "button.default"],
}
"""Each page, and what must be on it; the second order and card have very long names."""
ACTIONS = {
    "shop/order/": "end_live_activities",
    "django_liveactivity/liveactivity/": "end_selected",
}


@dataclass(frozen=True)
class Site:
    theme: str
    url: str
    cookie: str


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module", params=THEMES)
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    theme = request.param
    database = tmp_path_factory.mktemp(theme) / "db.sqlite3"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.themes.site"],
        env=os.environ | {"THEME": theme, "THEME_DATABASE": str(database)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield Site(theme, **json.loads(process.stdout.readline()))
        process.stdin.close()


@pytest.fixture(scope="module", params=["light", "dark"])
def page(request: pytest.FixtureRequest, chromium: Browser, site: Site) -> Iterator[Page]:
    context = chromium.new_context(color_scheme=request.param, base_url=f"{site.url}/admin/")
    context.add_cookies([{"name": "sessionid", "value": site.cookie, "url": site.url}])
    yield context.new_page()
    context.close()


def open_tab(page: Page) -> None:
    """Show the cards, which django-jazzmin puts behind a tab."""
    tab = page.get_by_role("tab", name="Live activities")
    if tab.count():
        tab.click()
        page.locator(".liveactivity-of-object").wait_for()


def assert_visible(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(VISIBLE, OURS) == []


def assert_fits(page: Page) -> None:
    for width in (1280, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("path", PAGES)
def test_everything_of_ours_can_be_seen_and_fits(page: Page, path: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 900})
    assert page.goto(path).status == 200
    open_tab(page)

    for wanted in PAGES[path]:
        assert page.locator(wanted).first.is_visible(), wanted
    assert_visible(page)
    assert_fits(page)


@pytest.mark.parametrize("path", ACTIONS)
def test_the_page_that_asks_after_an_action(page: Page, path: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(path)
    for box in page.query_selector_all("input.action-select"):
        box.check(force=True)
    with page.expect_navigation():
        page.evaluate(
            """(action) => {
                const choice = document.querySelector("select[name=action]");
                choice.value = action;
                choice.form.submit();
            }""",
            ACTIONS[path],
        )

    assert page.locator("input[name=post]").count() == 1
    assert_visible(page)
    assert_fits(page)


def test_the_button_leads_to_the_page_that_asks(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto("shop/order/1/change/")

    page.locator(".liveactivity-tool").click()

    page.locator(END_THEM).wait_for(state="visible")


def test_what_a_card_needs_is_not_inside_the_form_of_its_page(page: Page) -> None:
    page.goto("django_liveactivity/liveactivity/1/change/")

    assert page.locator("form .liveactivity-summary").count() == 0
    assert page.get_by_role("link", name="History").count() == 1


def test_a_card_that_needs_attention_says_so_on_its_object(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto("shop/order/1/change/")
    open_tab(page)

    assert page.get_by_text("needs attention").first.is_visible()
