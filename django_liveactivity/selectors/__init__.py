"""Reads: which cards there are, and what is known of them."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence

from django.db.models import Exists, Model, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.expressions import Combinable, RawSQL

from django_liveactivity import conf
from django_liveactivity.models import (
    KnownActivityId,
    Lane,
    LiveActivity,
    Now,
    SameBytes,
    Subject,
    batched,
    compiled,
    lane_digest,
    rows_of,
    storable,
)

from .ends import (
    Newest,
    as_stored,
    contents,
    due_end,
    due_ends,
    has_content,
    is_closed,
    newest_operations,
    operations,
)
from .host_objects import look_up, of_field, stored_keys, subjects

__all__ = [
    "EXPIRED_AFTER_MS",
    "SUBJECT_PK",
    "TRACKING_FAILURES_KEPT_MS",
    "Cards",
    "Newest",
    "activities",
    "activities_in",
    "activities_of",
    "as_stored",
    "batched",
    "by_pk",
    "by_pks",
    "cards_about",
    "described",
    "due_end",
    "due_ends",
    "followed_cards",
    "followed_cards_of",
    "has_activity_id",
    "has_content",
    "is_closed",
    "is_expired",
    "is_lasting",
    "live",
    "live_pks",
    "look_up",
    "newest_by_activity_id",
    "newest_by_stream_key",
    "newest_operations",
    "of_field",
    "of_subject",
    "open_cards",
    "operations",
    "stored_keys",
    "subjects",
    "tracked_cards",
]

Cards = QuerySet[LiveActivity, LiveActivity]

EXPIRED_AFTER_MS = 12 * 3600 * 1000
"""Milliseconds after which iOS has removed a card by itself (Apple: 8 h live, 4 h ended)."""
REOPENABLE_FOR_MS = 3600 * 1000
PRUNE_MARGIN_MS = 24 * 3600 * 1000
TRACKING_FAILURES_KEPT_MS = 24 * 3600 * 1000
SUBJECT_PK = LiveActivity._meta.get_field("subject_pk")
SUBJECT_SCOPE = LiveActivity._meta.get_field("subject_scope")
TRACKED_BY = LiveActivity._meta.get_field("tracked_by")


def activities(account: conf.Account) -> Cards:
    """Return every card of an account, the newest first."""
    return rows_of(account, LiveActivity).order_by("-pk")


def activities_in(using: str) -> Cards:
    """Return every card of a database, the newest first."""
    return LiveActivity.objects.using(using).order_by("-pk")


def live(rows: Cards) -> Cards:
    """Return those of the cards that have no due end, expired ones included."""
    return rows.filter(~is_closed())


def live_pks(account: conf.Account, most: int | None = None) -> list[int]:
    """Return the primary keys of the live cards of an account, the oldest first.

    A stream whose content the vendor has refused is among them while an earlier call may have shown
    it.

    Args:
        account: the account.
        most: how many; None for all.
    """
    over = Q(status__in=LiveActivity.OVER) & ~_may_be_shown()
    rows = live(activities(account).exclude(over))
    return list(rows.order_by("pk").values_list("pk", flat=True)[:most])


def _may_be_shown() -> Q:
    """Return, as a condition on cards, that a call of unknown outcome came before a refusal.

    Only its lane remembers the refused content.
    """
    lane = Lane.objects.filter(account=OuterRef("account"), digest=OuterRef("lane_digest"))
    remembered = Exists(lane.filter(newest_content_id__gt=0))
    return Q(remembered, status=LiveActivity.Status.FAILED) & ~Q(stream_key="")


def activities_of(account: conf.Account, subject: Model) -> Cards:
    """Return the cards, ended ones too, that represent an object."""
    return of_subject(activities(account), Subject.of(subject))


def of_subject(rows: Cards, subject: Subject) -> Cards:
    """Return those of the cards that represent an object, byte for byte."""
    same = SameBytes("subject_pk", Value(subject.pk, output_field=SUBJECT_PK))
    named = rows.filter(same, subject_model=subject.model, subject_pk=subject.pk)
    return _in_scope(named, subject.scope)


def _in_scope(rows: Cards, scope: str) -> Cards:
    """Return those of the cards that represent objects of a scope, byte for byte."""
    same = SameBytes("subject_scope", Value(scope, output_field=SUBJECT_SCOPE))
    return rows.filter(same, subject_scope=scope)


def cards_about(using: str, subjects: Collection[Subject]) -> Cards:
    """Return the cards, ended ones too, that represent objects, as by ``described``.

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
        if _may_represent(card, model, scope)
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
    found = [row for row in rows if _may_represent(row, subject.model, subject.scope)]
    return sorted(found, key=lambda card: card.pk)


def _may_represent(card: LiveActivity, model: str, scope: str) -> bool:
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
    """Return the placeholder of a compiled query for the account that each run gives."""
    return conf.Account(alias=compiled.Param("account"), backend="", database=using)


def _still_open(rows: Cards) -> Cards:
    # A late end can take a newer content with it for a moment; after an hour it is shown again.
    over = Q(status=LiveActivity.Status.ENDED, ended_at__lt=Now() - REOPENABLE_FOR_MS)
    return _annotated(live(rows.exclude(over)), Value(False)).order_by()


def tracked_cards(rows: Cards, models: Collection[str] = ()) -> Cards:
    """Return those of the cards that may be on phones and represent an object.

    They are those of the scope that holds here and now: another tenant's objects cannot be read.

    Args:
        rows: the cards.
        models: the labels of the objects' models; by default of any.
    """
    shown = rows.exclude(status__in=LiveActivity.OVER).exclude(subject_model="")
    rows = live(_in_scope(shown, conf.subject_scope()))
    return rows.filter(subject_model__in=models) if models else rows


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
    since = card.ended_at if card.is_over else None
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


def _annotated(rows: Cards, closed: Combinable) -> Cards:
    newest = contents()
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
