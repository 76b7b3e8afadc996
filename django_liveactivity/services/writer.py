"""What every service call goes through: the account, who asks, and the INSERTs."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, TypedDict

from django.db import transaction
from django.db.models.expressions import Combinable

from django_liveactivity import conf
from django_liveactivity.backends import BaseBackend, get_backend
from django_liveactivity.backends.base import LONGEST_DURATION
from django_liveactivity.content import (
    Action,
    AlertMessage,
    Content,
    Options,
    normalized_scalar,
    parse_content,
)
from django_liveactivity.dispatch import wake_on_commit
from django_liveactivity.exceptions import InvalidInputError, WrongDatabaseError
from django_liveactivity.models import (
    LiveActivity,
    Now,
    Operation,
    Subject,
    lane_digest,
    storable,
)
from django_liveactivity.models.activity import MAX_SUBJECT

MAX_NAME = 255
NOTHING: Final = Subject.of(None)
NO_PRINCIPALS = (bytes, int, float, list, tuple, set, frozenset, dict)

_source: ContextVar[str] = ContextVar("django_liveactivity_source", default="service")


class Unset:
    """The type of ``UNSET``: the account's own option applies."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset()


class OptionFields(TypedDict, total=False):
    """What may travel beside the content."""

    action: Action | Mapping[str, Any] | None
    secondary_action: Action | Mapping[str, Any] | None
    alert: AlertMessage | Mapping[str, Any] | None
    channels: Iterable[str] | None
    tags: Iterable[str] | None
    metadata: Mapping[str, Any] | None


@dataclass(frozen=True)
class Writer:
    """One caller at the door: the account that was named, and who asks for what reason."""

    account: conf.Account
    source: str
    actor: str
    reason: str

    @property
    def backend(self) -> BaseBackend:
        """The backend of the account."""
        return get_backend(self.account.alias)

    def atomic(self) -> AbstractContextManager[Any]:
        """Let several INSERTs commit as one, where the caller has no transaction of its own."""
        return transaction.atomic(using=self.account.database, savepoint=False)

    def insert_activity(
        self,
        *,
        stream_key: str = "",
        activity_id: str = "",
        subject: Subject = NOTHING,
        tracked_by: str = "",
        channels: list[str] | None = None,
    ) -> LiveActivity:
        """INSERT a card.

        Raises:
            InvalidInputError: at ``subject``, if its column cannot hold the primary key.
        """
        self._check_subject(subject)
        row: LiveActivity = LiveActivity.objects.using(self.account.database).insert(
            account=self.account.alias,
            lane_digest=lane_digest(stream_key=stream_key, activity_id=activity_id),
            stream_key=stream_key,
            activity_id=activity_id,
            subject_model=subject.model,
            subject_pk=subject.pk,
            tracked_by=tracked_by,
            channels=channels,
            created_at=Now(),
        )
        return row

    def _check_subject(self, subject: Subject) -> None:
        field = LiveActivity._meta.get_field("subject_pk")
        if len(storable(field, self.account.database, subject.pk)) > MAX_SUBJECT:
            raise InvalidInputError.at(
                "subject",
                "Its primary key has many characters that the table's character set lacks: convert "
                f"{LiveActivity._meta.db_table} to utf8mb4.",
            )

    def insert_operation(
        self, activity: LiveActivity, kind: Operation.Kind, **values: Any
    ) -> Operation:
        """INSERT an operation and kick delivery on commit."""
        rows = Operation.objects.using(self.account.database)
        row: Operation = rows.insert(**self._operation(activity, kind, **values))
        wake_on_commit(self.account)
        return row

    def insert_operations(
        self, kind: Operation.Kind, wanted: Sequence[tuple[LiveActivity, Mapping[str, Any]]]
    ) -> list[Operation]:
        """INSERT an operation for each card in one statement, and kick delivery on commit."""
        if not wanted:
            return []
        values = [self._operation(activity, kind, **each) for activity, each in wanted]
        rows: list[Operation] = Operation.objects.using(self.account.database).insert_all(values)
        wake_on_commit(self.account)
        return rows

    def _operation(
        self,
        activity: LiveActivity,
        kind: Operation.Kind,
        *,
        due_at: int | Combinable | None = None,
        **values: Any,
    ) -> dict[str, Any]:
        due = Now() if due_at is None else due_at
        end = kind == Operation.Kind.END
        return {
            "activity": activity,
            "account": self.account.alias,
            "lane_digest": activity.lane_digest,
            "kind": kind,
            "rank": Operation.Rank.END if end else Operation.Rank.CONTENT,
            "due_at": due,
            "next_try_at": due,
            "created_at": Now(),
            "source": self.source,
            "actor": self.actor,
            "reason": self.reason,
            **values,
        }


