"""The tutorial about customers, word for word, and what its database and terminals say of keys."""

from __future__ import annotations

import httpx
import pytest

from .project import start_reader
from .test_tutorial import QUICK_LOGIN

pytestmark = pytest.mark.long
KEYS = [b"ask_acme_1111", b"ask_acme_2222"]


def test_a_key_per_customer_is_added_changed_and_removed(tmp_path):
    with start_reader(tmp_path, settings=QUICK_LOGIN) as reader:
        reader.follow("tutorial-customers.md")
        seen = [line for line in reader.done if line.startswith(("says", "phone shows"))]
        assert len(seen) == 6
        assert "python manage.py remove_customers" in reader.done
        reader.terminal.run("python manage.py check --fail-level WARNING")
        calls = httpx.get(str(reader.phone.page.url.join("calls.json"))).json()
        assert calls[0]["method"] == "PUT"
        assert calls[-1]["method"] == "DELETE"
        status = reader.terminal.run("python manage.py liveactivity_status --json")
        assert '"ok": true' in status
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.suffix in {".sqlite3", ".log"}:
            assert not [key for key in KEYS if key in path.read_bytes()], path
