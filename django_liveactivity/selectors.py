"""Reads: which cards there are, and what is known of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS
from django.db.models import (
    BooleanField,
    Case,
    ExpressionWrapper,
    F,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.expressions import Combinable, RawSQL
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThanOrEqual, LessThan

from . import conf
from .models import (
    KnownActivityId,
    LiveActivity,
    Now,
    Operation,
    SameBytes,
    Subject,
    TrackingFailure,
    compiled,
    lane_digest,
    rows_of,
    storable,
    where_written,
)
from .models.activity import NOT_OF_FIELD

Cards = QuerySet[LiveActivity, LiveActivity]
T = TypeVar("T")
Kind = Operation.Kind
State = Operation.State

EXPIRED_AFTER_MS = 12 * 3600 * 1000
"""Milliseconds after which iOS has removed a card by itself (Apple: 8 h live, 4 h ended)."""
REOPENABLE_FOR_MS = 3600 * 1000
PRUNE_MARGIN_MS = 24 * 3600 * 1000
TRACKING_FAILURES_KEPT_MS = 24 * 3600 * 1000
SUBJECTS_AT_ONCE = 500
SUBJECT_PK = LiveActivity._meta.get_field("subject_pk")
SUBJECT_SCOPE = LiveActivity._meta.get_field("subject_scope")
TRACKED_BY = LiveActivity._meta.get_field("tracked_by")


def activities(account: conf.Account) -> Cards:
    """Return every card of an account, the newest first."""
    return rows_of(account, LiveActivity).order_by("-pk")


def batched(keys: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield keys, or what has one each, as many at once as a statement takes."""
    for start in range(0, len(keys), SUBJECTS_AT_ONCE):
        yield keys[start : start + SUBJECTS_AT_ONCE]


def activities_in(using: str) -> Cards:
    """Return every card of a database, the newest first."""
    return LiveActivity.objects.using(using).order_by("-pk")


def is_closed() -> Combinable:
    """Return, as a condition on LiveActivity, that a due end in force closes the card.

    It is the planner's rule: an end closes content that was inserted before it, and a scheduled
    one content from before its due time. Content that a late end took from the phone is shown
    again, and its card is open. Two hosts may have shown one key at once: an end of either card
    closes both, so what counts is the newest such end of the lane. Not an EXISTS of such ends:
    MariaDB would read every end the lane ever had.
    """
    lane = Operation.objects.filter(
        account=OuterRef("account"), lane_digest=OuterRef("lane_digest")
    )
    own = Operation.objects.filter(activity=OuterRef("pk")).order_by("pk")
    ends, shown = _in_force(lane).order_by("-pk"), _contents()
    scheduled = Case(When(Operation.SCHEDULED, then=F("due_at")), default=0)

    end = Subquery(ends.values("pk")[:1])
    until = Subquery(ends.values(until=scheduled)[:1])
    # A card without content is closed by what came after its first operation.
    content = Coalesce(Subquery(shown.values("pk")[:1]), Subquery(own.values("pk")[:1]))
    since = Subquery(shown.values("created_at")[:1])  # without content: neither true nor false
    closed = Q(GreaterThanOrEqual(end, content)) | Q(LessThan(since, until))
    return Coalesce(ExpressionWrapper(closed, BooleanField()), Value(False))


def due_end(activity: LiveActivity) -> Operation | None:
    """Return the first due end in force after the newest content of a card, with its own card."""
    newest_content_id = activity.newest_content_id
    rows = compiled.run(
        _due_end,
        activity.database,
        newest_content_id is None,
        account=activity.account,
        digest=activity.lane_digest,
        number=activity.pk if newest_content_id is None else newest_content_id,
    )
    end = next(iter(rows), None)
    if end is not None and end.activity_id == activity.pk:
        end.activity = activity
    return end


def _due_end(using: str, of_the_card: bool) -> QuerySet[Operation, Operation]:
    """Return the due ends of a card's own, or those after an operation of its lane."""
    lane = Operation.objects.using(using).filter(
        account=compiled.Param("account"), lane_digest=compiled.Param("digest")
    )
    number = compiled.integer_param("number")
    mine = Q(activity=number) if of_the_card else Q(pk__gt=number)
    return _in_force(lane.filter(mine)).order_by("pk")[:1]


