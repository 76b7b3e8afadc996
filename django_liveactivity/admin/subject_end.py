"""The page that ends the live activities of the host's objects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, gettext_lazy as _, ngettext

from django_liveactivity import services
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import LiveActivity, Source
from django_liveactivity.services.writer import recorded_as
from django_liveactivity.sketches import EndSketch, sketches_at_end

from .form_page import FormPage, is_confirmed, posted_fields
from .forms import EndForm
from .permissions import may_on_site
from .results import Report, Result, log_change
from .subject_cards import CardKey, ObjectToEnd, card_key, draw, shown_card

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MAX_OBJECTS = 500
"""Each is a form field, and Django takes 1,000 fields in a request."""
PREVIEWED = 20
"""How many cards the page draws, of those that the user may see; it names them all."""


class EndSubjectsPage(FormPage):
    """The page that asks before the live activities of objects end.

    Args:
        model_admin: of the objects.
        request: of the action or of the button.
        objects: whose cards end.
        **context: of the page.
    """

    template = "admin/django_liveactivity/host/end_confirmation.html"
    title = _("End live activities")

    def __init__(
        self,
        model_admin: admin.ModelAdmin[Any],
        request: HttpRequest,
        objects: Sequence[ObjectToEnd],
        **context: object,
    ) -> None:
        super().__init__(model_admin, request)
        self.objects, self._context = objects, context

    def respond(self) -> HttpResponse | None:
        """Return the page; None once the user has confirmed and the cards end."""
        if problem := _problem(self.objects):
            self.report([(messages.WARNING, problem)])
            return None
        confirmed, is_get = is_confirmed(self.request), self.request.method == "GET"
        self.form = EndForm(posted_fields(self.request) if confirmed or is_get else None)
        if not (confirmed and self.form.is_valid()):
            return self.render()
        self.report(self._end().messages())
        return None

    def _end(self) -> Report:
        """End the cards, and log it on their objects in the same transactions."""
        actor = cast("User", self.request.user)  # the admin admits no anonymous one
        cards = [card for each in self.objects for card in each.cards]
        forbidden = [card for each in self.objects for card in each.forbidden]
        run = EndRun(actor, self.form, {card.account for card in forbidden})
        with ExitStack() as stack:
            stack.enter_context(recorded_as(Source.ADMIN))
            for using in sorted({card.database for card in cards}):
                stack.enter_context(transaction.atomic(using=using))
            run.end(cards)
            run.log(self.objects)
        for card in forbidden:
            run.report.refuse(card, gettext("you may not end it"))
        return run.report

    def context(self) -> dict[str, Any]:
        site, request = self.site, self.request
        cards = [card for each in self.objects for card in each.cards]
        seen = [card for card in cards if may_on_site(site, request, "view", card)]
        drawings = draw(seen[:PREVIEWED], partial(sketches_at_end, end=EndSketch(options={})))
        rows = [
            (each, shown_card(site, request, card, sketch=drawings.get(card_key(card), "")))
            for each in self.objects
            for card in each.cards
        ]
        forbidden = sum(len(each.forbidden) for each in self.objects)
        own = {"rows": rows, "forbidden": forbidden, "form": self.form}
        return {**super().context(), **own, **self._context}


def _problem(objects: Sequence[ObjectToEnd]) -> str:
    """Return why there is nothing to confirm, or ""."""
    if not objects:
        return gettext("There is no live activity to end.")
    if not any(each.cards for each in objects):
        return gettext("You may not end these live activities.")
    if len(objects) <= MAX_OBJECTS:
        return ""
    text = ngettext(
        "At most %(count)d object with live activities can be chosen at once; select fewer.",
        "At most %(count)d objects with live activities can be chosen at once; select fewer.",
        MAX_OBJECTS,
    )
    return text % {"count": MAX_OBJECTS}


@dataclass
class EndRun:
    """Ends cards, and reports which ended and which were refused.

    Args:
        actor: the user who ends them.
        form: what the page asked, valid.
        confined: the accounts of cards that the user may not end.
    """

    actor: User
    form: EndForm
    confined: Collection[str]
    report: Report = field(default_factory=Report)
    ended: set[CardKey] = field(default_factory=set)

    def end(self, cards: Iterable[LiveActivity]) -> None:
        """End the cards: in a few queries for each account, unless a card of it is refused."""
        by_account: dict[str, list[LiveActivity]] = defaultdict(list)
        for card in cards:
            by_account[card.account].append(card)
        for alias, own in by_account.items():
            if alias in self.confined or not self._end_at_once(alias, own):
                self._end_each(own)

    @property
    def reason(self) -> str:
        """The reason, for the history."""
        reason: str = self.form.cleaned_data["reason"]
        return reason

    def _end_at_once(self, alias: str, cards: Sequence[LiveActivity]) -> bool:
        """End every card of the objects in an account; return False if one is refused."""
        subjects = {card.named_subject for card in cards}
        how = self.form.end_options
        try:
            services.end_activities(
                subject=subjects, account=alias, actor=self.actor, reason=self.reason, **how
            )
        except InvalidInputError:
            return False
        for card in cards:
            self._add(card)
        return True

    def _end_each(self, cards: Sequence[LiveActivity]) -> None:
        for card in cards:
            how = self.form.end_options
            try:
                services.end_activity(card, actor=self.actor, reason=self.reason, **how)
            except InvalidInputError as error:
                self.report.add(card, error)
            else:
                self._add(card)

    def _add(self, card: LiveActivity) -> None:
        self.report.add(card, Result.ENDING)
        self.ended.add(card_key(card))

    def log(self, objects: Sequence[ObjectToEnd]) -> None:
        """Write an entry in the admin's log for each object whose cards ended."""
        changed = [
            each.instance
            for each in objects
            if not self.ended.isdisjoint(map(card_key, each.cards))
        ]
        text = gettext("End of its live activities requested.")
        log_change(self.actor, changed, f"{text} {self.reason}")
