"""The phone rings: "it says Maintenance 68 and it won't go away". The operator has a browser.

Each story is told twice: with a mouse, whose clicks are counted, and with the keyboard alone.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from django_liveactivity.models import Operation
from django_liveactivity.sandbox import Sandbox

from .cards import MAINTENANCE, show, show_elsewhere, titles_of
from .environment import Delivery
from .input_devices import InputDevice, Keyboard, Mouse
from .visitor import Visitor

MOST_CLICKS = 5
ACTIVITY_ID = "pLAr-Hnq9ZFW4sxlk43Lhbuok4GLh7UW"
END_ANY = "End a live activity by its key or activity ID"


@pytest.fixture(params=[Mouse, Keyboard])
def device(request: pytest.FixtureRequest, operator: Visitor, delivery: Delivery) -> InputDevice:
    """An operator at the admin's first page, with a mouse or a keyboard; a worker delivers."""
    delivery.start()
    operator.page.goto("/admin/")
    made: Callable[[Page], InputDevice] = request.param
    return made(operator.page)


@pytest.fixture
def page(operator: Visitor) -> Page:
    return operator.page


def test_words_on_a_lock_screen_lead_to_the_ended_card(
    device: InputDevice, page: Page, sandbox: Sandbox
):
    show("maintenance-db-2")
    find(device, page, "maintenance 68")
    device.press(page.get_by_role("link", name="maintenance-db-2"))
    expect(page.locator("#liveactivity-why")).to_be_visible()
    device.press(page.get_by_role("button", name="End now"))
    sees_it_end(page)
    assert_ended(sandbox)
    assert device.clicks <= MOST_CLICKS


def test_the_ended_card_shows_what_the_operator_typed(
    device: InputDevice, page: Page, sandbox: Sandbox
):
    show("maintenance-db-2")
    find(device, page, "maintenance")
    device.press(page.get_by_role("link", name="maintenance-db-2"))
    device.press(page.get_by_role("link", name="End live activity…"))
    expect(page.get_by_role("region", name="As it will end")).to_contain_text("68%")
    device.write(page.get_by_label("Percentage"), "100")
    device.write(page.get_by_label("Reason"), "It was done at 2.")
    device.press(page.get_by_role("button", name="End live activity"))
    sees_it_end(page)
    assert_ended(sandbox)
    assert sandbox.phone()["ended"][0]["content"]["percentage"] == 100
    end = Operation.objects.get(kind="end")
    assert (end.actor, end.reason, end.source) == ("ana", "It was done at 2.", "admin")


def test_a_card_that_was_never_seen_here_ends_by_its_key(
    device: InputDevice, page: Page, sandbox: Sandbox
):
    show_elsewhere(sandbox, "prod-web-1")
    open_list(device, page)
    device.press(page.get_by_role("link", name=END_ANY))
    device.write(page.get_by_label("Stream key"), "prod-web-1")
    device.press(page.get_by_role("button", name="End live activity"))
    sees_it_end(page)
    assert_ended(sandbox)
    assert device.clicks <= MOST_CLICKS


def test_a_card_that_was_never_seen_here_ends_by_its_activity_id(
    device: InputDevice, page: Page, sandbox: Sandbox
):
    sandbox.start_elsewhere(ACTIVITY_ID, "progress")
    open_list(device, page)
    device.press(page.get_by_role("link", name=END_ANY))
    device.write(page.get_by_label("Activity ID"), ACTIVITY_ID)
    device.write(page.locator("#id_title"), MAINTENANCE.title)
    device.press(page.get_by_role("button", name="End live activity"))
    sees_it_end(page)
    assert_ended(sandbox)
    assert device.clicks <= MOST_CLICKS


def open_list(device: InputDevice, page: Page) -> None:
    """Open the list of live activities."""
    device.press(page.locator("#content").get_by_role("link", name="Live activities", exact=True))


def find(device: InputDevice, page: Page, words: str) -> None:
    """Search for words that a phone shows."""
    open_list(device, page)
    device.write(page.locator("#searchbar"), words)
    page.keyboard.press("Enter")
    page.wait_for_url("**/?q=*")


def sees_it_end(page: Page) -> None:
    """Wait on the card's page, which looks by itself how far it is."""
    summary = page.locator("#liveactivity-summary")
    expect(summary.locator(".lockscreen-state").first).to_contain_text("Ended")


def assert_ended(sandbox: Sandbox) -> None:
    """The phone has no living card, and one that has ended."""
    assert sandbox.phone()["alive"] == []
    assert titles_of(sandbox.phone()["ended"]) == [MAINTENANCE.title]