def as_stored(ends: Sequence[Operation]) -> list[Operation]:
    """Return the ends that a service has just returned, with every column read, and their cards.

    What the database has set, such as ``due_at``, would else be read in a statement of its own.

    Args:
        ends: of one account, in any order.
    """
    if not ends:
        return []
    using = ends[0]._state.db or DEFAULT_DB_ALIAS
    if len(ends) > 1:
        return operations(using, [end.pk for end in ends], with_cards=True)
    found = compiled.run(_operation, using, number=ends[0].pk)
    for end in found:
        end.activity = ends[0].activity
    return found


def _operation(using: str) -> QuerySet[Operation, Operation]:
    return Operation.objects.using(using).filter(pk=compiled.integer_param("number"))


class Newest(NamedTuple):
    """What counts of a card's operations.

    Args:
        end: the one in force: due, acknowledged or not, or else to come. If there is none, the
            newest that was given up.
        content: the newest, in any state.
    """

    end: Operation | None = None
    content: Operation | None = None

    @property
    def pending_end(self) -> Operation | None:
        """The end that is not acknowledged, or waits for an operator."""
        return self.end if self.end is not None and self.end.state in Operation.UNFINISHED else None


def newest_operations(cards: Sequence[LiveActivity]) -> dict[int, Newest]:
    """Return which end and which content of each card count, by its id.

    It costs two statements for each 500 cards, and another for each 500 operations beyond.

    An end may be of another row that was shown by the same key at the same time. Of several due
    ends of a card, which one call answers, the newest counts; a scheduled one counts unless a newer
    end or keep has replaced it.

    Args:
        cards: of one database, read with ``is_closed``.
    """
    found: dict[int, Newest] = {}
    for some in batched(cards):
        found |= _newest_operations(some[0]._state.db or "", some)
    return found


def _newest_operations(using: str, cards: Sequence[LiveActivity]) -> dict[int, Newest]:
    lane = Operation.objects.filter(
        account=OuterRef("account"), lane_digest=OuterRef("lane_digest")
    )
    own = lane.filter(activity=OuterRef("pk"))
    closing, own_closing = (_in_force(each).values("pk") for each in (lane, own))

    def newest(rows: QuerySet[Operation, Operation], *kinds: Kind) -> Subquery:
        return Subquery(rows.filter(kind__in=kinds).order_by("-pk").values("pk")[:1])

    rows = LiveActivity.objects.using(using).filter(pk__in=[card.pk for card in cards])
    after = {"intended": Subquery(_contents().values("pk")[:1])}
    ids = {
        "due": Coalesce(
            Subquery(own_closing.filter(pk__gt=OuterRef("intended")).order_by("-pk")[:1]),
            Subquery(closing.filter(pk__gt=OuterRef("intended")).order_by("pk")[:1]),
            Subquery(own_closing.order_by("-pk")[:1]),
        ),
        "end": newest(lane, Kind.END),
        "keep": newest(lane, Kind.KEEP),
        "own_end": newest(own, Kind.END),
        "content": newest(own, *Operation.CONTENT_KINDS),
    }
    found = {row["pk"]: row for row in rows.annotate(**after).annotate(**ids).values("pk", *ids)}
    wanted = {row[name] for row in found.values() for name in ids}
    read: dict[int | None, Operation] = {each.pk: each for each in operations(using, wanted)}
    return {
        card.pk: Newest(_end_in_force(card, row, read), read.get(row["content"]))
        for card in cards
        if (row := found.get(card.pk))
    }


def operations(
    using: str, numbers: Iterable[int | None], *, with_cards: bool = False
) -> list[Operation]:
    """Return the operations of a database with these primary keys, the oldest first.

    Args:
        using: the database.
        numbers: their primary keys: one query for each 500. None is left out.
        with_cards: whether each is read with its card.
    """
    rows = Operation.objects.using(using).order_by("pk")
    rows = rows.select_related("activity") if with_cards else rows
    named = sorted({number for number in numbers if number is not None})
    return [each for some in batched(named) for each in rows.filter(pk__in=some)]


def _end_in_force(
    card: LiveActivity, ids: Mapping[str, int | None], read: Mapping[int | None, Operation]
) -> Operation | None:
    if card.is_closed:
        return read.get(ids["due"])
    end = read.get(ids["end"])
    may_come = card.status not in LiveActivity.OVER and (ids["keep"] or 0) < (ids["end"] or 0)
    if end is not None and may_come and end.is_scheduled and end.state in Operation.UNFINISHED:
        return end
    own = read.get(ids["own_end"])
    return own if own is not None and own.state == State.GIVEN_UP else None


