"""The two ways to act on a page: with a mouse, which counts its clicks, or with keys alone."""

from __future__ import annotations

from typing import Protocol

from playwright.sync_api import Locator, Page

MOST_TABS = 250
HAS_FOCUS = "node => node === document.activeElement"


class InputDevice(Protocol):
    """What an operator does on a page."""

    clicks: int

    def press(self, target: Locator) -> None:
        """Use a link, a button or a box."""

    def write(self, field: Locator, text: str) -> None:
        """Replace what is in a field."""

    def choose(self, field: Locator, label: str) -> None:
        """Choose an option of a list."""


class Mouse:
    """Clicks, and types where it has clicked."""

    def __init__(self, page: Page) -> None:
        self.page, self.clicks = page, 0

    def press(self, target: Locator) -> None:
        target.click()
        self.clicks += 1

    def write(self, field: Locator, text: str) -> None:
        if not field.evaluate(HAS_FOCUS):
            self.press(field)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def choose(self, field: Locator, label: str) -> None:
        self.press(field)
        field.select_option(label=label)  # Chromium draws the open list outside of the page
        self.clicks += 1


class Keyboard:
    """Uses Tab, Enter, Space and letters, and nothing else; a field that Tab misses is an error."""

    def __init__(self, page: Page) -> None:
        self.page, self.clicks = page, 0

    def press(self, target: Locator) -> None:
        self.reach(target)
        is_box = target.evaluate("node => ['checkbox', 'radio'].includes(node.type)")
        self.page.keyboard.press("Space" if is_box else "Enter")

    def write(self, field: Locator, text: str) -> None:
        self.reach(field)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def choose(self, field: Locator, label: str) -> None:
        self.reach(field)
        self.page.keyboard.type(label)  # a list jumps to the option that begins so

    def reach(self, target: Locator) -> None:
        """Press Tab until the target has the focus."""
        for _ in range(MOST_TABS):
            if target.evaluate(HAS_FOCUS):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{MOST_TABS} times Tab do not lead to {target}")
