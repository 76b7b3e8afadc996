"""The page that ends one card: its final content, how long it stays, when it ends, and a preview.

Only the button "End live activity" ends the card; any other shows the page again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import messages
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext, gettext_lazy as _

from django_liveactivity import conf, selectors, services
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import LiveActivity, Operation, Source
from django_liveactivity.services.writer import Writer, recorded_as

from .accounts import why_ends_wait
from .actions import EndCards
from .display import describe, page_url, short_name
from .end_forms import EndForms
from .end_target import EndPhase, EndTarget, ends_since
from .form_errors import place_errors
from .form_page import PREVIEW, FormPage, FormToken, posted_fields
from .labels import TYPES, minute, outcome_words
from .permissions import PermittedAdmin
from .queryset import ACCOUNT, database_of, has_several_databases
from .results import Result, existing_result, log_change, result_messages

if TYPE_CHECKING:
    from django.contrib.auth.models import User

END = "end"
"""The value of the button that ends the card."""


def end(model_admin: PermittedAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
    """Ask how to end a card, show a preview, and end it."""
    newest = newest_operations([database_of(request)])
    card = _card(model_admin, request, object_id)
    if card is None:
        return model_admin.not_found(request, object_id)
    may_see = model_admin.has_view_permission(request, card)
    if not (may_see and model_admin.has_end_permission(request, card)):
        raise PermissionDenied
    return EndPage(model_admin, request, EndTarget.of(card), newest).respond(posted_fields(request))


def newest_operations(databases: Iterable[str]) -> dict[str, int]:
    """Return the newest operation of each database, 0 where there is none."""
    pks = {
        using: Operation.objects.using(using).order_by("-pk").values("pk") for using in databases
    }
    return {using: (rows.first() or {"pk": 0})["pk"] for using, rows in pks.items()}


class EndPage(FormPage):
    """The page for one card.

    Args:
        model_admin: the admin of live activities.
        request: asks for the page, or has its form.
        target: the card.
        newest: the newest operations, read before the card was.
    """

    template = "admin/django_liveactivity/liveactivity/end.html"
    title = _("End live activity")
    model_admin: PermittedAdmin
    other_forms: Sequence[forms.Form] = ()

    def __init__(
        self,
        model_admin: PermittedAdmin,
        request: HttpRequest,
        target: EndTarget,
        newest: Mapping[str, int],
    ) -> None:
        super().__init__(model_admin, request)
        self.target, self.newest = target, newest
        self.form_url = ""
        """The form's action; "" for the address of the page."""
        self.forms = EndForms(target, asked_type=request.GET.get("type", ""))
        self.token: FormToken | None = None
        self.since: Sequence[Operation] = ()

    def respond(self, posted: QueryDict | None) -> HttpResponse:
        """Answer the request; a draft from before a login is only shown again."""
        if posted is None:
            return self.render()
        self.fill(posted)
        if self.request.method != "POST":
            return self.render()
        if self.token is None:
            self._warn(gettext("This page was too old, so nothing has ended. Send it again."))
        elif posted.get("do") == END and self._is_valid():
            return self.submit()
        return self.render()

    def _is_valid(self) -> bool:
        return all(form.is_valid() for form in (*self.other_forms, *self.forms.all))

    def fill(self, posted: QueryDict) -> None:
        """Fill the forms with what was posted, and read the ends since the page was made."""
        self.token = FormToken.read(posted, self.request.user)
        sources = self.token.sources if self.token else None
        is_checked = posted.get("do") in (END, PREVIEW)
        self.forms = EndForms(self.target, posted, sources, is_checked=is_checked)
        if self.token is not None:
            newest = self.token.newest.get(self.target.database, 0)
            self.since = ends_since(self.target, newest)

    def submit(self) -> HttpResponse:
        """End the card, unless it was ended or kept since the page was made, but by this form."""
        try:
            if self.since and not self._made(self.since[-1]):
                self._warn(
                    gettext(
                        "Something has happened since this page was made, so nothing was sent. "
                        "Look at it, and send it again."
                    )
                )
                return self.render()
            end = self.since[-1] if self.since else self._end()
        except InvalidInputError as error:
            place_errors(error, self.forms.content, *self.forms.all, *self.other_forms)
            return self.render()
        self.report(self._messages(end))
        return HttpResponseRedirect(self._page_after(end.activity))

    def _made(self, end: Operation) -> bool:
        """Return whether this form, sent by the same user with the same values, made that end."""
        forms, default = self.forms, _default_stay(end.account)
        asked = (self.request.user.get_username(), forms.reason, forms.content.content)
        stands = (end.actor, end.reason, end.content)
        seconds = forms.how.dismiss_seconds
        stays = (None, default) if seconds is None else (seconds,)
        return (
            (end.kind, *stands, end.options) == (Operation.Kind.END, *asked, forms.content.options)
            and end.dismiss_seconds in stays
            and forms.how.is_due_as(end)
        )

    def _end(self) -> Operation:
        target, forms = self.target, self.forms
        user = cast("User", self.request.user)  # the admin admits no anonymous one
        with transaction.atomic(using=target.database), recorded_as(Source.ADMIN):
            end = services.end_activity(
                target.card,
                forms.content.content,
                stream_key=target.stream_key,
                activity_id=target.activity_id,
                account=target.account,
                actor=user,
                reason=forms.reason,
                **forms.options,
            )
            if self._is_new(end):
                log_change(user, [end.activity], f"{EndCards.log_message} {forms.reason}")
        return end

    def _is_new(self, end: Operation) -> bool:
        return end.pk > self.newest.get(self.target.database, 0)

    def _messages(self, end: Operation) -> Iterator[tuple[int, str]]:
        """Yield the messages about the end, each with its level."""
        card, is_new = end.activity, self._is_new(end)
        if end.is_scheduled and (is_new or self.since):
            text = gettext("%(card)s ends on %(due)s.")
            yield messages.SUCCESS, text % {"card": short_name(card), "due": minute(end.due_at)}
        else:
            yield from result_messages(card, Result.ENDING if is_new else existing_result(end))
        if is_new and not selectors.has_content(end):
            text = gettext(
                "This project has shown no live activity %(card)s. The vendor is asked to end it "
                "anyway; check the spelling."
            )
            yield messages.WARNING, text % {"card": short_name(card)}

    def _warn(self, text: str) -> None:
        messages.warning(self.request, text)

    def new_token(self) -> FormToken:
        """Return the form's token, with the newest operations and the form's sources."""
        return FormToken.of(self.request.user, self.newest, self.forms.sources)

    def context(self) -> dict[str, Any]:
        target, request = self.target, self.request
        return {
            **super().context(),
            "preserved_filters": self.model_admin.get_preserved_filters(request),
            "target": target,
            "card": target.card,
            "several_accounts": conf.has_several_accounts(),
            "type": TYPES.get(self.forms.content.shown.content_type, ""),
            "end_phase": target.state.phase.name,
            "end": target.state.end,
            "outcome": outcome_words(target.state.end.outcome) if target.state.end else "",
            "waits": self._waits(),
            "forms": self.forms,
            "preview": self._preview(),
            "since": self.since,
            "form_url": self.form_url,
            "again_url": self._again_url(),
            "may_operate": self.model_admin.has_operate_permission(request, target.card),
        }

    def _waits(self) -> str:
        account = conf.find_stand_in(self.target.account)
        is_ending = self.target.state.phase == EndPhase.ENDING
        return why_ends_wait(account) if account and is_ending else ""

    def _preview(self) -> dict[str, object] | None:
        """Return what the preview draws; None while a form has errors."""
        if self.forms.has_errors:
            return None
        content, options = self.forms.content.drawn
        seconds = self.forms.how.dismiss_seconds
        return {"content": content, "options": options, "dismiss_seconds": seconds}

    def _again_url(self) -> str:
        """Return the page that asks the vendor once more to end a card that has ended."""
        card = self.target.card
        if card is None or not card.stream_key:
            return ""
        asked = {"stream_key": card.stream_key, ACCOUNT: card.account, "type": card.type}
        return page_url(self.site, "end_any", query=urlencode(asked))

    def url_of(self, name: str, card: LiveActivity) -> str:
        """Return a page of a card, with the filters of the list that the user came from."""
        url = page_url(self.site, name, card.pk)
        filters = self.model_admin.get_preserved_filters(self.request)
        if not filters and has_several_databases():
            filters = urlencode({"_changelist_filters": urlencode({ACCOUNT: card.account})})
        return add_preserved_filters(
            {"preserved_filters": filters, "opts": self.model_admin.opts}, url
        )

    def _page_after(self, card: LiveActivity) -> str:
        """Return the page of a card, or the admin's first where the user may not see the card."""
        if self.model_admin.has_view_permission(self.request, card):
            return self.url_of("change", card)
        return reverse("admin:index", current_app=self.site.name)


def _default_stay(account: str) -> int | None:
    """Return for how many seconds the ended cards of an account stay if an end does not say so."""
    return Writer.for_account(account).backend.dismiss_seconds


def _card(model_admin: PermittedAdmin, request: HttpRequest, object_id: str) -> LiveActivity | None:
    rows = selectors.described(model_admin.get_queryset(request))
    try:
        card = rows.get(pk=LiveActivity._meta.pk.to_python(object_id))
    except (LiveActivity.DoesNotExist, ValidationError, ValueError):
        return None
    describe(model_admin.admin_site, request, [card])
    return card