def due_ends(cards: Sequence[LiveActivity]) -> dict[int, Operation]:
    """Return what ``due_end`` does for closed cards of a database, by their ids.

    It costs two queries for each 500 cards.
    """
    found: dict[int, Operation] = {}
    for some in batched(cards):
        found |= _due_ends(some[0]._state.db or "", some)
    return found


def _due_ends(using: str, cards: Sequence[LiveActivity]) -> dict[int, Operation]:
    lane = Operation.objects.filter(
        account=OuterRef("account"), lane_digest=OuterRef("lane_digest")
    )
    ends = _in_force(lane).order_by("pk").values("pk")
    own = Subquery(ends.filter(activity=OuterRef("pk"))[:1])
    after_content = Subquery(ends.filter(pk__gt=OuterRef("content"))[:1])
    rows = LiveActivity.objects.using(using).filter(pk__in=[card.pk for card in cards])
    found = rows.annotate(content=Subquery(_contents().values("pk")[:1])).annotate(
        end=Case(When(content=None, then=own), default=after_content)
    )
    ids = dict(found.order_by().values_list("pk", "end"))
    read = {end.pk: end for end in operations(using, ids.values())}
    return {card: read[end] for card, end in ids.items() if end in read}


def has_content(end: Operation) -> bool:
    """Tell whether content was ever stored for the lane of an end: else its name may be wrong."""
    lane = Operation.objects.using(end._state.db).filter(
        account=end.account, lane_digest=end.lane_digest, kind__in=Operation.CONTENT_KINDS
    )
    return lane.exists()


def _in_force(rows: QuerySet[Operation, Operation]) -> QuerySet[Operation, Operation]:
    ends = rows.filter(Operation.is_in_force(), kind=Kind.END)
    return ends.exclude(state__in=(State.SUPERSEDED, State.GIVEN_UP))


def live(rows: Cards) -> Cards:
    """Return those of the cards that have no due end, expired ones included."""
    return rows.filter(~is_closed())


def live_pks(account: conf.Account, most: int | None = None) -> list[int]:
    """Return the primary keys of the live cards of an account, the oldest first.

    Args:
        account: the account.
        most: how many; None for all.
    """
    rows = live(activities(account).exclude(status__in=LiveActivity.OVER))
    return list(rows.order_by("pk").values_list("pk", flat=True)[:most])


def activities_of(account: conf.Account, subject: Model) -> Cards:
    """Return the cards, ended ones too, that tell of an object."""
    return of_subject(activities(account), Subject.of(subject))


def of_subject(rows: Cards, subject: Subject) -> Cards:
    """Return those of the cards that tell of an object, byte for byte."""
    same = SameBytes("subject_pk", Value(subject.pk, output_field=SUBJECT_PK))
    named = rows.filter(same, subject_model=subject.model, subject_pk=subject.pk)
    return _in_scope(named, subject.scope)


def _in_scope(rows: Cards, scope: str) -> Cards:
    """Return those of the cards that tell of objects of a scope, byte for byte."""
    same = SameBytes("subject_scope", Value(scope, output_field=SUBJECT_SCOPE))
    return rows.filter(same, subject_scope=scope)


def cards_about(using: str, subjects: Collection[Subject]) -> Cards:
    """Return the cards, ended ones too, that tell of objects, as by ``described``.

    Args:
        using: the database of the accounts.
        subjects: of one model. MariaDB's default collation finds the key, or the scope, "a" for
            "A" too, except for a single subject.
    """
    rows = LiveActivity.objects.using(using)
    if len(subjects) == 1:
        (subject,) = subjects
        return described(of_subject(rows, subject)).order_by("-pk")
    rows = rows.filter(
        subject_model__in={subject.model for subject in subjects},
        subject_pk__in=[subject.pk for subject in subjects],
        subject_scope__in={subject.scope for subject in subjects},
    )
    return described(rows).order_by("-pk")


