"""What a host writes: how the cards of a model live."""

from __future__ import annotations

import datetime
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from django.db.models import Model, QuerySet

from django_liveactivity import conf
from django_liveactivity.content import Action, Content
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.services.writer import UNSET, Unset

from . import registry, sync
from .results import SyncResult

M = TypeVar("M", bound=Model)

OPTION_NAMES = ("action", "secondary_action", "channels", "tags", "metadata")
NOT_IN_A_KEY = re.compile(r"[^A-Za-z0-9_-]+")


class ModelActivity(Generic[M]):
    """How the cards of a model live: subclass it in ``liveactivities.py`` and ``@register`` it.

    Attributes:
        model: the model, set by ``register``.
        account: the alias in ``LIVEACTIVITY``; saves in its database are followed.
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

    def get_queryset(self) -> QuerySet[M]:
        """Return the rows that objects are read from anew; add ``select_related`` and the like.

        It must not leave objects out: one that cannot be read counts as deleted.
        """
        return self.model._base_manager.all()

    @classmethod
    def sync(cls, queryset: QuerySet[M]) -> SyncResult:
        """Show, update or end the cards of many objects whose changes sent no signal.

        Call it after ``QuerySet.update``, ``bulk_create``, ``bulk_update`` and raw SQL. The objects
        are read anew, a hundred at a time.

        Args:
            queryset: the objects, of the model that the class is registered for; not sliced.

        Returns:
            How many objects were looked at, and how many cards shown, updated and ended.

        Raises:
            InvalidInputError: at ``queryset``, if the class is not registered for its model.
        """
        activities = [a for a in registry.followers(queryset.model) if type(a) is cls]
        if not activities:
            model = queryset.model.__name__
            message = f"{cls.__name__} is not registered for {model}."
            raise InvalidInputError.at("queryset", message)
        synced = SyncResult()
        for activity in activities:
            for done in sync.sync(activity, queryset):
                synced.add(done)
        return synced

    @property
    def name(self) -> str:
        """What the cards remember of this class: its app and its name."""
        return f"{self.model._meta.app_label}.{type(self).__name__}"

    def options(self, instance: M) -> dict[str, Any]:
        """Return what travels beside the content."""
        values = {name: getattr(self, name) for name in OPTION_NAMES}
        return {k: v(instance) if callable(v) else v for k, v in values.items()}
