"""The actions on selected cards: end, retry, give up, probe; a thousand cards at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from django.contrib.admin.models import LogEntry
from django.db import router, transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, gettext_lazy as _, ngettext_lazy

from django_liveactivity import conf, selectors, services
from django_liveactivity.content.encoding import JSONObject
from django_liveactivity.content.parsing import OptionFields
from django_liveactivity.exceptions import ContentRequiredError, InvalidInputError
from django_liveactivity.health import is_open
from django_liveactivity.models import EndBatch, LiveActivity, OperatorAction, Source
from django_liveactivity.services.writer import recorded_as
from django_liveactivity.templatetags.liveactivity import lock_screen_at_end

from .forms import GiveUpForm, ReasonForm
from .permissions import PermittedAdmin
from .results import Report, Result, log_change, outcome_of

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.utils.safestring import SafeString
    from django_stubs_ext import StrOrPromise, StrPromise

    from django_liveactivity.services.batch import CardDecision

    from .end_forms import EndCardsForm


Outcome = tuple[LiveActivity, Result | InvalidInputError]
CHUNK_SIZE = 1_000
"""Cards that one statement reads or writes."""


@dataclass(frozen=True)
class Selection:
    """The cards that the user selected.

    Args:
        using: their database.
        ids: their primary keys, in ascending order.
        batch: the row that carries them, if there is one.
    """

    using: str
    ids: Sequence[int]
    batch: EndBatch | None = None

    def confirm(self) -> bool:
        """Store that the selection is confirmed; return False if it was before."""
        return self.batch is None or services.batch.confirm_batch(self.batch)

    def read(
        self, read: Callable[[str, Sequence[int]], list[LiveActivity]]
    ) -> Iterator[tuple[list[LiveActivity], int]]:
        """Yield the cards, the newest first and 1,000 at a time, and how many are gone."""
        newest_first = self.ids[::-1]
        for start in range(0, len(newest_first), CHUNK_SIZE):
            some = newest_first[start : start + CHUNK_SIZE]
            cards = read(self.using, some)
            yield cards, len(some) - len(cards)


class CardAction:
    """An action on the selected cards, which a page asks about first.

    Attributes:
        name: the action's name.
        permission: what it needs, as in ``has_end_permission``.
        title: the heading of the page that asks.
        text: what will happen to the cards that are listed below; it may have the names
            ``accounts`` and ``count``, the number of accounts.
        button: the label of the button that confirms.
        log_message: what the admin's log keeps.
        form: the form on the page that asks.
        makes_batch: whether the ends of several cards are shown as a batch afterwards.

    Args:
        model_admin: the admin of live activities.
        request: of the user who runs the action.
        form: what the confirmation page asked, valid.
    """

    name: str
    permission: str = "end"
    title: StrOrPromise
    text: StrOrPromise
    button: StrOrPromise
    log_message: StrPromise
    form: type[ReasonForm] = ReasonForm
    makes_batch: bool = False

    def __init__(self, model_admin: PermittedAdmin, request: HttpRequest, form: ReasonForm) -> None:
        self.model_admin, self.request = model_admin, request
        self.actor = cast("User", request.user)  # the admin admits no anonymous one
        self.reason: str = form.cleaned_data["reason"]

    @classmethod
    def may(
        cls, model_admin: PermittedAdmin, request: HttpRequest, card: LiveActivity | None = None
    ) -> bool:
        """Return whether this user may run the action, or run it on a card."""
        return bool(getattr(model_admin, f"has_{cls.permission}_permission")(request, card))

    @classmethod
    def form_for(cls, posted: Mapping[str, Any] | None) -> ReasonForm:
        """Return the form with what was posted."""
        return cls.form(posted)

    @classmethod
    def preview(cls, cards: Sequence[LiveActivity], form: ReasonForm) -> list[SafeString]:  # noqa: ARG003
        """Return drawings of the cards as they will be afterwards, if the page shows any."""
        return []

    def run(self, selection: Selection) -> Report | None:
        """Change the cards in one transaction; None if this selection was confirmed before."""
        report, log = Report(), router.db_for_write(LogEntry)
        with (
            transaction.atomic(using=log),
            transaction.atomic(using=selection.using, savepoint=False),
        ):
            if not selection.confirm():
                return None
            for cards, missing in selection.read(self.read):
                report.miss(missing)
                self._run(cards, selection, report)
        return report

    def _run(self, cards: Sequence[LiveActivity], selection: Selection, report: Report) -> None:
        allowed, changed = [], []
        for card in cards:
            if self.may(self.model_admin, self.request, card):
                allowed.append(card)
            else:
                report.refuse(card, gettext("you have no permission for it"))
        with recorded_as(Source.ADMIN):
            for card, outcome in self.apply(allowed, selection):
                report.add(card, outcome)
                if isinstance(outcome, Result) and outcome.is_change:
                    changed.append(card)
        log_change(self.actor, changed, f"{self.log_message} {self.reason}")

    def read(self, using: str, ids: Sequence[int]) -> list[LiveActivity]:
        """Return the cards with these ids, as ``apply`` needs them, the newest first."""
        return read_cards(using, ids)

    def apply(self, cards: Sequence[LiveActivity], selection: Selection) -> Iterable[Outcome]:
        """Run the action on at most 1,000 cards; return a result or an error for each."""
        raise NotImplementedError


class EndCards(CardAction):
    """End the cards."""

    name = "end_selected"
    title = _("End live activities")
    text = _("These live activities will end on every phone, unless they have ended already:")
    button = _("End them")
    log_message = _("End requested.")
    makes_batch = True

    def __init__(
        self, model_admin: PermittedAdmin, request: HttpRequest, form: EndCardsForm
    ) -> None:
        super().__init__(model_admin, request, form)
        self._changes, self._options = form.changes, form.end_options

    @classmethod
    def form_for(cls, posted: Mapping[str, Any] | None) -> ReasonForm:
        """Return the form that asks how and when, and what the cards show then."""
        from .end_forms import EndCardsForm  # noqa: PLC0415 - loads pydantic

        return EndCardsForm(posted)

    @classmethod
    def preview(cls, cards: Sequence[LiveActivity], form: ReasonForm) -> list[SafeString]:
        """Return drawings of the cards as the form ends them; by default, as they would end now."""
        if not cards:
            return []
        changes: JSONObject = {}
        beside: OptionFields = {}
        seconds = None
        if form.is_bound:
            ending = cast("EndCardsForm", form)
            changes, beside, seconds = ending.changes, ending.options, ending.dismiss_seconds
        drawn = []
        rows = selectors.by_pks(cards[0]._state.db or "", [each.pk for each in cards])
        for card in rows:
            with suppress(ContentRequiredError):
                content, options = services.batch.sketch_of(card, changes, beside)
                drawn.append(lock_screen_at_end(card, content, options, seconds))
        return drawn

    def read(self, using: str, ids: Sequence[int]) -> list[LiveActivity]:
        """Return the cards with what the service needs."""
        return selectors.by_pks(using, ids)

    def apply(self, cards: Sequence[LiveActivity], selection: Selection) -> Iterator[Outcome]:
        """End the cards that have not ended."""
        ends = services.batch.end_cards(
            cards,
            changes=self._changes,
            batch=selection.batch,
            actor=self.actor,
            reason=self.reason,
            **self._options,
        )
        return ((end.card, outcome_of(end)) for end in ends)


class RetryOperations(CardAction):
    """Retry the cards' unfinished operations that are due."""

    name = "retry_selected"
    permission = "operate"
    title = _("Retry unfinished operations")
    text = _("The unfinished operations of these live activities will be tried again now:")
    button = _("Retry")
    log_message = _("Retry requested.")

    def apply(self, cards: Sequence[LiveActivity], selection: Selection) -> Iterator[Outcome]:  # noqa: ARG002
        for decision in services.batch.retry_cards(cards, actor=self.actor, reason=self.reason):
            yield _outcome(decision, Result.RETRYING)