def open_cards(account: conf.Account, subjects: Iterable[Subject]) -> list[LiveActivity]:
    """Return the cards of objects that have no due end, the oldest first, as by ``described``.

    Args:
        account: the account of the cards.
        subjects: the objects: one query for each model, in a scope, and each 500 keys.
    """
    wanted = set(subjects)
    # MariaDB's default collation takes the key "a" for "A": the wrong card would end.
    found = _of_subjects(_still_open(activities(account)), wanted)
    return [card for card in found if card.named_subject in wanted]


def followed_cards(
    account: conf.Account, subjects: Iterable[Subject], tracked_by: str, *, anywhere: bool
) -> list[LiveActivity]:
    """Return the open cards that a ``ModelActivity`` shows of objects, as ``open_cards`` does.

    Cards are among them whose key the database takes for one of these keys, as MariaDB takes "a"
    for "A": only the table of the objects can tell whether both name one object.

    Args:
        account: the account of the cards.
        subjects: the objects.
        tracked_by: the name of the ``ModelActivity``.
        anywhere: whether cards of every account of the database are meant.
    """
    rows = LiveActivity.objects.using(account.database) if anywhere else activities(account)
    return _of_subjects(_still_open(rows.filter(tracked_by=tracked_by)), set(subjects))


def _of_subjects(open_rows: Cards, subjects: Collection[Subject]) -> list[LiveActivity]:
    keys: dict[tuple[str, str], list[str]] = defaultdict(list)
    for subject in subjects:
        keys[subject.model, subject.scope].append(subject.pk)
    found = {
        card.pk: card
        for (model, scope), pks in keys.items()
        for some in batched(pks)
        for card in open_rows.filter(subject_model=model, subject_pk__in=some, subject_scope=scope)
        if _may_tell_of(card, model, scope)
    }
    return [found[pk] for pk in sorted(found)]


def followed_cards_of(
    account: conf.Account, subject: Subject, tracked_by: str
) -> list[LiveActivity]:
    """Return what ``followed_cards`` does for one object, cheap enough for each save of a host."""
    rows = compiled.run(
        _open_of_one,
        account.database,
        account=account.alias,
        subject_model=subject.model,
        subject_pk=storable(SUBJECT_PK, account.database, subject.pk),
        subject_scope=subject.scope,
        tracked_by=storable(TRACKED_BY, account.database, tracked_by),
    )
    found = [row for row in rows if _may_tell_of(row, subject.model, subject.scope)]
    return sorted(found, key=lambda card: card.pk)


def _may_tell_of(card: LiveActivity, model: str, scope: str) -> bool:
    """Tell whether a card, found by a key, is of that model and scope byte for byte."""
    return (card.subject_model, card.subject_scope) == (model, scope)


def _open_of_one(using: str) -> Cards:
    rows = activities(_given(using)).filter(
        tracked_by=compiled.Param("tracked_by"),
        subject_model=compiled.Param("subject_model"),
        subject_pk=compiled.Param("subject_pk"),
        subject_scope=compiled.Param("subject_scope"),
    )
    return _still_open(rows)


def _given(using: str) -> conf.Account:
    """Return what stands in a compiled query for the account that each run gives."""
    return conf.Account(alias=compiled.Param("account"), backend="", database=using)


def _still_open(rows: Cards) -> Cards:
    # A late end can take a newer content with it for a moment; after an hour it is shown again.
    over = Q(status=LiveActivity.Status.ENDED, ended_at__lt=Now() - REOPENABLE_FOR_MS)
    return _annotated(live(rows.exclude(over)), Value(False)).order_by()


def tracked_cards(account: conf.Account, models: Iterable[str] = ()) -> Cards:
    """Return the cards that may be on phones and tell of an object, of these models or of any.

    They are those of the scope that holds here and now: another tenant's objects cannot be read.
    """
    return _tracked(activities(account), models)


def tracked_cards_beside(using: str, others: Iterable[str], models: Iterable[str] = ()) -> Cards:
    """Return what ``tracked_cards`` does, for every account of a database but these others."""
    rows = LiveActivity.objects.using(using).exclude(account__in=list(others))
    return _tracked(rows, models)


def _tracked(rows: Cards, models: Iterable[str]) -> Cards:
    shown = rows.exclude(status__in=LiveActivity.OVER).exclude(subject_model="")
    rows = live(_in_scope(shown, conf.subject_scope()))
    labels = list(models)
    return rows.filter(subject_model__in=labels) if labels else rows