def enter(
    account: str,
    *,
    using: str | None = None,
    source: str | None = None,
    actor: Any = "",
    reason: str = "",
) -> Writer:
    """Return the door to an account.

    Args:
        account: the alias in ``LIVEACTIVITY``.
        using: the database alias that the caller writes to; None for the account's own.
        source: the way in, for the history; None for that of ``recorded_as``.
        actor: who asks: a user or another principal, or a name of at most 255 characters.
        reason: why, for the history.

    Raises:
        InvalidInputError: at ``account``, ``actor`` or ``reason``.
        WrongDatabaseError: at ``using``, if it is not the account's database: a row elsewhere
            would not commit or roll back with the caller's.
    """
    found = conf.account(account)
    if using is not None and using != found.database:
        raise WrongDatabaseError.at(
            "using", f"Account {account!r} lives in database {found.database!r}, not in {using!r}."
        )
    return Writer(found, source or _source.get(), _actor(actor), as_text("reason", reason))


@contextmanager
def recorded_as(source: str) -> Iterator[None]:
    """Name the way in for the service calls of the block, their async names included."""
    token = _source.set(source)
    try:
        yield
    finally:
        _source.reset(token)


def as_text(path: str, value: Any, limit: int | None = None) -> str:
    """Return a text for the history, lazy text in the language that is active now.

    Raises:
        InvalidInputError: at *path*, if it is no text, is too long, or cannot be stored.
    """
    text = normalized_scalar(value)
    if not isinstance(text, str):
        raise InvalidInputError.at(path, "Give a string.")
    if limit is not None and len(text) > limit:
        raise InvalidInputError.at(path, f"Give at most {limit} characters.")
    if "\0" in text or not _is_text(text):
        message = "NUL characters and unpaired surrogates cannot be stored; remove them."
        raise InvalidInputError.at(path, message)
    return text


def _actor(actor: Any) -> str:
    """Return the name of who asks: a caller's own text is checked, a principal's is made to fit."""
    plain = normalized_scalar(actor)
    if isinstance(plain, str):
        return as_text("actor", plain, MAX_NAME)
    if plain is None or isinstance(plain, NO_PRINCIPALS):
        raise InvalidInputError.at("actor", "Give a user, another principal, or a name.")
    text = _name_of(actor).replace("\0", "").encode(errors="replace").decode()
    return text if len(text) <= MAX_NAME else f"{text[: MAX_NAME - 1]}…"


def _name_of(principal: Any) -> str:
    """Return what tells a principal from others; a username may be no text, or missing."""
    named = hasattr(principal, "get_username")
    name = principal.get_username() if named else principal
    text = "" if name is None else str(name)
    if text:
        return text
    label, pk = principal.__class__.__name__, getattr(principal, "pk", None)
    return label if pk is None else f"{label} {pk}"


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_content(content: Any, own_type: str | None = None) -> Content:
    """Return content given as a model or as a mapping.

    Raises:
        InvalidInputError: at ``content`` or a path in it, or at ``type`` if it is another than the
            card's own.
    """
    if isinstance(content, Mapping):
        return parse_content(content, own_type=own_type)
    if not isinstance(content, Content):
        raise InvalidInputError.at("content", "Give content such as Progress(title=…), or a dict.")
    if content.type and own_type and content.type != own_type:
        raise InvalidInputError.at(
            "type", f"This card is of type {own_type!r}, and the content of {content.type!r}."
        )
    return content


def as_options(fields: Mapping[str, Any]) -> Options:
    """Return the options of a call.

    Raises:
        InvalidInputError: at the path of the option that is wrong.
    """
    return Options(**{k: v for k, v in fields.items() if v is not None})


def milliseconds(path: str, value: Any) -> int:
    """Return the milliseconds of a positive timedelta of at most 366 days.

    Raises:
        InvalidInputError: at ``path``.
    """
    if not isinstance(value, datetime.timedelta) or value <= datetime.timedelta(0):
        raise InvalidInputError.at(path, "Give a positive timedelta.")
    if value > LONGEST_DURATION:
        raise InvalidInputError.at(path, f"Give at most {LONGEST_DURATION.days} days.")
    return math.ceil(value / datetime.timedelta(milliseconds=1))
