"""The page that ends a card by its key or activity ID, even one that this project never showed."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.utils.translation import gettext, gettext_lazy as _

from django_liveactivity import conf, selectors
from django_liveactivity.content.parsing import check_activity_id, check_stream_key
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import LiveActivity

from .display import short_name
from .end_page import END, EndPage, newest_operations
from .end_target import EndPhase, EndTarget
from .form_errors import place_errors
from .form_page import posted_fields
from .permissions import PermittedAdmin, any_card_of
from .queryset import ACCOUNT, aliases_of, database_of

CHECKS: Mapping[str, Callable[[object], str]] = {
    "stream_key": check_stream_key,
    "activity_id": check_activity_id,
}
"""The names of a card, and what validates them."""


class NameForm(forms.Form):
    """A card's account, and its key or activity ID."""

    account = forms.ChoiceField(label=_("Account"))
    stream_key = forms.CharField(
        label=_("Stream key"),
        help_text=_("The key that the card was streamed with."),
        required=False,
    )
    activity_id = forms.CharField(
        label=_("Activity ID"),
        help_text=_("Or the ID that ActivitySmith gave the card when it was started."),
        required=False,
    )

    def __init__(self, data: Mapping[str, Any] | None, accounts: Sequence[str]) -> None:
        super().__init__(data)
        self.accounts = accounts
        if data is None:
            self.fields["stream_key"].widget.attrs["autofocus"] = True
        self.fields["account"].choices = [(alias, alias) for alias in accounts]  # type: ignore[attr-defined]
        if len(accounts) == 1:
            del self.fields["account"]

    def clean(self) -> dict[str, Any]:
        """Require exactly one name, and a valid one."""
        given = super().clean() or {}
        names = {name: given[name] for name in CHECKS if given.get(name)}
        if not names and not self.errors:
            self.add_error("stream_key", _("Give a stream key or an activity ID."))
        if len(names) > 1:
            self.add_error("activity_id", _("Give either a stream key or an activity ID."))
        for name, value in names.items():
            try:
                CHECKS[name](value)
            except InvalidInputError as error:
                place_errors(error, self)
        return given

    @property
    def target(self) -> EndTarget:
        """The card with this name; without a name if the form is not valid."""
        given = self.cleaned_data if self.is_valid() else {}
        account = given.get("account") or self.accounts[0]
        return EndTarget(account, **{name: given[name] for name in CHECKS if given.get(name)})


class EndByKeyPage(EndPage):
    """The page for a card that is not known here, or had already ended.

    Args:
        name: the form with its name.
        found: the card with this name that had ended.
    """

    template = "admin/django_liveactivity/liveactivity/end_any.html"
    title = _("End a live activity by its key or activity ID")

    def __init__(self, *args: Any, name: NameForm, found: LiveActivity | None) -> None:
        super().__init__(*args)
        self.name, self.found = name, found
        self.other_forms = (name,)

    def context(self) -> dict[str, Any]:
        return {
            **super().context(),
            "name": self.name,
            "found": self.found,
            "is_named": self.name.is_valid(),
        }


def end_any(model_admin: PermittedAdmin, request: HttpRequest) -> HttpResponse:
    """Ask which card to end and how, show a preview, and end it."""
    may = partial(model_admin.has_end_permission, request)
    aliases = aliases_of(database_of(request))
    mine = [alias for alias in aliases if may(any_card_of(alias))]
    if not mine:
        raise PermissionDenied
    newest = newest_operations({conf.stand_in(alias).database for alias in mine})
    posted = posted_fields(request)
    name = NameForm(_named_by(request, mine) if posted is None else posted, mine)
    target = name.target
    found = _find(target) if name.is_valid() else None
    if not may(found or _unsaved(target)):
        raise PermissionDenied
    if found is not None and not model_admin.has_view_permission(request, found):
        found = None
    if found is not None:
        known = EndTarget.of(found)
        if known.state.phase != EndPhase.ENDED or not target.by_key:
            page = EndPage(model_admin, request, known, newest)
            return _end_known(page, found, posted)
    unknown = EndByKeyPage(model_admin, request, target, newest, name=name, found=found)
    return unknown.respond(posted)


def _named_by(request: HttpRequest, accounts: Sequence[str]) -> dict[str, str] | None:
    """Return the name in the query string, or None."""
    given = {name: request.GET[name] for name in (*CHECKS, ACCOUNT) if request.GET.get(name)}
    return {ACCOUNT: accounts[0], **given} if given.keys() & CHECKS.keys() else None


def _find(target: EndTarget) -> LiveActivity | None:
    account = conf.stand_in(target.account)
    if target.stream_key:
        return selectors.newest_by_stream_key(account, target.stream_key)
    return selectors.newest_by_activity_id(account, target.activity_id or "")


def _unsaved(target: EndTarget) -> LiveActivity:
    names = {"stream_key": target.stream_key or "", "activity_id": target.activity_id or ""}
    return LiveActivity(account=target.account, **names)


def _end_known(page: EndPage, card: LiveActivity, posted: QueryDict | None) -> HttpResponse:
    """End a card that is known here, or continue at its own page."""
    page.form_url = page.url_of("end", card)
    if posted is None:
        return HttpResponseRedirect(page.form_url)
    page.fill(posted)
    if posted.get("do") == END and (page.since or not page.forms.says_content):
        return page.respond(posted)
    if page.target.state.phase == EndPhase.ENDED:
        return page.render()
    text = gettext(
        "%(card)s is known here: what it shows is filled in. Look at it, and send it again."
    )
    messages.info(page.request, text % {"card": short_name(card)})
    page.forms = page.forms.prefilled()
    return page.render()