def tracking_failures(account: conf.Account) -> QuerySet[TrackingFailure, TrackingFailure]:
    """Return what hooks of ``ModelActivity`` classes raised within the last 24 hours."""
    recent = Now() - TRACKING_FAILURES_KEPT_MS
    return rows_of(account, TrackingFailure).filter(created_at__gt=recent)


def newest_by_stream_key(account: conf.Account, stream_key: str) -> LiveActivity | None:
    """Return the newest card of a stream key, or None; ``is_closed`` says that its end is due."""
    return _only(_of_key, account, digest=lane_digest(stream_key=stream_key))


def _of_key(using: str) -> Cards:
    # The newest card's id, from the lane's index alone: for whole rows MariaDB would read the table
    # from its end, past every other key's cards. So would PostgreSQL if it saw that the digest is
    # a frequent one; a subquery hides that.
    hidden = RawSQL("SELECT %s", [compiled.Param("digest")])
    newest = activities(_given(using)).filter(lane_digest=hidden).values("pk")[:1]
    return _lasting(_given(using), compiled.integer_param("kept")).filter(pk=Subquery(newest))


def by_pk(account: conf.Account, number: int) -> LiveActivity | None:
    """Return a card by its primary key, described as by ``described``."""
    return _only(_of_number, account, number=number)


def _of_number(using: str) -> Cards:
    number = compiled.integer_param("number")
    return _lasting(_given(using), compiled.integer_param("kept")).filter(pk=number)


def _only(
    build: Callable[[str], Cards], account: conf.Account, **given: str | int
) -> LiveActivity | None:
    given |= {"account": account.alias, "kept": _kept(account)}
    return next(iter(compiled.run(build, account.database, **given)), None)


def newest_by_activity_id(account: conf.Account, activity_id: str) -> LiveActivity | None:
    """Return the card of an activity id, a stream's by any id it ever had; else None."""
    own, known = _of_activity_id(account, activity_id)
    cards = _lasting(account, _kept(account))
    # A union, because no database serves an OR over two indexes and the newest row well.
    found = cards.filter(own).union(cards.filter(known), all=True)
    return max(found, key=lambda card: card.pk, default=None)


def has_activity_id(account: conf.Account, activity_id: str) -> Q:
    """Return, as a condition on cards of an account, that the vendor gave the card this id."""
    own, known = _of_activity_id(account, activity_id)
    return own | known


def _of_activity_id(account: conf.Account, activity_id: str) -> tuple[Q, Q]:
    """Return the conditions on a card without a key, and on a stream that ever had the id."""
    digest = lane_digest(activity_id=activity_id)
    known = KnownActivityId.objects.filter(account=account.alias, id_digest=digest)
    return Q(lane_digest=digest), Q(pk__in=known.values("activity"))


def by_pks(using: str, numbers: Sequence[int]) -> list[LiveActivity]:
    """Return cards of a database by their primary keys, the newest first, as by ``described``.

    It costs one query for each 500. Each card has ``read_at``: ask ``is_lasting`` whether new rows
    may name it.
    """
    annotations = {"read_at": Now()}
    rows = described(LiveActivity.objects.using(using)).annotate(**annotations).order_by("-pk")
    newest_first = sorted(numbers, reverse=True)
    return [card for some in batched(newest_first) for card in rows.filter(pk__in=some)]


def is_lasting(card: LiveActivity, account: conf.Account) -> bool:
    """Tell whether new rows may name a card that was read by ``by_pks``: it is not soon pruned."""
    since = card.ended_at if card.status in LiveActivity.OVER else None
    return since is None or since >= card.read_at - _kept(account)


def _lasting(account: conf.Account, kept: int | RawSQL) -> Cards:
    """Return, described and in no order, the cards that new rows may name.

    Those about to be pruned are as gone: a host's transaction may be open for long, and its rows
    are not seen by the worker that prunes.
    """
    gone = Q(status__in=LiveActivity.OVER, ended_at__lt=Now() - kept)
    return described(activities(account).order_by().exclude(gone))


