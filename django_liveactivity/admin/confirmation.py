"""The page that asks before an action changes the chosen cards: how many, which, how they end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext, ngettext, ngettext_lazy

from django_liveactivity import conf, services
from django_liveactivity.models import EndBatch, LiveActivity

from .cards import describe
from .content_labels import TYPES
from .drafts import TOKEN, FormToken
from .forms import ReasonForm
from .results import NAMED, Tally, gone_text
from .window import LIMIT
from .wording import number_text

if TYPE_CHECKING:
    from django.contrib import admin
    from django.utils.safestring import SafeString
    from django_stubs_ext import StrOrPromise

    ModelAdmin = admin.ModelAdmin[LiveActivity]

TEMPLATE = "admin/django_liveactivity/liveactivity/selected_confirmation.html"
MAX_CARDS = 500
"""How many as form fields: Django takes 1,000 of them in a request."""
MOST_CHOSEN = LIMIT
"""How many at once, as many as a list has."""
AT_ONCE = 1_000
"""How many are read, and written, in one statement."""
SKETCHED = 4
"""How many are drawn: as many as a phone shows."""
PREVIEW = "preview"
"""The value of the button that only shows the page again."""


class ConfirmedAction:
    """An action that a page asks about first.

    Attributes:
        name: the name of the action to confirm.
        permission: what it asks for, as in ``has_end_permission``.
        title: the heading.
        text: what will happen to the cards that are listed below; it may have the names
            ``accounts`` and ``count``, the number of accounts.
        button: the label of the button that confirms.
        form: what else the page asks.
        makes_batch: whether the ends of several cards are shown as a batch afterwards.
    """

    name: str
    permission: str = "end"
    title: StrOrPromise
    text: StrOrPromise
    button: StrOrPromise
    form: type[ReasonForm] = ReasonForm
    makes_batch: bool = False

    @classmethod
    def may(
        cls, model_admin: ModelAdmin, request: HttpRequest, card: LiveActivity | None = None
    ) -> bool:
        """Tell whether this user may do it, or do it to a card."""
        return bool(getattr(model_admin, f"has_{cls.permission}_permission")(request, card))

    @classmethod
    def form_for(cls, posted: Mapping[str, Any] | None) -> ReasonForm:
        """Return the form with what was posted."""
        return cls.form(posted)

    @classmethod
    def preview(cls, cards: Sequence[LiveActivity], form: ReasonForm) -> list[SafeString]:  # noqa: ARG003
        """Return drawings of cards as they will be, if that is to be seen."""
        return []


@dataclass(frozen=True)
class Choice:
    """The cards that were chosen.

    Args:
        using: their database.
        ids: their primary keys, in ascending order.
        batch: the row that carries them, if there is one.
    """

    using: str
    ids: Sequence[int]
    batch: EndBatch | None = None

    def confirm(self) -> bool:
        """Note that the choice is confirmed; False if it was before."""
        return self.batch is None or services.batch.confirm_batch(self.batch)

    def read(
        self, read: Callable[[str, Sequence[int]], list[LiveActivity]]
    ) -> Iterator[tuple[list[LiveActivity], int]]:
        """Yield the cards, the newest first and 1,000 at a time, and how many are gone."""
        newest_first = self.ids[::-1]
        for start in range(0, len(newest_first), AT_ONCE):
            some = newest_first[start : start + AT_ONCE]
            cards = read(self.using, some)
            yield cards, len(some) - len(cards)


@dataclass
class Summary:
    """What the page says of the chosen cards.

    Args:
        statuses: how many cards have each status.
        types: how many are of each type.
        accounts: how many are of each account.
        first: the first 20 ids, to be named.
        forbidden: those that this user may not change.
        missing: how many are gone.
    """

    statuses: Counter[str] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    accounts: Counter[str] = field(default_factory=Counter)
    first: list[int] = field(default_factory=list)
    forbidden: Tally = field(default_factory=Tally)
    missing: int = 0

    @property
    def count(self) -> int:
        """How many cards the action is for."""
        return self.accounts.total()

    @property
    def more(self) -> int:
        """How many of them are not named."""
        return self.count - len(self.first)

    def add(self, card: LiveActivity) -> None:
        """Count a card that the action is for."""
        self.statuses[card.status] += 1
        self.types[card.type] += 1
        self.accounts[card.account] += 1
        if len(self.first) < NAMED:
            self.first.append(card.pk)

    def parts(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """Yield what the cards are: a heading, and what is how frequent."""
        yield gettext("Number"), [("", number_text(self.count))]
        yield gettext("Status"), _counted(self.statuses, dict(LiveActivity.Status.choices))
        yield gettext("Type"), _counted(self.types, TYPES)
        if conf.has_several_accounts():
            yield gettext("Account"), _counted(self.accounts, {})


def _counted(counts: Counter[str], names: Mapping[str, StrOrPromise]) -> list[tuple[str, str]]:
    """Return what is how frequent, by its name, the most frequent first."""
    unknown = gettext("unknown")
    return [
        (str(names.get(value) or value or unknown), number_text(count))
        for value, count in counts.most_common()
    ]


def summarize(
    model_admin: ModelAdmin, request: HttpRequest, action: type[ConfirmedAction], choice: Choice
) -> Summary:
    """Return what there is to say of chosen cards, in one query for each thousand."""
    summary = Summary()
    for cards, missing in choice.read(_plain_rows):
        summary.missing += missing
        for card in cards:
            if action.may(model_admin, request, card):
                summary.add(card)
            else:
                summary.forbidden.add(card)
    return summary


def _listed(summary: Summary) -> str:
    """Return the heading of the cards that are named."""
    if summary.more:
        return gettext("The newest %(count)d of them") % {"count": len(summary.first)}
    return ngettext("The live activity", "The live activities", summary.count)


def _notes(summary: Summary) -> Iterator[str]:
    """Yield which of the chosen cards are left out."""
    if summary.forbidden.count:
        text = ngettext_lazy(
            "You may not do this to %(count)d live activity, which is left out: %(names)s",
            "You may not do this to %(count)d live activities, which are left out: %(names)s",
            "count",
        )
        yield summary.forbidden.fill(text)
    if summary.missing:
        yield gone_text(summary.missing)


def _plain_rows(using: str, ids: Sequence[int]) -> list[LiveActivity]:
    return list(LiveActivity.objects.using(using).filter(pk__in=ids).order_by("-pk"))


def is_confirmed(request: HttpRequest) -> bool:
    """Tell whether the request comes from a confirmation page, by the button that confirms."""
    return "post" in request.POST and request.POST.get("do") != PREVIEW


def ask(
    model_admin: ModelAdmin,
    request: HttpRequest,
    action: type[ConfirmedAction],
    choice: Choice,
    form: ReasonForm,
    back_url: str,
) -> HttpResponse:
    """Return the page that shows the cards and asks."""
    site, empty = model_admin.admin_site, model_admin.get_empty_value_display()
    summary = summarize(model_admin, request, action, choice)
    accounts = sorted(summary.accounts)
    rows = model_admin.get_queryset(request).filter(pk__in=summary.first).order_by("-pk")
    described = describe(site, request, rows)
    can_be_drawn = not (form.is_bound and form.errors)
    context = {
        **site.each_context(request),
        "title": action.title,
        "subtitle": None,
        "opts": model_admin.opts,
        "media": model_admin.media,
        "form": form,
        "action": action.name,
        "button": action.button,
        "text": action.text % {"count": len(accounts), "accounts": ", ".join(accounts)},
        "summary": summary,
        "listed": _listed(summary),
        "more": gettext("and %(count)s more") % {"count": number_text(summary.more)},
        "notes": list(_notes(summary)),
        "cards": [(card, card.status_text, card.subject_text or empty) for card in described],
        "preview": action.preview(described[:SKETCHED], form) if can_be_drawn else [],
        "has_preview": action.makes_batch,
        "own_fields": getattr(form, "own_fields", form),
        "content_fields": getattr(form, "content_fields", ()),
        "ids": [] if choice.batch else choice.ids,
        "action_checkbox_name": ACTION_CHECKBOX_NAME,
        "token_name": TOKEN,
        "token": FormToken.of(request.user, {}, ()).sign(),
        "back_url": back_url,
    }
    request.current_app = site.name
    return TemplateResponse(request, TEMPLATE, context)
