"""Chromium, and a visitor in it whose console, policy violations and documents are written down."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Response,
    sync_playwright,
)

WIDE = {"width": 1280, "height": 900}
NARROW = {"width": 320, "height": 640}
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", event => console.error(
    `policy: ${event.effectiveDirective} forbids ${event.blockedURI} at ${event.sourceFile}`
));
"""
REDIRECT = 302
PATIENCE = 20_000
"""Milliseconds for which a page is waited for: the machine may have other work."""


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Run Debian's Chromium, or the one that ``CHROMIUM`` names, without a window."""
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert executable, "Install Chromium: apt-get install chromium"
    # Its synchronous face runs an event loop in this thread, which Django takes for async code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable)
        yield browser
        browser.close()


class Visitor:
    """One person's browser, as separate from others as another computer.

    Args:
        browser: that runs.
        base_url: of the site.
        **options: of Playwright's contexts, as ``locale``, ``color_scheme`` or ``viewport``.

    Attributes:
        complaints: errors on the console, of scripts, and violations of the policy.
        answer: the newest page, as the server sent it.
    """

    def __init__(self, browser: Browser, base_url: str, **options: Any) -> None:
        self.complaints: list[str] = []
        self.answer: Response | None = None
        self._base_url = base_url
        self._listens = True
        settings = {"viewport": WIDE, "locale": "en-US", "base_url": base_url, **options}
        self.context: BrowserContext = browser.new_context(**settings)
        self.context.set_default_timeout(PATIENCE)
        self.context.add_init_script(REPORT_VIOLATIONS)
        self.context.on("console", self._hear)
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.context.on("response", self._keep)
        self.page: Page = self.context.new_page()

    def log_in(self, user: User) -> None:
        """Log a user in, by a session that is made beside the login page."""
        client = Client()
        client.force_login(user)
        cookie = client.cookies["sessionid"].value
        self.context.add_cookies([{"name": "sessionid", "value": cookie, "url": self._base_url}])

    def send(self, button: str) -> None:
        """Press a button of a form, in whatever language, and wait for the page that comes."""
        with self.page.expect_navigation():
            self.page.locator(button).click()

    @property
    def html(self) -> str:
        """The newest page's source: the document that Chromium shows has no syntax errors left."""
        assert self.answer is not None
        return self.answer.text()

    @contextmanager
    def unheard(self) -> Iterator[None]:
        """Do something to the page that is none of its own doing."""
        self._listens = False
        yield
        self.page.evaluate("0")  # what the console had until now has arrived with the answer
        self._listens = True

    def close(self) -> None:
        """End it."""
        self.context.close()

    def _hear(self, message: ConsoleMessage) -> None:
        is_icon = message.location["url"].endswith("/favicon.ico")  # Chromium asks by itself
        if self._listens and not is_icon and message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _keep(self, response: Response) -> None:
        is_page = response.request.is_navigation_request() and response.status != REDIRECT
        if is_page:
            self.answer = response
