"""The search of the list: by a whole name, or by words that a lock screen shows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.apps import apps
from django.db import connections
from django.db.models import Case, IntegerField, OuterRef, Q, Subquery, TextField, Value, When
from django.db.models.functions import Collate, Concat, Upper
from django.utils.functional import lazy
from django.utils.text import smart_split, unescape_string_literal
from django.utils.translation import gettext

from django_liveactivity.content.encoding import JSONValue
from django_liveactivity.models import (
    KnownActivityId,
    Operation,
    SameBytes,
    lane_digest,
    root_model,
)
from django_liveactivity.selectors import SUBJECT_PK

from .labels import number_text
from .queryset import LIMIT, OPEN, Cards, Window, capped, newest_first, newest_ids

MAX_WORDS = 8
"""Further words are ignored."""
READ_CONTENTS = 500
"""The number of newest open cards whose content is read."""
MAX_LOOSE = 200
"""The most cards that are found by some of the words."""
NAMES = ("title", "stream_key", "activity_id")
BREAK = Value("\n")
NOT_SHOWN = frozenset({"type", "color", "step_color", "step_colors", "icon"})
"""Fields of content that the lock screen does not show as text."""


def _help() -> str:
    text = gettext(
        "A whole stream key, activity ID or subject's key is found among all live activities. "
        "Words from the lock screen, and parts of titles and keys, are looked for in those that "
        "are not over and in the newest %(count)s."
    )
    return text % {"count": number_text(LIMIT)}


HELP = lazy(_help, str)()
"""The help text of the search field."""


@dataclass(frozen=True)
class Hits:
    """The cards that were found, the best first, and whether none has all of the words."""

    ids: list[int]
    is_loose: bool = False


def search(term: str, rows: Cards, window: Window, accounts: Sequence[str]) -> Hits:
    """Return the cards with a whole name, then those with each word; if none, those with some.

    Args:
        term: what was typed. Words in quotes count as one.
        rows: the cards that are looked for.
        window: those that are looked at for words; names are found outside it, too.
        accounts: the aliases that names are looked for in.
    """
    words = words_of(term)
    named = newest_ids(rows.filter(pk__in=ids_of_name(term, rows, accounts)))
    if window.named is not None:
        named = sorted({*named} & {*window.named}, reverse=True)
    if not words:
        return Hits(named)
    vendor = connections[rows.db].vendor
    has_each = [_has(word, vendor) for word in words]
    rows = _with_names(rows) if vendor == "postgresql" else rows
    shown = _count_shown(words, rows.filter(pk__in=window.open_ids(rows, READ_CONTENTS)))
    found = {(True, pk) for pk, count in shown.items() if count == len(words)}
    found |= {(status in OPEN, pk) for pk, status in window.read(rows.filter(*has_each))}
    if named or found or len(words) == 1:
        rest = [pk for _, pk in sorted(found, reverse=True)]
        return Hits(list(dict.fromkeys(named + rest)))
    return Hits(_loose(has_each, rows, window, shown), is_loose=True)


def words_of(term: str) -> list[str]:
    """Return the words to look for, each once; those in quotes are one."""
    bits = [
        unescape_string_literal(bit) if bit[0] in "\"'" and bit[0] == bit[-1] != bit else bit
        for bit in smart_split(term)
    ]
    return [word for word in dict.fromkeys(map(str.strip, bits)) if word][:MAX_WORDS]


def ids_of_name(term: str, rows: Cards, accounts: Sequence[str]) -> list[int]:
    """Return the newest cards with this stream key, activity ID or subject key, byte for byte.

    By digest, as MariaDB's default collation takes ``Order-42`` for ``order-42``; a stream is
    found by every activity ID that it ever had. The accounts are named, as the indexes begin with
    them.
    """
    mine = rows.filter(account__in=accounts)
    by_id = lane_digest(activity_id=term)
    known = KnownActivityId.objects.using(rows.db).filter(account__in=accounts, id_digest=by_id)
    found = {
        *newest_ids(mine.filter(lane_digest=lane_digest(stream_key=term))),
        *newest_ids(mine.filter(lane_digest=by_id)),
        *capped(known.values_list("activity_id", flat=True)),
        *_ids_of_subject(term, mine),
    }
    return newest_first(found)


def _ids_of_subject(term: str, rows: Cards) -> Iterator[int]:
    """Yield the cards of the objects with this primary key, which a model's name may precede."""
    labels = {root_model(model)._meta.label for model in apps.get_models()}
    name, _, last = term.rpartition(" ")
    of_name = {label for label in labels if _is_called(label, name.strip())}
    for models, key in ((labels, term), (of_name, last)):
        if models:
            same = SameBytes("subject_pk", Value(key, output_field=SUBJECT_PK))
            found = rows.filter(same, subject_pk=key, subject_model__in=models).order_by()
            yield from capped(found.values_list("pk", flat=True))


