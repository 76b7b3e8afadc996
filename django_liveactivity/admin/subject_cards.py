"""The live activities of the host's own objects: read for a page, and shown there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, cast

from django.contrib import admin
from django.db import router
from django.db.models import BooleanField, Exists, ExpressionWrapper, Model, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from django_liveactivity import conf, selectors
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.lockscreen import SketchedCard
from django_liveactivity.models import (
    LiveActivity,
    Now,
    Operation,
    Subject,
    root_model,
    where_written,
)
from django_liveactivity.selectors import batched
from django_liveactivity.templatetags.liveactivity import drawn

from .display import badges, object_url, state_of, state_word
from .explanation import explanations
from .labels import duration
from .permissions import may_on_site
from .queryset import ACCOUNT, has_several_databases

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

CARDS = "_liveactivity_cards"
SHOWN_CARDS = 10
"""How many cards the page of one object shows."""
CURRENT = ~Q(status__in=LiveActivity.OVER) | Q(needs_attention=True)
"""A condition on cards: they may be on a phone, or an operator should look at them."""
OPEN = Q(is_closed=False)
"""A condition on cards: they can be ended, as no end is due."""
IS_OVER = ExpressionWrapper(Q(status__in=LiveActivity.OVER), BooleanField())


class ReadFacts(TypedDict):
    """What is read of a card besides its columns."""

    now: int
    wants_operator: bool


if TYPE_CHECKING:
    ReadCard = WithAnnotations[LiveActivity, ReadFacts]
else:
    ReadCard = LiveActivity
ReadCards = QuerySet[ReadCard, ReadCard]

CardKey = tuple[str, int]
MayEnd = Callable[[LiveActivity], bool]
Sketch = Callable[[Iterable[LiveActivity]], dict[int, SketchedCard]]
T = TypeVar("T")
CardsBySubject = dict[Subject, list[ReadCard]]


def subjects_of(model: type[Model], keys: Iterable[object]) -> dict[Subject, object]:
    """Return primary keys of a model by subject, without keys that no subject can have."""
    found: dict[Subject, object] = {}
    for key in keys:
        try:
            found[Subject.named(model, key)] = key
        except InvalidInputError:
            continue
    return found


def write_database(instance: Model) -> str:
    """Return the alias of the database where an object is written: not that of a replica."""
    return router.db_for_write(type(instance), instance=instance)


def write_database_of_rows(queryset: QuerySet[Model]) -> str:
    """Return the alias of the database where the objects of a queryset are written."""
    rows: Any = queryset.all()
    rows._for_write = True
    using: str = rows.db
    return using


def account_databases(model: type[Model], home: str) -> Iterator[str]:
    """Yield the databases of accounts whose subjects of a model are written in *home*.

    The same primary key in another database is another object.
    """
    root = root_model(model)
    return (using for using in conf.databases() if where_written(root, using) == home)


def cards_of(model: type[Model], home: str, keys: Iterable[object], condition: Q) -> CardsBySubject:
    """Return the cards of objects, by object, in one query for each database and 500 objects.

    Args:
        model: of the objects.
        home: the database where they are written.
        keys: their primary keys.
        condition: of the cards, such as ``CURRENT`` or ``OPEN``.
    """
    found: CardsBySubject = defaultdict(list)
    subjects = list(subjects_of(model, keys))
    for using in account_databases(model, home):
        for some in batched(subjects):
            for card in _read(using, some).filter(condition).order_by("pk"):
                found[card.named_subject].append(card)
    # MariaDB's default collation finds the key "a" for "A".
    return {subject: found[subject] for subject in subjects if subject in found}


def _read(using: str, subjects: Collection[Subject]) -> ReadCards:
    own = Operation.objects.filter(activity=OuterRef("pk"), state=Operation.State.NEEDS_OPERATOR)
    wants_operator = Q(needs_attention=True) | Exists(own)
    rows = selectors.cards_about(using, subjects)
    facts = {"now": Now(), "wants_operator": wants_operator}
    return cast("ReadCards", rows.annotate(**facts))


@dataclass(frozen=True)
class ObjectToEnd:
    """An object that has open cards: those that the user may end, and the others."""

    instance: Model
    cards: list[ReadCard] = field(default_factory=list)
    forbidden: list[ReadCard] = field(default_factory=list)

    def add(self, cards: Iterable[ReadCard], may_end: MayEnd) -> ObjectToEnd:
        """Add cards of the object."""
        for card in cards:
            (self.cards if may_end(card) else self.forbidden).append(card)
        return self


def objects_of_instance(instance: Model, may_end: MayEnd) -> list[ObjectToEnd]:
    """Return an object with its open cards, or nothing if it has none.

    Args:
        instance: the object. It costs one query for each database of accounts.
        may_end: tells whether the user may end a card.
    """
    cards = cards_of(type(instance), write_database(instance), [instance.pk], OPEN)
    return [ObjectToEnd(instance).add(each, may_end) for each in cards.values()]


def objects_of_queryset(queryset: QuerySet[Model], may_end: MayEnd) -> list[ObjectToEnd]:
    """Return the objects that have open cards, each with its cards.

    Args:
        queryset: the objects, of which only those with open cards are read whole. It costs one
            query for each database of accounts and each 500 objects.
        may_end: tells whether the user may end a card.
    """
    keys = list(queryset.order_by().values_list("pk", flat=True))
    cards = cards_of(queryset.model, write_database_of_rows(queryset), keys, OPEN)
    by_subject = subjects_of(queryset.model, keys)
    return [
        ObjectToEnd(each).add(cards[Subject.of(each)], may_end)
        for some in batched([by_subject[subject] for subject in cards])
        for each in queryset.filter(pk__in=some)
    ]


def cards_on_page_of(instance: Model) -> list[ReadCard]:
    """Return the newest cards of an object, those that are not over first; one more than is shown.

    They are read once for an instance, in one query for each database of accounts.
    """
    cards: list[ReadCard] | None = instance.__dict__.get(CARDS)
    if cards is None:
        cards = instance.__dict__[CARDS] = _newest_cards(instance)
    return cards


def _newest_cards(instance: Model) -> list[ReadCard]:
    model = type(instance)
    subjects = subjects_of(model, [instance.pk])
    cards = [
        card
        for using in account_databases(model, write_database(instance))
        if subjects
        for card in _read(using, subjects).order_by(IS_OVER, "-pk")[: SHOWN_CARDS + 1]
    ]
    return sorted(cards, key=lambda card: card.is_over)[: SHOWN_CARDS + 1]


@dataclass(frozen=True)
class ShownCard:
    """A card on a page about its object.

    Args:
        card: the row.
        url: the card's own page, or "" where this user may see none.
        sketch: the card drawn as a lock screen would, or "".
        explanation: of its state, in one sentence, or "".
    """

    card: ReadCard
    url: str
    sketch: str = ""
    explanation: str = ""

    @property
    def name(self) -> str:
        """The title; without one, its key."""
        return self.card.title or str(self.card)

    @property
    def state(self) -> SafeString:
        """Its state by color and word, and whether an operator should look at it."""
        state = state_of(self.card, self.card.now)
        words = [(state, state_word(state))]
        if self.card.wants_operator:
            words.append(("attention", gettext("needs attention")))
        return badges(words)

    @property
    def age(self) -> str:
        """How long ago the card was inserted."""
        return duration(self.card.now - self.card.created_at)


def shown_card(
    site: admin.AdminSite, request: HttpRequest | None, card: ReadCard, **facts: str
) -> ShownCard:
    """Return a card as this user may see it; without a request there are no links."""
    return ShownCard(card, card_url(site, request, card) if request else "", **facts)


def explained_cards(
    site: admin.AdminSite, request: HttpRequest, cards: Sequence[ReadCard], sketch: Sketch
) -> list[ShownCard]:
    """Return cards as this user may see them.

    Those whose own page the user may see come with an explanation and, unless they are over, a
    drawing by *sketch*: both can tell more than the object does. It takes a dozen queries for each
    database, for any number of cards.
    """
    seen = [card for card in cards if may_on_site(site, request, "view", card)]
    texts = _each_database(seen, explanations)
    drawings = draw([card for card in seen if not card.is_over], sketch)
    return [
        shown_card(
            site, request, card, sketch=drawings.get(name, ""), explanation=texts.get(name, "")
        )
        for card in cards
        for name in (card_key(card),)
    ]


def draw(cards: Iterable[ReadCard], sketch: Sketch) -> dict[CardKey, SafeString]:
    """Return drawings of cards by ``card_key``, in at most three queries for each database."""
    return {name: drawn(each) for name, each in _each_database(cards, sketch).items()}


def _each_database(
    cards: Iterable[ReadCard], read: Callable[[Sequence[ReadCard]], Mapping[int, T]]
) -> dict[CardKey, T]:
    """Call a function with the cards of each database; return its values by ``card_key``."""
    by_database: dict[str, list[ReadCard]] = defaultdict(list)
    for card in cards:
        by_database[card.database].append(card)
    return {
        card_key(card): said[card.pk]
        for own in by_database.values()
        for said in (read(own),)
        for card in own
    }


def card_key(card: LiveActivity) -> CardKey:
    """Return a key that is unique in all databases."""
    return card.account, card.pk


def card_url(site: admin.AdminSite, request: HttpRequest, card: LiveActivity) -> str:
    """Return the card's page in this admin, or "" if this user may not see it."""
    url = object_url(site, request, card)
    return f"{url}?{urlencode({ACCOUNT: card.account})}" if url and has_several_databases() else url


@dataclass
class ObjectsOnPage:
    """The objects that a list shows, and their cards: read once, when the first is asked for.

    Each object holds it. A host may pickle or copy an object, and it becomes None there.
    """

    site: admin.AdminSite
    request: HttpRequest | None
    objects: Sequence[Model]

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        return type(None), ()

    @cached_property
    def _cards(self) -> CardsBySubject:
        first = self.objects[0]
        keys = [each.pk for each in self.objects]
        return cards_of(type(first), write_database(first), keys, CURRENT)

    def states_of(self, instance: Model) -> SafeString:
        """Return the state of each card of an object, by color and word; "" if it has none."""
        subjects = subjects_of(type(instance), [instance.pk])
        cards = [card for subject in subjects for card in self._cards.get(subject, ())]
        return format_html_join(" ", "{}", ((self._state(card),) for card in cards))

    def _state(self, card: ReadCard) -> SafeString:
        it = shown_card(self.site, self.request, card)
        return format_html('<a href="{}">{}</a>', it.url, it.state) if it.url else it.state
