"""Which ``ModelActivity`` follows which model, and the receivers of its signals."""

import functools
import sys
from collections.abc import Callable, Iterator
from typing import TypeVar

from django.apps import apps
from django.db.models import Model
from django.db.models.signals import class_prepared, post_delete, post_save
from django.dispatch import receiver

from django_liveactivity.exceptions import InvalidInputError

from .activity import AnyActivity, ModelActivity
from .follow import Save, follow

A = TypeVar("A", bound=type[AnyActivity])
UID = "django_liveactivity"

_registry: list[AnyActivity] = []
_unsupported: list[AnyActivity] = []


def register(model: type[Model]) -> Callable[[A], A]:
    """Register a ``ModelActivity`` for a model, its proxies, its parents and its children.

    A decorator. Only these models get signal receivers, so that saves of other models cost nothing.

    Args:
        model: the model whose saves and deletes are followed. One with a composite primary key is
            not followed, and the system check ``liveactivity.E009`` says so.

    Raises:
        InvalidInputError: at ``model``, if it is no model class, if it is abstract, or if another
            class of that name follows it: cards remember the name.
    """
    if not (isinstance(model, type) and issubclass(model, Model)):
        what = f"{model!r} is not a model class: import it, as in @register(Order)"
        raise InvalidInputError.at("model", f"{what}.")
    if model._meta.abstract:
        raise InvalidInputError.at("model", f"{model.__name__} is abstract: name its children.")

    def decorate(activity_class: A) -> A:
        if not (isinstance(activity_class, type) and issubclass(activity_class, ModelActivity)):
            message = f"{activity_class!r} is not a subclass of ModelActivity."
            raise InvalidInputError.at("activity_class", message)
        activity = activity_class()
        activity.model = model
        if any(activity.name == other.name for other in followers(model)):
            message = f"{activity.name} already follows {model.__name__}."
            raise InvalidInputError.at("model", message)
        if model._meta.is_composite_pk:
            _unsupported.append(activity)
            return activity_class
        _registry.append(activity)
        followers.cache_clear()
        for sender in _relatives(model):
            _connect(sender)
        return activity_class

    return decorate


def unregister(model: type[Model], activity_class: type[AnyActivity]) -> None:
    """Undo ``register``: for tests."""
    for known in (_registry, _unsupported):
        known[:] = [a for a in known if (a.model, type(a)) != (model, activity_class)]
    followers.cache_clear()
    for sender in _relatives(model):
        if not followers(sender):
            post_save.disconnect(sender=sender, dispatch_uid=UID)
            post_delete.disconnect(sender=sender, dispatch_uid=UID)


def registered() -> tuple[AnyActivity, ...]:
    """Return every ``ModelActivity``, in the order of their registration."""
    return tuple(_registry)


def unsupported() -> tuple[AnyActivity, ...]:
    """Return every ``ModelActivity`` whose model cannot be followed: its key is composite."""
    return tuple(_unsupported)


def unregistered() -> list[type[AnyActivity]]:
    """Return the classes in modules of installed apps that follow no model, nor does a child."""
    known = {type(activity) for activity in (*_registry, *_unsupported)}
    return [each for each in _descendants(ModelActivity) if _is_forgotten(each, known)]


def _descendants(parent: type[AnyActivity]) -> Iterator[type[AnyActivity]]:
    for child in parent.__subclasses__():
        yield child
        yield from _descendants(child)


def _is_forgotten(each: type[AnyActivity], known: set[type[AnyActivity]]) -> bool:
    """Tell whether a class was never registered; a base without ``is_live`` is meant for others."""
    module = sys.modules.get(each.__module__)
    return (
        each.is_live is not ModelActivity.is_live
        and getattr(module, each.__name__, None) is each
        and apps.get_containing_app_config(each.__module__) is not None
        and not any(issubclass(other, each) for other in known)
    )


@functools.cache
def followers(sender: type[Model]) -> tuple[AnyActivity, ...]:
    """Return what follows a model: a save of a child or a parent may change what a card shows."""
    return tuple(a for a in _registry if _is_related(a.model, sender))


def _is_related(model: type[Model], other: type[Model]) -> bool:
    one, two = model._meta.concrete_model, other._meta.concrete_model
    return one is not None and two is not None and (issubclass(one, two) or issubclass(two, one))


def _relatives(model: type[Model]) -> Iterator[type[Model]]:
    """Yield the models, proxies included, whose rows are rows of this one too."""
    seen = set()
    waiting = [m for m in model.__mro__ if issubclass(m, Model) and m is not Model]
    while waiting:
        other = waiting.pop()
        if other not in seen:
            seen.add(other)
            waiting += other.__subclasses__()
            if _is_related(model, other):
                yield other


def _connect(sender: type[Model]) -> None:
    post_save.connect(_on_save, sender=sender, dispatch_uid=UID)
    post_delete.connect(_on_delete, sender=sender, dispatch_uid=UID)


@receiver(class_prepared, dispatch_uid=UID)
def _on_model(sender: type[Model], **_: object) -> None:
    """Follow a proxy or a child that is defined after its parent was registered."""
    if any(_is_related(activity.model, sender) for activity in _registry):
        followers.cache_clear()
        _connect(sender)


def _on_save(
    sender: type[Model],
    instance: Model,
    *,
    created: bool,
    raw: bool,
    using: str,
    update_fields: frozenset[str] | None,
    **_: object,
) -> None:
    if not raw:
        save = Save(created=created, partial=update_fields is not None)
        for activity in followers(sender):
            follow(activity, instance, using, save)


def _on_delete(sender: type[Model], instance: Model, *, using: str, **_: object) -> None:
    for activity in followers(sender):
        # A child may be deleted and keep its parent; a deleted parent sends its own signal.
        if activity.model._meta.concrete_model is sender._meta.concrete_model:
            follow(activity, instance, using, None)