def _is_called(label: str, name: str) -> bool:
    """Return whether a model has this label, class name or verbose name, in any case."""
    options = apps.get_model(label)._meta
    names = (label, options.object_name or "", str(options.verbose_name))
    return name.casefold() in map(str.casefold, names)


def _with_names(rows: Cards) -> Cards:
    """Return the rows with one text of title and names that is quick to search for a-z.

    PostgreSQL takes half the time for the capitals of one text in the collation C.
    """
    first, second, third = NAMES
    text = Concat(first, BREAK, second, BREAK, third, output_field=TextField())
    return rows.alias(capitals=Upper(Collate(text, "C")))


def _has(word: str, vendor: str) -> Q:
    """Return a condition on cards: title or name contains a word, in any case."""
    if vendor == "postgresql" and word.isascii():
        return Q(("capitals__contains", word.upper()))
    texts = {word}
    if vendor == "sqlite" and not word.isascii():
        texts |= {word.lower(), word.upper(), word.capitalize()}  # its LIKE knows a-z alone
    return Q(*((f"{name}__icontains", text) for name in NAMES for text in texts), _connector=Q.OR)


def _count_shown(words: Sequence[str], rows: Cards) -> dict[int, int]:
    """Return how many of the words each card shows, in its title, its name or its content."""
    own = Operation.objects.filter(activity=OuterRef("pk"), kind__in=Operation.CONTENT_KINDS)
    newest = own.exclude(state=Operation.State.FAILED).order_by("-pk")
    read = rows.annotate(shown=Subquery(newest.values("content")[:1]))
    return {
        pk: sum(_shows(word, [*names, *_texts(content)]) for word in words)
        for pk, content, *names in read.values_list("pk", "shown", *NAMES)
    }


def _shows(word: str, texts: Sequence[str | float]) -> bool:
    """Return whether a text contains a word or a number equals it: 68 is no part of 168."""
    folded, number = word.casefold(), word.removesuffix("%")
    return any(
        folded in each.casefold() if isinstance(each, str) else number == f"{each:.15g}"
        for each in texts
    )


def _texts(content: JSONValue) -> Iterator[str | float]:
    """Yield the texts and numbers that content shows."""
    match content:
        case bool() | None:
            return
        case str() | int() | float():
            yield content
        case list():
            for item in content:
                yield from _texts(item)
        case dict():
            for name, item in content.items():
                if name not in NOT_SHOWN:
                    yield from _texts(item)


def _loose(has_each: Sequence[Q], rows: Cards, window: Window, shown: dict[int, int]) -> list[int]:
    """Return the cards with some of the words: those with most first, then the newest."""
    one = Value(1, output_field=IntegerField())
    hits = sum((Case(When(has, then=one), default=0) for has in has_each), start=Value(0))
    any_of = rows.filter(Q(*has_each, _connector=Q.OR))
    best = dict(
        pair
        for part in window.parts(any_of)
        for pair in part.order_by(hits.desc(), "-pk").values_list("pk", hits)[:MAX_LOOSE]
    )
    for pk, count in shown.items():
        best[pk] = max(count, best.get(pk, 0))
    ranked = sorted((-count, -pk) for pk, count in best.items() if count)
    return [-pk for _, pk in ranked[:MAX_LOOSE]]
