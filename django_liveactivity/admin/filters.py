"""The list's filters: each finds its cards by an index, or adds a condition on them."""

# ruff: noqa: ARG002 - Django calls these methods by its own signatures
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import BooleanField, Case, Exists, OuterRef, Q, QuerySet, When
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_liveactivity import conf
from django_liveactivity.health.status import MARKED
from django_liveactivity.models import LiveActivity, Now, Operation
from django_liveactivity.selectors import EXPIRED_AFTER_MS

from .display import DerivedState
from .labels import DAY, OUTCOMES, SHORT_TYPES
from .permissions import PermittedAdmin
from .queryset import (
    ACCOUNT,
    LIMIT,
    OPEN,
    Cards,
    Status,
    aliases_of,
    capped,
    database_of,
    has_several_databases,
    is_id,
    last_outcome,
    newest_first,
    newest_ids,
)

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

Operations = QuerySet[Operation, Operation]
Choices = list[tuple[str, "StrOrPromise"]]
IS_TRUE = BooleanField()
IS_YOUNG = Q(created_at__gte=Now() - EXPIRED_AFTER_MS)
"""A condition on cards: iOS has not removed them by itself yet."""


def unfinished_ends(rows: Cards) -> Operations:
    """Return the ends in the database of cards that are not acknowledged, by an index on them.

    Finished operations have no ``next_try_at``, so that a million of them cost nothing here.
    """
    ends = Operation.objects.using(rows.db).filter(
        rank__in=Operation.END_RANKS, next_try_at__gte=0, state__in=Operation.UNFINISHED
    )
    return ends.order_by()


class CardFilter(admin.SimpleListFilter):
    """A filter that may name its cards by an index.

    Attributes:
        newest: how many of the newest cards are tested, where no index finds them.
    """

    newest = LIMIT

    def queryset(self, request: HttpRequest, queryset: Cards) -> Cards:
        """Return the rows with a condition, which is cheap to test on the newest."""
        return queryset

    def statuses(self) -> tuple[str, ...]:
        """Return the statuses that the chosen value allows; none if it allows all."""
        return ()

    def ids(self, rows: Cards) -> list[int] | None:
        """Return the ids of the cards that an index finds for the chosen value.

        None if no index does. At most one above the limit, if there are more.
        """
        return None


class AccountFilter(CardFilter):
    """One account or all; always one if the accounts live in several databases."""

    title = _("account")
    parameter_name = ACCOUNT

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> Choices:
        aliases = cast("PermittedAdmin", model_admin).allowed_accounts(request)
        if aliases is None:
            aliases = aliases_of(database_of(request))
            if (chosen := super().value()) and chosen not in aliases and is_alias(chosen):
                aliases = [*aliases, chosen]
        return [(alias, alias) for alias in aliases] if len(aliases) > 1 else []

    def value(self) -> str | None:
        chosen = super().value()
        if chosen is None and has_several_databases():
            return next(iter(conf.accounts()))
        return chosen

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        choices = super().choices(changelist)
        if has_several_databases():
            next(choices)  # "All": a page shows one database
        yield from choices

    def queryset(self, request: HttpRequest, queryset: Cards) -> Cards:
        alias = self.value()
        if not alias:
            return queryset
        # PostgreSQL raises for a NUL.
        return queryset.filter(account=alias) if is_alias(alias) else queryset.none()


def is_alias(text: str) -> bool:
    """Return whether an account can have this alias."""
    return conf.ALIAS.fullmatch(text) is not None


class StateFilter(CardFilter):
    """A status or a derived state, as the list shows it."""

    title = _("state")
    parameter_name = "state"
    ANY_OPEN = "open"

    def lookups(self, request: HttpRequest, model_admin: object) -> Choices:
        is_open = (self.ANY_OPEN, _("not over"))
        of_open = [(str(state), state.label) for state in (*OPEN, *DerivedState)]
        return [is_open, *of_open, *((str(state), state.label) for state in LiveActivity.OVER)]

    def queryset(self, request: HttpRequest, queryset: Cards) -> Cards:
        state, statuses = self.value(), self.statuses()
        if not statuses:
            return queryset
        rows = queryset.filter(status__in=statuses)
        is_ending = _is_ending(rows)
        match state:
            case DerivedState.ENDING:
                return rows.filter(is_ending)
            case DerivedState.EXPIRED:
                return rows.filter(~is_ending & ~IS_YOUNG)
            case DerivedState.SCHEDULED:
                return rows.filter(~is_ending & _has_end_to_come(rows))
            case state if state in OPEN:
                return rows.filter(~is_ending & IS_YOUNG)
        return rows

    def statuses(self) -> tuple[str, ...]:
        state = self.value() or ""
        if state == self.ANY_OPEN or state in DerivedState:
            return OPEN
        return (state,) if state in Status else ()


