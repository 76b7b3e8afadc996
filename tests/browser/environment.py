"""What surrounds the pages: a database in a file, the vendor's sandbox, and the delivery loop."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Any

from django.db import connections

from django_liveactivity.management.loop import DispatchLoop
from django_liveactivity.management.terminal import ProgressBars
from django_liveactivity.sandbox import Sandbox

KEY = "ask_browser"


def put_database_in(folder: Path) -> None:
    """Have the database for the tests made in a file in this folder."""
    connections["default"].settings_dict["TEST"]["NAME"] = str(folder / "browser.sqlite3")


def accounts_at(sandbox: Sandbox, **options: Any) -> dict[str, Any]:
    """Return ``LIVEACTIVITY`` with one account at the sandbox, and options of its backend."""
    own = {"api_key": KEY, "base_url": sandbox.url, "rate_limit": None}
    return {
        "default": {
            "BACKEND": "django_liveactivity.backends.activitysmith.ActivitySmithBackend",
            "DISPATCHER": "none",
            "OPTIONS": own | options,
        }
    }


class Delivery:
    """The delivery loop, as ``liveactivity_dispatch`` runs it, in a thread of this process."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Deliver from now on."""
        self._stop.clear()
        loop = DispatchLoop(["default"], self._stop, ProgressBars(io.StringIO()), threads=2)
        self._thread = threading.Thread(target=loop.run, name="delivery")
        self._thread.start()

    def stop(self) -> None:
        """Finish what was begun."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
