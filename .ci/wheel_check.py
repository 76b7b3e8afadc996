"""Use the installed wheel as a newcomer would, in a project of one file, without any extra.

A card follows an object, the loop delivers, the vendor's sandbox answers, and the admin ends it.
"""

import importlib.util
import re
import sys
from importlib.metadata import metadata, version
from io import StringIO
from pathlib import Path
from urllib.request import urlopen

from django.conf import settings

settings.configure(
    DEBUG=True,
    SECRET_KEY="only-for-this-check",  # noqa: S106
    ALLOWED_HOSTS=["testserver"],
    ROOT_URLCONF=__name__,
    STATIC_URL="static/",
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        },
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
            "OPTIONS": {"api_key": "ask_wheel", "base_url": "http://127.0.0.1:8799/api"},
        }
    },
)

import django  # noqa: E402

django.setup()

from django.contrib import admin  # noqa: E402
from django.contrib.auth.models import Group, User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.template.loader import get_template  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import path, reverse  # noqa: E402

import django_liveactivity  # noqa: E402
from django_liveactivity import ModelActivity, Progress, register, services  # noqa: E402
from django_liveactivity.models import LiveActivity  # noqa: E402
from django_liveactivity.sandbox import Sandbox  # noqa: E402

EXTRAS = ("celery", "django_tasks", "redis", "rest_framework", "tqdm")
urlpatterns = [path("admin/", admin.site.urls)]


@register(Group)
class GroupActivity(ModelActivity):
    """Any model of the project; this one is there already."""

    def is_live(self, group):
        return group.name != "Day shift"

    def content(self, group):
        return Progress(title=group.name, percentage=40)


def check_files():
    """The wheel has what is no Python, and the index gets a description whose links work."""
    package = Path(django_liveactivity.__file__).parent
    assert "site-packages" in package.parts, package
    assert (package / "py.typed").exists()
    assert django_liveactivity.__version__ == version("django-liveactivity")
    assert (package / "locale/de/LC_MESSAGES/django.mo").exists()
    assert [name for name in EXTRAS if importlib.util.find_spec(name)] == []
    description = metadata("django-liveactivity")["Description"]
    assert re.findall(r"\]\((?!https://)[^)]+\)", description) == [], (
        "links that the index cannot follow"
    )
    for template in (package / "templates").rglob("*.html"):
        get_template(str(template.relative_to(package / "templates")))


def deliver():
    """Run the loop until nothing is due."""
    call_command("liveactivity_dispatch", "--once", stdout=StringIO())


def check_delivery(sandbox):
    """A card by a service call and one that follows an object, each on the phone until its end."""
    card = services.stream_activity("order-42", Progress(title="Order 42", percentage=40))
    group = Group.objects.create(name="Night shift")
    deliver()
    assert len(sandbox.phone()["alive"]) == 2
    services.end_activity(card)
    group.delete()
    deliver()
    assert sandbox.phone()["empty"]
    assert [*LiveActivity.objects.values_list("status", flat=True)] == ["ended", "ended"]


def check_admin(sandbox):
    """The admin lists a card, shows it, and ends it."""
    card = services.stream_activity("order-43", Progress(title="Order 43", percentage=40))
    deliver()
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    view = "admin:django_liveactivity_liveactivity_"
    pages = (reverse(f"{view}changelist"), reverse(f"{view}change", args=[card.pk]))
    assert ["order-43" in client.get(page).text for page in pages] == [True, True]
    ask = {"action": "end_selected", "_selected_action": [card.pk], "post": "yes"}
    assert client.post(pages[0], ask).status_code == 302
    deliver()
    assert sandbox.phone()["empty"]


def check_pages(sandbox):
    """The sandbox's own page has its files."""
    for name in ("/", "/static/page.css", "/static/page.js", "/static/lockscreen.css"):
        with urlopen(sandbox.base + name) as page:  # noqa: S310 - on loopback
            assert page.read()


check_files()
call_command("check", fail_level="WARNING", stdout=StringIO())
call_command("migrate", verbosity=0)
with Sandbox(8799) as sandbox:
    check_delivery(sandbox)
    check_admin(sandbox)
    check_pages(sandbox)
sys.stdout.write(f"The wheel ends its cards on Django {django.__version__}, without an extra.\n")