def _is_ending(rows: Cards) -> Q:
    """Return a condition on open cards: an end is due, of their own or of their lane.

    The lanes with such an end are found first, once, and only their cards are looked at one by one:
    a CASE keeps that order.
    """
    due = unfinished_ends(rows).filter(due_at__lte=Now()).values("lane_digest")
    lane = Operation.objects.filter(
        account=OuterRef("account"), lane_digest=OuterRef("lane_digest")
    )
    # An end from before the card was of the generation before.
    closing = Q(due_at__lte=Now(), due_at__gte=OuterRef("created_at"))
    has_end = Exists(_unfinished(lane).filter(closing))
    return Q(Case(When(lane_digest__in=due, then=has_end), default=False, output_field=IS_TRUE))


def _has_end_to_come(rows: Cards) -> Q:
    to_come = unfinished_ends(rows).filter(due_at__gt=Now()).values("activity")
    own = Operation.objects.filter(activity=OuterRef("pk"))
    in_force = Exists(_unfinished(own).filter(Q(~Operation.is_moved()), due_at__gt=Now()))
    return Q(pk__in=to_come) & Q(in_force)


def _unfinished(rows: Operations) -> Operations:
    return rows.filter(kind=Operation.Kind.END, state__in=Operation.UNFINISHED)


class AttentionFilter(CardFilter):
    """The cards that an operator should look at."""

    title = _("needs attention")
    parameter_name = "attention"
    YES, NO = "1", "0"

    def lookups(self, request: HttpRequest, model_admin: object) -> Choices:
        return [(self.YES, _("Yes")), (self.NO, _("No"))]

    def queryset(self, request: HttpRequest, queryset: Cards) -> Cards:
        return queryset.exclude(pk__in=_wanting(queryset)) if self.value() == self.NO else queryset

    def ids(self, rows: Cards) -> list[int] | None:
        return _wanting(rows) if self.value() == self.YES else None


def _wanting(rows: Cards) -> list[int]:
    """Return the ids of the cards that an operator should look at, the newest first; capped."""
    marked = rows.filter(MARKED).order_by().values_list("pk", flat=True)
    refused = newest_ids(rows.filter(pk__in=_refused_cards(rows)))
    return newest_first({*capped(marked), *refused})


def _refused_cards(rows: Cards) -> list[int]:
    """Return the ids of cards whose end waits for an operator."""
    ends = unfinished_ends(rows).filter(state=Operation.State.NEEDS_OPERATOR)
    return capped(ends.values_list("activity_id", flat=True))


class TypeFilter(CardFilter):
    """The type of a card's content."""

    title = _("type")
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: object) -> Choices:
        return list(SHORT_TYPES.items())

    def queryset(self, request: HttpRequest, queryset: Cards) -> Cards:
        return queryset.filter(type=self.value()) if self.value() in SHORT_TYPES else queryset


class OutcomeFilter(CardFilter):
    """The outcome of the newest call: no index has it, so each card's operations are read."""

    newest = 5_000

    title = _("last outcome")
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: object) -> Choices:
        return list(OUTCOMES.items())

    def queryset(self, request: HttpRequest, queryset: Cards) -> Cards:
        if self.value() not in OUTCOMES:
            return queryset
        answered: Cards = queryset.alias(answered=last_outcome())
        return answered.filter(Q(("answered", self.value())))


class CreatedFilter(CardFilter):
    """When a card was inserted."""

    title = _("created")
    parameter_name = "created"
    DAYS = {"1d": 1, "7d": 7, "30d": 30}

    def lookups(self, request: HttpRequest, model_admin: object) -> Choices:
        return [
            ("today", _("Today")),
            ("1d", _("Within 24 hours")),
            ("7d", _("Within 7 days")),
            ("30d", _("Within 30 days")),
            ("older", _("More than 30 days ago")),
        ]

    def queryset(self, request: HttpRequest, queryset: Cards) -> Cards:
        chosen = self.value()
        if chosen == "today":
            return queryset.filter(created_at__gte=Now() - _since_midnight())
        if chosen == "older":
            return queryset.filter(created_at__lt=Now() - self.DAYS["30d"] * DAY)
        if chosen in self.DAYS:
            return queryset.filter(created_at__gte=Now() - self.DAYS[chosen] * DAY)
        return queryset


def _since_midnight() -> int:
    """Return the milliseconds since midnight in the current time zone."""
    now = timezone.localtime() if timezone.is_aware(timezone.now()) else timezone.now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return round((now.timestamp() - midnight.timestamp()) * 1000)


class BatchFilter(CardFilter):
    """The cards of one batch of ends; the sidebar shows it only if the URL names a batch."""

    title = _("batch of ends")
    parameter_name = "batch"

    def lookups(self, request: HttpRequest, model_admin: object) -> Choices:
        return [(value, value)] if (value := self.value()) else []

    def ids(self, rows: Cards) -> list[int] | None:
        value = self.value()
        if value is None:
            return None
        if not is_id(value):
            return []
        ends = Operation.objects.using(rows.db).filter(batch=int(value)).order_by()
        if rows.query.where:  # an account's
            ends = ends.filter(activity__in=rows.order_by().values("pk"))
        return newest_first(capped(ends.values_list("activity_id", flat=True)))


LIST_FILTERS = (
    StateFilter,
    AttentionFilter,
    TypeFilter,
    AccountFilter,
    OutcomeFilter,
    CreatedFilter,
    BatchFilter,
)
"""The filters of the list, in the order of the sidebar."""
