"""The screenshots of the documentation: ``python -m tests.browser.screenshots docs/images``.

A team at night: two deployments, a job, a server's load, an incident. Run it after a change of a
page, look at each picture, and commit them with the change. ``--drawings`` takes those of the
content types alone.
"""

# ruff: noqa: E402 - Django is set up before the models are imported
from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.browser.settings"
django.setup()

from deployments.models import Deployment
from django.contrib.auth.models import User
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.db import transaction
from django.test.testcases import LiveServerThread
from django.test.utils import override_settings, setup_databases, teardown_databases
from django.urls import reverse
from playwright.sync_api import Browser

from django_liveactivity import Progress, services
from django_liveactivity.delivery import sweep
from django_liveactivity.dispatch.immediate import drain_here
from django_liveactivity.models import LiveActivity
from django_liveactivity.sandbox import Sandbox
from django_liveactivity.testing import deliver
from tests.clock import advance
from tests.lockscreen.gallery import gallery
from tests.lockscreen.samples import SEVEN as DRAWN

from .cards import SEVEN, show
from .environment import accounts_at, put_database_in
from .pages import url
from .visitor import Visitor, running_chromium

HOUR = 3600
FORGOTTEN = 600


@dataclass
class Studio:
    """Where the pictures are taken.

    Args:
        browser: that runs.
        site: the address of the example project.
        sandbox: the vendor, with its phone.
        folder: where the pictures go.
    """

    browser: Browser
    site: str
    sandbox: Sandbox
    folder: Path

    def visitor(self, **options: object) -> Visitor:
        """Return the operator's browser."""
        visitor = Visitor(self.browser, self.site, **options)
        visitor.log_in(User.objects.get(username="ana"))
        return visitor

    def take(self, name: str, visitor: Visitor, part: str = "", *, height: int = 0) -> None:
        """Take a picture of the page, or of a part of it, and end the visit."""
        path = self.folder / f"{name}.png"
        if part:
            visitor.page.locator(part).screenshot(path=path)
        else:
            width = visitor.page.viewport_size["width"]
            visitor.page.set_viewport_size({"width": width, "height": height})
            visitor.page.evaluate("scrollTo(0, 0)")
            visitor.page.screenshot(path=path)
        visitor.close()
        print(f"{path}: {path.stat().st_size // 1024} KB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--drawings", action="store_true", help="only the content types")
    options = parser.parse_args()
    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    with running_chromium() as browser:
        drawings(browser, folder)
    if options.drawings:
        return
    with site() as (address, sandbox), running_chromium() as browser:
        User.objects.create_superuser("ana", first_name="Ana")
        studio = Studio(browser, address, sandbox, folder)
        for scene in SCENES:
            scene(studio)


@contextmanager
def site() -> Iterator[tuple[str, Sandbox]]:
    """Serve the example project with a database of its own, and a phone."""
    with tempfile.TemporaryDirectory() as folder, Sandbox(seed=7) as sandbox:
        put_database_in(Path(folder))
        databases = setup_databases(verbosity=0, interactive=False)
        with override_settings(LIVEACTIVITY=accounts_at(sandbox)):
            server = LiveServerThread("127.0.0.1", StaticFilesHandler)
            server.daemon = True
            server.start()
            server.is_ready.wait()
            yield f"http://127.0.0.1:{server.port}", sandbox
            server.terminate()
        teardown_databases(databases, verbosity=0)


def the_evening(studio: Studio) -> None:
    """Let the evening happen, until the phone rings."""
    sweep(lambda _: None)
    Deployment.objects.create(service="billing", version="7.0", steps_done=3)
    deliver()
    advance(5 * HOUR)
    Deployment.objects.get().advance()
    deliver()
    advance(2 * HOUR)
    maintenance = show("maintenance-db-2", SEVEN["maintenance-db-2"])
    advance(2 * HOUR)
    Deployment.objects.create(service="checkout", version="2.4", steps_done=2)
    deliver()
    show("prod-web-1", SEVEN["prod-web-1"])
    services.end_activity(maintenance, after=timedelta(hours=1), actor="Ben", reason="By then.")
    advance(600)
    show("incident-217", SEVEN["incident-217"])
    studio.sandbox.faults = "DELETE:500@1+"
    services.end_activity(stream_key="prod-web-1", actor="Ben", reason="The alarm is over.")
    for _ in range(3):
        deliver()
        advance(80)
    deliver()
    sweep(lambda _: None)


