"""The same tutorial on PostgreSQL with Celery over Redis: it takes longer, and CI names it."""

from __future__ import annotations

import os

import pytest

from tests.celery_apps import needs_redis
from tests.ports import is_open

from .project import check, start_reader

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")

POSTGRES = 5432
ENDS = "SELECT count(*) FROM django_liveactivity_operation WHERE kind = 'end' AND state = 'done'"


def address(database: str) -> dict[str, object]:
    return {"host": "127.0.0.1", "port": POSTGRES, "user": "root", "dbname": database}


@pytest.fixture
def postgres():
    """A database of its own, by the settings that lead there."""
    name = f"tutorial_{os.getpid()}"
    with psycopg.connect(**address("postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    yield {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": "127.0.0.1",
        "PORT": POSTGRES,
        "USER": "root",
        "NAME": name,
    }
    with psycopg.connect(**address("postgres"), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.skipif(not is_open(POSTGRES), reason="no PostgreSQL on 127.0.0.1:5432")
@needs_redis
def test_the_tutorial_on_postgresql_with_celery(tmp_path, postgres):
    settings = f"""
DATABASES = {{"default": {postgres!r}}}
CELERY_TASK_DEFAULT_QUEUE = "{postgres["NAME"]}"
"""
    celery = {"python manage.py liveactivity_dev": "how-to/deliver-with-celery.md"}
    with start_reader(tmp_path, instead=celery, settings=settings) as reader:
        reader.follow("tutorial.md")
        assert {"celery -A config worker", "celery -A config beat"} <= set(reader.done)
        assert "python manage.py liveactivity_dev --no-loop" in reader.done
        assert "python manage.py liveactivity_dev" not in reader.done
        check(reader)
        with psycopg.connect(**address(postgres["NAME"])) as database:
            [(ends,)] = database.execute(ENDS)
        assert ends == 2
