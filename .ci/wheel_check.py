"""Use the installed wheel as a newcomer would: only what it depends on is there."""

import importlib.util
import re
import sys
from importlib.metadata import metadata, version
from pathlib import Path
from urllib.request import urlopen

from django.conf import settings

settings.configure(
    DEBUG=True,
    TEMPLATES=[
        {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True},
    ],
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "django.contrib.sessions",
        "django_liveactivity",
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    LIVEACTIVITY={
        "default": {
            "BACKEND": "django_liveactivity.backends.activitysmith.ActivitySmithBackend",
            "DISPATCHER": "immediate",
            "OPTIONS": {"api_key": "ask_wheel", "base_url": "http://127.0.0.1:8799/api"},
        }
    },
)

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.template.loader import get_template  # noqa: E402

import django_liveactivity  # noqa: E402
from django_liveactivity import Progress, services  # noqa: E402
from django_liveactivity.sandbox import Sandbox  # noqa: E402

package = Path(django_liveactivity.__file__).parent
assert "site-packages" in package.parts, package
assert (package / "py.typed").exists()
assert django_liveactivity.__version__ == version("django-liveactivity")
assert (package / "locale/de/LC_MESSAGES/django.mo").exists()
assert not any(map(importlib.util.find_spec, ("celery", "rest_framework", "tests")))
description = metadata("django-liveactivity")["Description"]
assert re.findall(r"\]\((?!https://)[^)]+\)", description) == [], (
    "links that the index cannot follow"
)
call_command("migrate", verbosity=0)
call_command("check", "--tag", "liveactivity")
for template in (package / "templates").rglob("*.html"):
    get_template(str(template.relative_to(package / "templates")))

with Sandbox(8799) as sandbox:
    card = services.stream_activity("order-42", Progress(title="Order 42", percentage=40))
    assert [alive["stream_key"] for alive in sandbox.phone()["alive"]] == ["order-42"]
    for path in ("/", "/static/page.css", "/static/page.js", "/static/lockscreen.css"):
        with urlopen(sandbox.base + path) as page:  # noqa: S310 - on loopback
            assert page.read()
    services.end_activity(card)
    assert sandbox.phone()["empty"]
card.refresh_from_db()
assert card.status == "ended"
sys.stdout.write(f"The wheel ends a card on Django {django.__version__}.\n")