def _kept(account: conf.Account) -> int:
    """Return for how many milliseconds new rows may name a card that is over."""
    keep = account.timing.keep_finished
    return keep - min(PRUNE_MARGIN_MS, keep // 2)


def described(rows: Cards) -> Cards:
    """Return the cards with ``is_closed``: whether an end is due.

    ``newest_content_id``, ``newest_content`` and ``newest_options`` are of the newest content that
    the vendor has not refused, or None.
    """
    return _annotated(rows, is_closed())


def _contents() -> QuerySet[Operation, Operation]:
    """Return, for a subquery on LiveActivity, the contents not refused, the newest first."""
    own = Operation.objects.filter(activity=OuterRef("pk"), kind__in=Operation.CONTENT_KINDS)
    return own.exclude(state=State.FAILED).order_by("-pk")


def _annotated(rows: Cards, closed: Combinable) -> Cards:
    newest = _contents()
    annotations = {
        "is_closed": closed,
        "newest_content_id": Subquery(newest.values("pk")[:1]),
        "newest_content": Subquery(newest.values("content")[:1]),
        "newest_options": Subquery(newest.values("options")[:1]),
    }
    return rows.annotate(**annotations)


def is_expired(activity: LiveActivity, now: int) -> bool:
    """Tell whether iOS has removed the card by itself: 12 h old and without a due end.

    Args:
        activity: a card that was read with ``is_closed``.
        now: the database's clock, in milliseconds.
    """
    return not activity.is_closed and now - activity.created_at > EXPIRED_AFTER_MS


def look_up(read: Callable[[Sequence[str]], Mapping[str, T]], keys: Sequence[str]) -> dict[str, T]:
    """Return what the database finds by keys; it alone tells which keys are equal.

    To MariaDB's usual collations ``ABC``, ``abc``, ``abc `` and ``äbc`` are one primary key, so the
    row that is found by a key may spell it in another way. Keys that have no row cost one more
    query at the most, all together.

    Args:
        read: returns what one query finds by keys, each under the text of its row's own key.
        keys: the keys as texts.

    Returns:
        What was found, under the key that found it.
    """
    rows = read(keys) if keys else {}
    found = {key: rows[key] for key in keys if key in rows}
    rest = [key for key in keys if key not in rows]
    if not rows or not rest:
        return found
    if len(keys) == 1:
        return dict(zip(keys, rows.values(), strict=False))
    middle = 0 if found else len(rest) // 2
    return found | look_up(read, rest[:middle]) | look_up(read, rest[middle:])


def stored_keys(model: type[Model], using: str, keys: Sequence[str]) -> dict[str, str]:
    """Return, of the primary keys that have a row, how the row spells each.

    Args:
        model: the host's model.
        using: the database where its rows are looked up.
        keys: the primary keys as texts: one query for each 500, and another where some are missing.

    Raises:
        ValidationError: a text is no primary key of the model.
    """
    rows = model._base_manager.using(using).order_by()

    def read(some: Sequence[str]) -> dict[str, str]:
        found = rows.filter(pk__in=of_field(model, some)).values_list("pk", flat=True)
        return {text: text for text in map(str, found)}

    found: dict[str, str] = {}
    for some in batched(keys):
        found |= look_up(read, some)
    return found


def of_field(model: type[Model], keys: Iterable[str]) -> list[Any]:
    """Return primary keys as the field has them: a duration cannot be looked up by its text."""
    return [model._meta.pk.to_python(key) for key in keys]


def subjects(rows: Iterable[LiveActivity]) -> dict[int, Model | None]:
    """Return the object of each card by the card's id: one query per model and 500 keys.

    Where some of those have no object, it is two. It is None for a card of another scope: another
    tenant's object cannot be read here.
    """
    by_model: dict[tuple[str, str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    found: dict[int, Model | None] = {}
    for row in rows:
        found[row.pk] = None
        if row.subject_model and row.subject_scope == conf.subject_scope():
            by_model[row.database, row.subject_model][row.subject_pk].append(row.pk)
    for (using, label), ids in by_model.items():
        for some in batched(list(ids)):
            for key, subject in look_up(partial(_instances, using, label), some).items():
                found |= dict.fromkeys(ids[key], subject)
    return found


def _instances(using: str, label: str, keys: Sequence[str]) -> dict[str, Model]:
    try:
        model = apps.get_model(label)
        rows = model._default_manager.using(where_written(model, using))
        return {str(row.pk): row for row in rows.filter(pk__in=of_field(model, keys))}
    except NOT_OF_FIELD:
        return {}  # the model is gone, or its primary key has another type now
