"""The only INSERTs of the services: for one account, in the caller's own transaction."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self, TypedDict, TypeVar, Unpack

from django.db import transaction
from django.db.models.expressions import Combinable

from django_liveactivity import conf
from django_liveactivity.backends import BaseBackend, get_backend
from django_liveactivity.content import encoding
from django_liveactivity.content.parsing import LONGEST_DURATION, OptionFields, parse_options
from django_liveactivity.dispatch import wake_on_commit
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import (
    EndBatch,
    LiveActivity,
    Now,
    Operation,
    OperatorAction,
    Source,
    Subject,
    TrackingFailure,
    lane_digest,
    storable,
)
from django_liveactivity.models.activity import MAX_ERROR, MAX_SUBJECT
from django_liveactivity.models.operation import MAX_ACTOR
from django_liveactivity.printable import shortened

if TYPE_CHECKING:
    from django_liveactivity.content import Options

Kind = Operation.Kind
Rank = Operation.Rank
NOW: Final = Now()
NO_SUBJECT: Final = Subject.of(None)
MOST_REPEATS = 20
NO_PRINCIPALS = (bytes, int, float, list, tuple, set, frozenset, dict)

Inserted = TypeVar("Inserted", Operation, OperatorAction)

_source: ContextVar[Source] = ContextVar("django_liveactivity_source", default=Source.SERVICE)


class Unset:
    """The type of ``UNSET``: the account's own option applies."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset()


class EndOptions(OptionFields, total=False):
    """How a card ends: what ``end_activity`` and ``end_activities`` take beside its content."""

    dismiss_after: datetime.timedelta | Unset | None
    at: datetime.datetime | None
    after: datetime.timedelta | None


class OperationFields(TypedDict, total=False):
    """The columns of an operation that its caller decides."""

    content: encoding.JSONObject | None
    options: encoding.JSONObject
    dismiss_seconds: int | None
    time_to_live: int | None
    due_at: int | Combinable | None
    rank: Operation.Rank
    batch: EndBatch | None


