"""What importing the package costs, what it works without, and what it promises."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.core.management import call_command

import django_liveactivity
from tests.dispatch.task_backends import DUMMY

ROOT = Path(__file__).parent.parent
HEAVY = (
    "httpx",
    "httpcore",
    "pydantic",
    "celery",
    "rest_framework",
    "health_check",
    "prometheus_client",
)
DISPATCHER = (
    "from django_liveactivity import conf, dispatch; dispatch.dispatcher_of(conf.account())"
)
EXTRAS = (
    "celery",
    "dj_database_url",
    "django_tasks",
    "drf_spectacular",
    "health_check",
    "prometheus_client",
    "redis",
    "rest_framework",
)


def run(code: str) -> str:
    """Run code in a fresh interpreter and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_package_pulls_in_none_of_its_dependencies():
    out = run("""
        import sys, django_liveactivity
        print([m for m in ("httpx", "celery", "rest_framework", "pydantic", "django.db")
               if m in sys.modules])
    """)
    assert out == "[]\n"


@pytest.mark.parametrize("admin", [False, True])
def test_django_starts_without_what_only_deliveries_need(admin):
    out = run(f"""
        import sys
        from django.conf import settings
        apps = ["django.contrib.contenttypes", "django.contrib.auth", "django_liveactivity"]
        if {admin}:
            apps += ["django.contrib.admin", "django.contrib.messages"]
        settings.configure(
            INSTALLED_APPS=apps,
            DATABASES={{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}}},
            LIVEACTIVITY={{"default": {{
                "BACKEND": "django_liveactivity.backends.activitysmith.ActivitySmithBackend",
                "DISPATCHER": "celery",
                "OPTIONS": {{"api_key": "ask_test"}},
            }}}},
        )
        import django
        django.setup()
        from django.core.checks import registry
        assert "liveactivity" in registry.registry.tags_available()
        print(("django_liveactivity.admin" in sys.modules) is {admin})
        print([m for m in {HEAVY!r} if m in sys.modules])
        registry.run_checks(tags=["liveactivity"])
        print([m for m in {HEAVY[:2]!r} if m in sys.modules])
    """)
    assert out == "True\n[]\n[]\n"


@pytest.mark.parametrize("dispatcher", ["none", "tasks"])
def test_a_service_call_makes_no_http_client(dispatcher):
    out = run(f"""
        import sys
        from django.conf import settings
        settings.configure(
            INSTALLED_APPS=["django_liveactivity"],
            DATABASES={{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}}},
            LIVEACTIVITY={{"default": {{
                "BACKEND": "django_liveactivity.backends.activitysmith.ActivitySmithBackend",
                "DISPATCHER": {dispatcher!r},
                "OPTIONS": {{"api_key": "ask_test", "base_url": "http://127.0.0.1:9/api"}},
            }}}},
            TASKS={{"default": {{"BACKEND": {DUMMY!r}}}}},
        )
        import django
        django.setup()
        from django.core.management import call_command
        call_command("migrate", verbosity=0)
        from django_liveactivity import Progress, services
        services.end_activity(services.stream_activity("k", Progress(title="x", percentage=1)))
        print([m for m in ("httpx", "httpcore") if m in sys.modules])
        from django_liveactivity.backends import get_backend
        get_backend().client.end_stream("k")
        print([m for m in ("httpx", "httpcore") if m in sys.modules])
    """)
    assert out == "[]\n['httpx', 'httpcore']\n"


def test_the_core_works_without_the_extras():
    out = run(f"""
        import sys

        sys.modules.update(dict.fromkeys({EXTRAS!r}))  # so says Python that they are missing
        from django.conf import settings
        settings.configure(
            INSTALLED_APPS=["django_liveactivity"],
            DATABASES={{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}}},
            LIVEACTIVITY={{"default": {{
                "BACKEND": "django_liveactivity.backends.locmem.LocmemBackend",
                "DISPATCHER": "immediate",
            }}}},
        )
        import django
        django.setup()
        from django.core.management import call_command
        call_command("migrate", verbosity=0)
        from django_liveactivity import Progress, services
        from django_liveactivity.backends.locmem import outbox
        card = services.stream_activity("order-42", Progress(title="Order", percentage=1))
        services.end_activity(card)
        print([call.method for call in outbox])
    """)
    assert out == "['PUT', 'DELETE']\n"


@pytest.mark.parametrize(
    ("code", "extra"),
    [
        ("import django_liveactivity.api.urls", "drf"),
        ("import django_liveactivity.health_check", "health-check"),
        ("import django_liveactivity.prometheus", "prometheus"),
        (DISPATCHER, "celery"),
        pytest.param(
            DISPATCHER,
            "tasks",
            marks=pytest.mark.skipif(find_spec("django.tasks") is not None, reason="Django has it"),
        ),
    ],
)
def test_a_missing_extra_names_the_command_that_brings_it(code, extra):
    out = run(f"""
        import sys

        sys.modules.update(dict.fromkeys({EXTRAS!r}))  # so says Python that they are missing
        from django.conf import settings
        account = {{"BACKEND": "x.y", "DISPATCHER": {extra!r}}}
        settings.configure(LIVEACTIVITY={{"default": account}})
        try:
            {code}
        except Exception as error:
            print(error)
    """)
    assert f"pip install 'django-liveactivity[{extra}]'" in out


def test_the_public_names_are_these():
    assert set(django_liveactivity.__all__) == {
        "Action",
        "Alert",
        "AlertMessage",
        "Badge",
        "Icon",
        "Metric",
        "Metrics",
        "ModelActivity",
        "Progress",
        "SegmentedProgress",
        "Stats",
        "Timer",
        "Value",
        "__version__",
        "register",
        "services",
    }
    for name in django_liveactivity.__all__:
        assert getattr(django_liveactivity, name)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        django_liveactivity.nothing  # noqa: B018


def test_the_version_is_that_of_the_installed_distribution():
    assert django_liveactivity.__version__ == version("django-liveactivity")


@pytest.mark.django_db
def test_no_migration_is_missing():
    call_command("makemigrations", "django_liveactivity", check=True, dry_run=True, verbosity=0)
