"""What your code writes: how the cards of a model live, and the results of synchronizing them."""

from __future__ import annotations

import datetime
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

from django.db.models import Model, QuerySet

from django_liveactivity import conf
from django_liveactivity.models import Subject
from django_liveactivity.services.writer import UNSET, Unset

if TYPE_CHECKING:
    from django_liveactivity.content import Action, Content

M = TypeVar("M", bound=Model)

OPTION_NAMES = ("action", "secondary_action", "channels", "tags", "metadata")
NOT_IN_A_KEY = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Change:
    """One thing that a card needed: to be shown, updated or ended."""

    kind: Literal["show", "update", "end"]
    subject: Subject
    card: str

    def __str__(self) -> str:
        return " ".join(filter(None, (self.kind, self.card, f"({self.subject})")))


@dataclass(frozen=True)
class BatchResult:
    """The result of one batch.

    Args:
        examined: how many objects, or cards without one, were compared.
        changes: what was done, or, in a dry run, would have been.
        busy: objects that another transaction was writing; that save updates their cards.
        failed: objects whose hooks raised, or all of a batch that the database refused.
    """

    examined: int
    changes: Sequence[Change] = ()
    busy: int = 0
    failed: int = 0


@dataclass
class SyncResult:
    """How many objects were compared, and the results.

    Attributes:
        examined: how many objects were compared.
        shown: how many cards were shown.
        updated: how many got new content.
        ended: how many ended.
        busy: objects that another transaction was writing; that save updates their cards.
        failed: objects whose hooks raised, or whose batch the database refused.
    """

    examined: int = 0
    shown: int = 0
    updated: int = 0
    ended: int = 0
    busy: int = 0
    failed: int = 0

    def add(self, batch: BatchResult) -> None:
        """Add the result of one batch."""
        kinds = [change.kind for change in batch.changes]
        self.examined += batch.examined
        self.shown += kinds.count("show")
        self.updated += kinds.count("update")
        self.ended += kinds.count("end")
        self.busy += batch.busy
        self.failed += batch.failed


class ModelActivity(Generic[M]):
    """How the cards of a model live: subclass it in ``liveactivities.py`` and ``@register`` it.

    Attributes:
        model: the model, set by ``register``.
        account: the alias of the cards' account; saves in its database are followed. Override
            ``get_account`` to choose one for each object.
        dismiss_after: how long an ended card stays, 0 s to 4 h; by default the account's option.
        time_to_live: a card ends by itself when no content came for so long.
        hidden_is_gone: whether an object that the model's default manager leaves out counts as
            deleted, as one does that a package for soft deletes has marked. A save of an object
            with a card then costs one or two more queries.
        action: the button, sent with each content. This and the following attributes are each a
            value, or a method that takes the object.
        secondary_action: a second button.
        channels: the channels that a new card goes to.
        tags: for the vendor's history.
        metadata: for the vendor's history.
    """

    model: type[M]
    account: ClassVar[str] = conf.DEFAULT_ACCOUNT
    dismiss_after: datetime.timedelta | Unset | None = UNSET
    time_to_live: datetime.timedelta | Unset | None = UNSET
    hidden_is_gone: ClassVar[bool] = False
    action: Action | Mapping[str, object] | Callable[[M], object] | None = None
    secondary_action: Action | Mapping[str, object] | Callable[[M], object] | None = None
    channels: Sequence[str] | Callable[[M], object] | None = None
    tags: Sequence[str] | Callable[[M], object] | None = None
    metadata: Mapping[str, object] | Callable[[M], object] | None = None

    _sync: ClassVar[Callable[[type[AnyActivity], QuerySet[Model]], SyncResult]]
    """Set by ``tracking.sync``, which imports this module."""

    def is_live(self, instance: M) -> bool:
        """Tell whether the object has a card now."""
        raise NotImplementedError

    def content(self, instance: M) -> Content:
        """Return what the card of the object shows now."""
        raise NotImplementedError

    def final_content(self, instance: M) -> Content | None:  # noqa: ARG002 - the hook's signature
        """Return what the ended card shows; None for the last content."""
        return None

    def get_account(self, instance: M) -> str:  # noqa: ARG002 - the hook's signature
        """Return the alias of the account that shows the card of the object.

        It is asked on each save. When the answer is another one, the object has moved: its card
        ends on the account that showed it, and a new one is shown on the other. The accounts that
        it names live in the database of the model.
        """
        return self.account

    def key(self, instance: M) -> str:
        """Return the stream key of a new card.

        It is new each time, so that a late end of an older card cannot end it.
        """
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
            How many objects were compared, and how many cards shown, updated and ended.

        Raises:
            InvalidInputError: at ``queryset``, if the class is not registered for its model.
        """
        return cls._sync(cls, queryset)

    @property
    def chooses_account(self) -> bool:
        """Whether ``get_account`` may tell the accounts of two objects, or of one, apart."""
        return type(self).get_account is not ModelActivity.get_account

    @property
    def name(self) -> str:
        """What the cards remember of this class: its app and its name."""
        return f"{self.model._meta.app_label}.{type(self).__name__}"

    def options(self, instance: M) -> dict[str, object]:
        """Return what travels beside the content."""
        values = {name: getattr(self, name) for name in OPTION_NAMES}
        return {k: v(instance) if callable(v) else v for k, v in values.items()}


AnyActivity = ModelActivity[Any]
