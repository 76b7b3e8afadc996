"""Model signals become service calls: save shows, updates or ends a card, delete ends it."""

from __future__ import annotations

import datetime
import functools
import logging
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from django.db import DatabaseError
from django.db.models import Model
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from . import conf, selectors, services
from .content import Action, Content
from .models import LiveActivity
from .services.door import UNSET, Unset, as_content, as_options

M = TypeVar("M", bound=Model)

OPTION_NAMES = ("action", "secondary_action", "channels", "tags", "metadata")
NOT_IN_A_KEY = re.compile(r"[^A-Za-z0-9_-]+")
SOURCE = "signal"

logger = logging.getLogger("django_liveactivity.tracking")


class ModelActivity(Generic[M]):
    """How the cards of a model live: subclass it in ``liveactivities.py`` and ``@register`` it.

    Attributes:
        model: the model, set by ``register``.
        account: the alias in ``LIVEACTIVITY``.
        dismiss_after: how long an ended card stays, 0 s to 4 h; by default the account's option.
        time_to_live: a card ends by itself when no content came for so long.
        action, secondary_action, channels, tags, metadata: sent with each content; each may be a
            method of the object too.
    """

    model: type[M]
    account: ClassVar[str] = conf.DEFAULT_ACCOUNT
    dismiss_after: datetime.timedelta | Unset | None = UNSET
    time_to_live: datetime.timedelta | Unset | None = UNSET
    action: Action | Mapping[str, Any] | Callable[[M], Any] | None = None
    secondary_action: Action | Mapping[str, Any] | Callable[[M], Any] | None = None
    channels: Sequence[str] | Callable[[M], Any] | None = None
    tags: Sequence[str] | Callable[[M], Any] | None = None
    metadata: Mapping[str, Any] | Callable[[M], Any] | None = None

    def is_live(self, instance: M) -> bool:
        """Tell whether the object has a card now."""
        raise NotImplementedError

    def content(self, instance: M) -> Content:
        """Return what the card of the object shows now."""
        raise NotImplementedError

    def final_content(self, instance: M) -> Content | None:  # noqa: ARG002 - the hook's signature
        """Return what the ended card shows; None for the last content."""
        return None

    def key(self, instance: M) -> str:
        """Return the stream key of a new card: fresh each time, so that no late end can meet it."""
        name = NOT_IN_A_KEY.sub("-", f"{self.model._meta.model_name}-{instance.pk}")
        return f"{name[:200]}-{secrets.token_hex(6)}"

    @property
    def name(self) -> str:
        """What the cards remember of this class: its app and its name."""
        return f"{self.model._meta.app_label}.{type(self).__name__}"

    def saved(self, instance: M, *, created: bool, using: str) -> None:
        """Show, update or end the card of an object that was saved."""
        card = None if created else self._card(instance)
        if self.is_live(instance):
            self._show(instance, card, created=created, using=using)
        elif card is not None:
            self._end(instance, card, self.final_content, using=using)

    def deleted(self, instance: M, *, using: str) -> None:
        """End the card of an object that was deleted, with the last content."""
        card = self._card(instance)
        if card is not None:
            self._end(instance, card, None, using=using)

    def _card(self, instance: M) -> LiveActivity | None:
        account = conf.account(self.account)
        card = selectors.newest_tracked(account, instance, self.name)
        return None if card is None or card.is_closed else card

    def _show(self, instance: M, card: LiveActivity | None, *, created: bool, using: str) -> None:
        if card is None and not created:
            # The instance may be older than the end of its last card: ask the row itself.
            current = self.model._base_manager.using(using).filter(pk=instance.pk).first()
            if current is None or not self.is_live(current):
                return
        content, options = self.content(instance), self._options(instance)
        if card is not None and _is_shown(card, content, options):
            return
        services.stream_activity(
            self.key(instance) if card is None else card.stream_key,
            content,
            subject=instance,
            tracked_by=self.name,
            time_to_live=self.time_to_live,
            account=self.account,
            using=using,
            source=SOURCE,
            **options,
        )

    def _end(
        self,
        instance: M,
        card: LiveActivity,
        final_content: Callable[[M], Content | None] | None,
        *,
        using: str,
    ) -> None:
        end = functools.partial(
            services.end_activity,
            card,
            dismiss_after=self.dismiss_after,
            using=using,
            source=SOURCE,
        )
        if final_content is not None:
            try:
                end(final_content(instance))
            except Exception:
                logger.exception("%s: no final content of %r, the last one does.", self.name, card)
            else:
                return
        end()

    def _options(self, instance: M) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in OPTION_NAMES}
        return {k: v(instance) if callable(v) else v for k, v in values.items()}


def _is_shown(card: LiveActivity, content: Content, options: Mapping[str, Any]) -> bool:
    if card.newest_content != as_content(content).wire():
        return False
    wanted = as_options(options).wire()
    return all(card.newest_options.get(name) == value for name, value in wanted.items())


_registry: dict[type[Model], list[ModelActivity[Any]]] = {}


def register(
    model: type[M],
) -> Callable[[type[ModelActivity[M]]], type[ModelActivity[M]]]:
    """Register a ``ModelActivity`` for a model, its proxies and its children; a decorator.

    Args:
        model: the model whose saves and deletes are followed. The system check
            ``liveactivity.E009`` refuses one with a composite primary key.
    """

    def decorate(activity_class: type[ModelActivity[M]]) -> type[ModelActivity[M]]:
        activity = activity_class()
        activity.model = model
        _registry.setdefault(model, []).append(activity)
        followers.cache_clear()
        return activity_class

    return decorate


def unregister(model: type[Model], activity_class: type[ModelActivity[Any]]) -> None:
    """Forget what ``register`` was told: for tests."""
    kept = [a for a in _registry.get(model, []) if type(a) is not activity_class]
    _registry[model] = kept
    followers.cache_clear()


def registered() -> tuple[ModelActivity[Any], ...]:
    """Return every ``ModelActivity`` that is registered."""
    return tuple(activity for activities in _registry.values() for activity in activities)


@functools.cache
def followers(sender: type[Model]) -> tuple[ModelActivity[Any], ...]:
    """Return what follows a model: registered for itself, its concrete model or a parent."""
    return tuple(a for model in sender.__mro__ for a in _registry.get(model, ()))


@receiver(post_save, dispatch_uid="django_liveactivity")
def _on_save(
    sender: type[Model], instance: Model, *, created: bool, raw: bool, using: str, **_: Any
) -> None:
    if not raw:
        for activity in followers(sender):
            _follow(
                activity, functools.partial(activity.saved, instance, created=created, using=using)
            )


@receiver(post_delete, dispatch_uid="django_liveactivity")
def _on_delete(sender: type[Model], instance: Model, *, using: str, **_: Any) -> None:
    for activity in followers(sender):
        _follow(activity, functools.partial(activity.deleted, instance, using=using))


def _follow(activity: ModelActivity[Any], act: Callable[[], None]) -> None:
    """Never break the host's save: a mistake in a hook is logged, an error of the database not."""
    try:
        act()
    except DatabaseError:
        raise
    except Exception:
        logger.exception("%s: the card was left as it is.", activity.name)