def the_list(studio: Studio) -> None:
    visitor = studio.visitor()
    visitor.page.goto(url("changelist"))
    studio.take("admin-list", visitor, height=760)


def a_card(studio: Studio) -> None:
    visitor = studio.visitor()
    visitor.page.goto(url("change", LiveActivity.objects.get(stream_key="prod-web-1").pk))
    studio.take("admin-card", visitor, height=1000)


def a_confirmation(studio: Studio) -> None:
    visitor = studio.visitor()
    card = LiveActivity.objects.get(stream_key="maintenance-db-2")
    visitor.page.goto(url("end", card.pk))
    visitor.page.get_by_label("Percentage").fill("100")
    visitor.page.get_by_label("Reason").fill("It was done at 2.")
    visitor.send("button[value=preview]")
    studio.take("admin-end", visitor, height=900)


def any_card(studio: Studio) -> None:
    visitor = studio.visitor()
    visitor.page.goto(url("end_any"))
    studio.take("admin-end-any", visitor, height=760)


def an_object(studio: Studio) -> None:
    visitor = studio.visitor()
    name = "admin:deployments_deployment_change"
    visitor.page.goto(reverse(name, args=[Deployment.objects.latest("pk").pk]))
    studio.take("admin-deployment", visitor, height=760)


def the_phone(studio: Studio) -> None:
    visitor = studio.visitor(viewport={"width": 1000, "height": 700})
    visitor.page.goto(studio.sandbox.base)
    studio.take("sandbox", visitor, height=700)


def a_batch(studio: Studio) -> None:
    """End 600 forgotten cards, of which a worker has ended some by now."""
    studio.sandbox.faults, studio.sandbox.policy.concurrent = (), FORGOTTEN + len(SEVEN)
    with transaction.atomic():
        for number in range(FORGOTTEN):
            content = Progress(title=f"Nightly job {number}", percentage=number % 100)
            services.stream_activity(f"nightly-{number}", content)
    drain_here("default")
    advance(6 * HOUR)
    visitor = studio.visitor()
    visitor.page.goto(url("changelist", query="?q=nightly"))
    visitor.page.locator("#action-toggle").check()
    visitor.page.locator(".actions .question a").click()
    visitor.page.locator("select[name=action]").select_option("end_selected")
    visitor.send("button[name=index]")
    visitor.page.get_by_label("Reason").fill("The runner is gone.")
    visitor.send("input.default")
    with override_settings(LIVEACTIVITY=accounts_at(studio.sandbox, rate_limit=(60, 60))):
        sweep(lambda _: None)
        deliver()
        visitor.page.reload()
        studio.take("admin-batch", visitor, height=620)


def seven_types(studio: Studio) -> None:
    """The samples of the drawing itself, which need no phone."""
    for theme in ("light", "dark"):
        visitor = studio.visitor(viewport={"width": 780, "height": 900})
        visitor.page.set_content(gallery(DRAWN, theme=theme, screen=False))
        studio.take(f"lock-screen-{theme}", visitor, "body")


def drawings(browser: Browser, folder: Path) -> None:
    """Take a picture of each content type as docs/reference/content.md describes it."""
    page = browser.new_page(viewport={"width": 440, "height": 600}, device_scale_factor=1.5)
    for name, card in DRAWN.items():
        page.set_content(gallery({name: card}, screen=False))
        path = folder / f"content-{name}.png"
        page.locator(".lockscreen-card").screenshot(path=path)
        print(f"{path}: {path.stat().st_size // 1024} KB")
    page.close()


Scene = Callable[[Studio], None]
SCENES: tuple[Scene, ...] = (
    the_evening,
    the_list,
    a_card,
    a_confirmation,
    any_card,
    an_object,
    the_phone,
    a_batch,
    seven_types,
)

if __name__ == "__main__":
    main()
