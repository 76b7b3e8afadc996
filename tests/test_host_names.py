"""A host may have an app of its own named ``liveactivity``: no name of ours is one of its names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import get_commands
from django.db import connection, models
from django.test.utils import isolate_apps

import django_liveactivity

OURS = apps.get_app_config("django_liveactivity")
ROOT = Path(django_liveactivity.__file__).parent
HOSTS_APP = "liveactivity"


def twin(ours: type[models.Model]) -> type[models.Model]:
    """Return a model of the host's app with the name of ours, and an index on each of its names."""
    fields = {name: models.CharField(max_length=20, db_index=True) for name in ("name", "account")}
    unique = models.UniqueConstraint(
        fields=["name", "account"], name=f"{HOSTS_APP}_{ours.__name__}"
    )
    names = {"app_label": HOSTS_APP, "constraints": [unique]}
    return type(
        ours.__name__,
        (models.Model,),
        {**fields, "__module__": __name__, "Meta": type("Meta", (), names)},
    )


@pytest.fixture
def twins() -> Iterator[list[type[models.Model]]]:
    with isolate_apps():
        yield [twin(ours) for ours in OURS.get_models()]


@pytest.mark.django_db(transaction=True)
def test_its_models_of_the_same_names_have_their_tables_beside_ours(twins):
    made = []
    try:
        with connection.schema_editor() as editor:
            for model in twins:
                editor.create_model(model)
                made.append(model)
        tables = set(connection.introspection.table_names())
        assert {model._meta.db_table for model in (*twins, *OURS.get_models())} <= tables
        twins[0]._base_manager.create(name="one", account="default")
    finally:
        with connection.schema_editor() as editor:
            for model in made:
                editor.delete_model(model)


@pytest.mark.parametrize("model", list(OURS.get_models()), ids=lambda model: model.__name__)
def test_every_name_of_ours_in_the_database_begins_with_ours(model):
    """PostgreSQL and SQLite have one namespace for the tables and the indexes of all apps."""
    assert model._meta.db_table.startswith("django_liveactivity_")
    named = (*model._meta.indexes, *model._meta.constraints)
    assert [each.name for each in named if not each.name.startswith("dla_")] == []


def test_files_that_django_finds_by_their_path_are_in_folders_of_ours():
    for kind in ("static", "templates"):
        folders = {path.relative_to(ROOT / kind).parts[:2] for path in (ROOT / kind).rglob("*.*")}
        assert {"django_liveactivity" in parts for parts in folders} == {True}


def test_every_command_of_ours_is_called_after_the_app():
    """Commands have no namespace: of two of one name, an app hides the other's."""
    commands = [name for name, app in get_commands().items() if app == OURS.name]
    assert commands
    assert [name for name in commands if not name.startswith("liveactivity_")] == []
