"""The page that ends the live activities of the host's objects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, gettext_lazy as _, ngettext

from django_liveactivity import selectors, services
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import Source
from django_liveactivity.services.writer import recorded_as
from django_liveactivity.sketches import EndSketch, sketches_at_end

from .form_errors import place_errors
from .form_page import FormPage, is_confirmed, posted_fields
from .forms import EndForm
from .permissions import may_on_site
from .results import Report, log_change, outcome_of
from .subject_cards import CardKey, ObjectToEnd, card_key, draw, shown_card

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from django_liveactivity.services.batch import CardEnd

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
        try:
            report = self._end()
        except InvalidInputError as error:
            place_errors(error, self.form)
            return self.render()
        self.report(report.messages())
        return None

    def _end(self) -> Report:
        """End the cards, and log it on their objects in the same transactions."""
        pks: dict[str, list[int]] = defaultdict(list)
        for each in self.objects:
            for card in each.cards:
                pks[card.database].append(card.pk)
        ends: list[CardEnd] = []
        with ExitStack() as stack:
            for using, own in sorted(pks.items()):
                stack.enter_context(transaction.atomic(using=using))
                ends += self._end_in(using, own)
            self._log({card_key(end.card) for end in ends if end.is_new})
        report = Report()
        for end in ends:
            report.add(end.card, outcome_of(end))
        for each in self.objects:
            for card in each.forbidden:
                report.refuse(card, gettext("you may not end it"))
        return report

    def _end_in(self, using: str, pks: Sequence[int]) -> list[CardEnd]:
        """End cards of one database, the oldest first."""
        with recorded_as(Source.ADMIN):
            return services.batch.end_cards(
                selectors.by_pks(using, pks)[::-1],
                actor=self.request.user,
                reason=self.form.cleaned_data["reason"],
                **self.form.end_options,
            )

    def _log(self, ended: Collection[CardKey]) -> None:
        """Write an entry in the admin's log for each object whose cards ended."""
        changed = [
            each.instance
            for each in self.objects
            if any(card_key(card) in ended for card in each.cards)
        ]
        actor = cast("User", self.request.user)  # the admin admits no anonymous one
        text = gettext("End of its live activities requested.")
        log_change(actor, changed, f"{text} {self.form.cleaned_data['reason']}")

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