@dataclass(frozen=True)
class Writer:
    """Writes the rows of one service call: for an account, with who asks and why."""

    account: conf.Account
    source: Source
    actor: str
    reason: str

    @classmethod
    def for_account(cls, alias: str, *, actor: object = "", reason: str = "") -> Self:
        """Return the writer for an account; its source is that of ``recorded_as``.

        Args:
            alias: the account's alias in ``LIVEACTIVITY``.
            actor: who asks: a user or another principal, or a name of at most 255 characters.
            reason: why, for the history.

        Raises:
            InvalidInputError: at ``account``, ``actor`` or ``reason``.
        """
        account = conf.account(alias)
        return cls(account, _source.get(), actor_text(actor), checked_text("reason", reason))

    @property
    def backend(self) -> BaseBackend:
        """The backend of the account."""
        return get_backend(self.account.alias)

    def atomic(self) -> AbstractContextManager[object]:
        """Let several INSERTs commit as one, where the caller has no transaction of its own."""
        return transaction.atomic(using=self.account.database, savepoint=False)

    def insert_activity(
        self,
        *,
        stream_key: str = "",
        activity_id: str = "",
        subject: Subject = NO_SUBJECT,
        tracked_by: str = "",
        channels: encoding.JSONValue | list[str] = None,
        content: encoding.JSONObject | None = None,
    ) -> LiveActivity:
        """INSERT a card; *content* is the first that is known of it, for its title and type.

        Raises:
            InvalidInputError: at ``subject``, if its column cannot hold the primary key.
        """
        self._check_subject(subject)
        known = content or {}
        row: LiveActivity = LiveActivity.objects.using(self.account.database).insert(
            account=self.account.alias,
            lane_digest=lane_digest(stream_key=stream_key, activity_id=activity_id),
            stream_key=stream_key,
            activity_id=activity_id,
            subject_scope=subject.scope,
            subject_model=subject.model,
            subject_pk=subject.pk,
            tracked_by=tracked_by,
            channels=channels,
            title=known.get("title", ""),
            type=known.get("type", ""),
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
        self, card: LiveActivity, kind: Operation.Kind, **fields: Unpack[OperationFields]
    ) -> Operation:
        """INSERT an operation, and wake delivery on commit."""
        rows = Operation.objects.using(self.account.database)
        row: Operation = rows.insert(**self.operation_values(card, kind, fields))
        wake_on_commit(self.account)
        return row

    def operation_values(
        self,
        card: LiveActivity,
        kind: Operation.Kind,
        fields: OperationFields,
        now: int | Combinable = NOW,
    ) -> dict[str, object]:
        """Return the columns of an operation's row."""
        due_at = fields.get("due_at")
        due = now if due_at is None else due_at
        return {
            "rank": Rank.CONTENT,
            **fields,
            "activity": card,
            "account": self.account.alias,
            "lane_digest": card.lane_digest,
            "kind": kind,
            "due_at": due,
            "next_try_at": due,
            "created_at": now,
            "source": self.source,
            "actor": self.actor,
            "reason": self.reason,
        }

    def insert_operator_action(
        self, kind: OperatorAction.Kind, operation: Operation | None
    ) -> OperatorAction:
        """INSERT an operator's decision, and wake delivery on commit."""
        rows = OperatorAction.objects.using(self.account.database)
        row: OperatorAction = rows.insert(**self.operator_action_values(kind, operation))
        wake_on_commit(self.account)
        return row

    def keep_repeat(self, end: Operation) -> None:
        """INSERT that a caller repeats an end that is in force, once for each actor and reason.

        A caller without a name is not recorded, as a signal may repeat an end at each save. At most
        20 are kept.
        """
        caller = (self.actor, self.reason)
        if not self.actor or caller == (end.actor, end.reason):
            return
        rows = OperatorAction.objects.using(self.account.database)
        kept = rows.filter(operation=end, kind=OperatorAction.Kind.REPEAT)
        known = list(kept.values_list("actor", "reason")[:MOST_REPEATS])
        if len(known) < MOST_REPEATS and caller not in known:
            values = self.operator_action_values(OperatorAction.Kind.REPEAT, end)
            rows.insert(**values, applied_at=NOW)

    def operator_action_values(
        self,
        kind: OperatorAction.Kind,
        operation: Operation | None,
        now: int | Combinable = NOW,
    ) -> dict[str, object]:
        """Return the columns of the row of an operator's decision."""
        return {
            "account": self.account.alias,
            "kind": kind,
            "operation": operation,
            "actor": self.actor,
            "reason": self.reason,
            "created_at": now,
        }

    def insert_tracking_failure(
        self, tracked_by: str, subject: Subject, error: BaseException
    ) -> None:
        """INSERT what a hook of a ``ModelActivity`` raised, for the status.

        Args:
            tracked_by: the name of the ``ModelActivity``.
            subject: the object that the hook was asked about.
            error: what it raised; its type and the beginning of its message are kept.
        """
        text = f"{type(error).__name__}: {error}"
        TrackingFailure.objects.using(self.account.database).insert(
            account=self.account.alias,
            tracked_by=tracked_by,
            subject_model=subject.model,
            subject_pk=subject.pk[:MAX_SUBJECT],
            subject_scope=subject.scope,
            error=_storable_part(text)[:MAX_ERROR],
            created_at=Now(),
        )


def insert_batch(using: str, *, actor: object, ranges: Sequence[tuple[int, int]]) -> EndBatch:
    """INSERT the row of a selection of cards.

    Args:
        using: the database of the cards.
        actor: who has chosen them: a user or another principal, or a name.
        ranges: the first and the last of each run of consecutive ids.

    Raises:
        InvalidInputError: at ``actor``.
    """
    name = actor_text(actor)
    row: EndBatch = EndBatch.objects.using(using).insert(
        actor=name, ranges=ranges, created_at=Now()
    )
    return row


