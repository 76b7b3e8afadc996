"""The checks of what is followed: can its cards be stored together with its rows."""

from __future__ import annotations

import pytest
from django.db import models
from django.test.utils import isolate_apps

from django_liveactivity import ModelActivity, register
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.tracking import unregister
from tests.shop import models as cards
from tests.shop.models import Order

from .finding import found

LOCMEM = "django_liveactivity.backends.locmem.LocmemBackend"


class WritesElsewhere:
    """The router of a project that keeps its orders apart."""

    def db_for_write(self, model, **hints):
        return "other" if model is Order else None


@pytest.fixture
def follow():
    """Follow a model for the time of the test."""
    followed = []

    def follow(model, **attributes):
        activity = type(
            "Followed", (ModelActivity,), {"is_live": bool, "content": str, **attributes}
        )
        register(model)(activity)
        followed.append((model, activity))

    yield follow
    for model, activity in followed:
        unregister(model, activity)


def test_a_model_that_is_written_elsewhere_is_found(settings, follow):
    settings.DATABASE_ROUTERS = [f"{__name__}.WritesElsewhere"]
    follow(Order)
    messages = found()
    assert list(messages) == ["liveactivity.E008"]
    assert (
        "shop.Order is written to the database 'other', and the account 'default' of "
        "shop.Followed lives in 'default'"
    ) in messages["liveactivity.E008"]


def test_an_account_in_the_model_s_database_is_in_order(settings, follow):
    settings.DATABASE_ROUTERS = [f"{__name__}.WritesElsewhere"]
    account = {"BACKEND": LOCMEM}
    settings.LIVEACTIVITY = {"default": account, "shop": account | {"DATABASE": "other"}}
    follow(Order, account="shop")
    assert found() == {}


def test_an_account_that_there_is_not_is_found(follow):
    follow(Order, account="nowhere")
    messages = found()
    assert list(messages) == ["liveactivity.E010"]
    assert "shop.Followed.account is 'nowhere'" in messages["liveactivity.E010"]


def test_a_setting_that_cannot_be_read_is_found_once(settings, follow):
    settings.LIVEACTIVITY = []
    follow(Order)
    settings.LIVEACTIVITY = ["default"]
    assert list(found()) == ["liveactivity.E001"]


@isolate_apps("tests.shop")
def test_a_composite_primary_key_is_found(follow):
    class Seat(models.Model):
        pk = models.CompositePrimaryKey("row", "number")
        row = models.IntegerField()
        number = models.IntegerField()

        class Meta:
            app_label = "shop"

    follow(Seat)
    messages = found()
    assert list(messages) == ["liveactivity.E009"]
    assert "shop.Followed cannot follow shop.Seat" in messages["liveactivity.E009"]


@pytest.mark.parametrize("name", ["is_live", "content"])
def test_a_class_without_a_hook_is_found(follow, name):
    hooks = {"is_live": bool, "content": str}
    follow(Order, **{**hooks, name: getattr(ModelActivity, name)})
    messages = found()
    assert list(messages) == ["liveactivity.E018"]
    assert f"shop.Followed does not define {name}()" in messages["liveactivity.E018"]


class TestAClassThatFollowsNoModel:
    @pytest.fixture
    def define(self, monkeypatch):
        def define(name, *bases, **attributes):
            attributes = {"__module__": cards.__name__, **attributes}
            made = type(name, bases or (ModelActivity,), attributes)
            monkeypatch.setattr(cards, name, made, raising=False)
            return made

        return define

    def test_is_found(self, define):
        define("Forgotten", is_live=bool, content=str)
        messages = found()
        assert list(messages) == ["liveactivity.W012"]
        assert (
            f"{cards.__name__}.Forgotten is not registered for a model"
            in messages["liveactivity.W012"]
        )

    def test_may_be_the_base_of_one_that_does(self, define):
        base = define("Base", is_live=bool, content=str)
        child = type("Child", (base,), {})
        register(Order)(child)
        try:
            assert found() == {}
        finally:
            unregister(Order, child)

    def test_may_be_a_base_without_hooks(self, define):
        define("Base")
        assert found() == {}


@pytest.mark.parametrize("model", ["shop.Order", None, Order(), dict])
def test_what_is_no_model_is_refused_at_once(model):
    with pytest.raises(
        InvalidInputError, match=r"is not a model class: import it, as in @register"
    ):
        register(model)


def test_a_class_that_is_no_model_activity_is_refused_at_once():
    with pytest.raises(InvalidInputError, match="is not a subclass of ModelActivity"):
        register(Order)(dict)