class GiveUpOperations(CardAction):
    """Give up the cards' unfinished operations."""

    name = "give_up_selected"
    permission = "operate"
    title = _("Give up unfinished operations")
    text = _(
        "The unfinished operations of these live activities will never be sent. A card whose "
        "end is given up may stay on the phones, and is marked as needing attention:"
    )
    button = _("Give up")
    form = GiveUpForm
    log_message = _("Unfinished operations given up.")

    def apply(self, cards: Sequence[LiveActivity], selection: Selection) -> Iterator[Outcome]:  # noqa: ARG002
        for decision in services.batch.give_up_cards(cards, actor=self.actor, reason=self.reason):
            yield _outcome(decision, Result.GIVING_UP)


class ProbeAccounts(CardAction):
    """Let each account of the cards make its next call at once."""

    name = "probe_accounts"
    permission = "operate"
    title = _("Probe accounts")
    text = ngettext_lazy(
        "The account of these live activities makes its next call at once: %(accounts)s",
        "The accounts of these live activities make their next call at once: %(accounts)s",
        "count",
    )
    button = _("Probe")
    log_message = _("Probe of the account requested.")

    def __init__(self, model_admin: PermittedAdmin, request: HttpRequest, form: ReasonForm) -> None:
        super().__init__(model_admin, request, form)
        self._probed: dict[str, Result | InvalidInputError] = {}

    def apply(self, cards: Sequence[LiveActivity], selection: Selection) -> Iterator[Outcome]:  # noqa: ARG002
        """Probe each account once."""
        for card in cards:
            if card.account not in self._probed:
                self._probed[card.account] = self._probe(card.account)
            yield card, self._probed[card.account]

    def _probe(self, alias: str) -> Result | InvalidInputError:
        try:
            return probe_account(alias, self.actor, self.reason)
        except InvalidInputError as error:
            return error


def probe_account(alias: str, actor: User, reason: str = "") -> Result:
    """Let an account make its next call at once, unless it is open or a probe is pending."""
    account = conf.stand_in(alias)
    if is_open(account):
        return Result.NOTHING_TO_PROBE
    if waiting_actions(account.database, OperatorAction.Kind.PROBE).filter(account=alias).exists():
        return Result.PROBING_ALREADY
    with recorded_as(Source.ADMIN):
        services.probe_account(alias, actor=actor, reason=reason)
    return Result.PROBING


def waiting_actions(using: str, kind: str) -> QuerySet[OperatorAction, OperatorAction]:
    """Return the operator actions of a kind that no drain has applied."""
    return OperatorAction.objects.using(using).filter(kind=kind, applied_at=None)


def read_cards(using: str, ids: Sequence[int]) -> list[LiveActivity]:
    """Return the cards with these ids, the newest first."""
    return list(LiveActivity.objects.using(using).filter(pk__in=ids).order_by("-pk"))


ACTIONS: Mapping[str, type[CardAction]] = {
    action.name: action for action in (EndCards, RetryOperations, GiveUpOperations, ProbeAccounts)
}


def _outcome(decision: CardDecision, done: Result) -> Outcome:
    if decision.error is not None:
        return decision.card, decision.error
    if decision.decided:
        return decision.card, done
    if decision.asked:
        return decision.card, Result.ALREADY_ASKED
    return decision.card, Result.SCHEDULED if decision.scheduled else Result.NOTHING_UNFINISHED