def insert_operations(
    kind: Operation.Kind,
    wanted: Sequence[tuple[Writer, LiveActivity, OperationFields]],
    now: int | Combinable = NOW,
) -> list[Operation]:
    """INSERT operations in one statement, and wake their accounts on commit.

    Args:
        kind: of each.
        wanted: for each, the writer of its account, its card and its columns. The accounts share
            a database.
        now: the database's clock. For many rows read it before: PostgreSQL would plan an expression
            for each of them, which takes longer than the INSERT.
    """
    values = [writer.operation_values(card, kind, fields, now) for writer, card, fields in wanted]
    return _insert_all(Operation, [writer for writer, *_ in wanted], values)


def insert_operator_actions(
    kind: OperatorAction.Kind, wanted: Sequence[tuple[Writer, Operation]], now: int
) -> list[OperatorAction]:
    """INSERT operators' decisions in one statement, as ``insert_operations`` does."""
    values = [writer.operator_action_values(kind, operation, now) for writer, operation in wanted]
    return _insert_all(OperatorAction, [writer for writer, _ in wanted], values)


def _insert_all(
    model: type[Inserted], writers: Sequence[Writer], values: Sequence[Mapping[str, object]]
) -> list[Inserted]:
    if not values:
        return []
    accounts = {writer.account.alias: writer.account for writer in writers}
    (using,) = {account.database for account in accounts.values()}
    rows: list[Inserted] = model.objects.using(using).insert_all(values)
    for account in accounts.values():
        wake_on_commit(account)
    return rows


@contextmanager
def recorded_as(source: Source) -> Iterator[None]:
    """Record the service calls of the block, async ones included, as coming from *source*."""
    token = _source.set(source)
    try:
        yield
    finally:
        _source.reset(token)


def checked_text(path: str, value: object, limit: int | None = None) -> str:
    """Return a text for the history, lazy text in the language that is active now.

    Raises:
        InvalidInputError: at *path*, if it is no text, is too long, or cannot be stored.
    """
    text = encoding.normalized_scalar(value)
    if not isinstance(text, str):
        raise InvalidInputError.at(path, "Give a string.")
    if limit is not None and len(text) > limit:
        raise InvalidInputError.at(path, f"Give at most {limit} characters.")
    if message := encoding.text_error(text):
        raise InvalidInputError.at(path, message)
    return text


def _storable_part(text: str) -> str:
    return text.replace("\0", "").encode(errors="replace").decode()


def actor_text(actor: object) -> str:
    """Return the name of who asks: a caller's own text is checked, a principal's is made to fit.

    Raises:
        InvalidInputError: at ``actor``.
    """
    plain = encoding.normalized_scalar(actor)
    if isinstance(plain, str):
        return checked_text("actor", plain, MAX_ACTOR)
    if plain is None or isinstance(plain, NO_PRINCIPALS):
        raise InvalidInputError.at("actor", "Give a user, another principal, or a name.")
    return shortened(_storable_part(_principal_name(actor)), MAX_ACTOR)


def _principal_name(principal: object) -> str:
    """Return what tells a principal from others; a username may be no text, or missing."""
    get_username = getattr(principal, "get_username", None)
    name = principal if get_username is None else get_username()
    text = "" if name is None else str(name)
    if text:
        return text
    label, pk = principal.__class__.__name__, getattr(principal, "pk", None)
    return label if pk is None else f"{label} {pk}"


def checked_options(fields: Mapping[str, object]) -> Options:
    """Return the options of a call; None means not given.

    Raises:
        InvalidInputError: at the path of the option that is wrong.
    """
    return parse_options({name: value for name, value in fields.items() if value is not None})


def milliseconds(path: str, value: object) -> int:
    """Return the milliseconds of a positive timedelta of at most 366 days.

    Raises:
        InvalidInputError: at *path*.
    """
    if not isinstance(value, datetime.timedelta) or value <= datetime.timedelta(0):
        raise InvalidInputError.at(path, "Give a positive timedelta.")
    if value > LONGEST_DURATION:
        raise InvalidInputError.at(path, f"Give at most {LONGEST_DURATION.days} days.")
    return math.ceil(value / datetime.timedelta(milliseconds=1))
