"""Permissions in the admin: Django's ``view``, and ``end`` and ``operate``, also for one card."""

# ruff: noqa: ARG002 - Django calls these methods by its own signatures

from typing import TYPE_CHECKING

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from django_liveactivity.models import LiveActivity
from django_liveactivity.models.activity import is_allowed

from .queryset import ACCOUNT, Cards, aliases_of, database_of, of_accounts

if TYPE_CHECKING:
    Base = admin.ModelAdmin[LiveActivity]
else:
    Base = admin.ModelAdmin


class PermittedAdmin(Base):
    """A ``ModelAdmin`` of cards whose users need a permission for all cards, or for one card.

    Cards cannot be added, changed or deleted here: services insert, delivery updates, and finished
    rows are pruned by age.
    """

    def not_found(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Return Django's response for the page of a row that does not exist."""
        answer: HttpResponse = self._get_obj_does_not_exist_redirect(  # type: ignore[attr-defined]
            request, self.opts, object_id
        )
        return answer

    def has_account_permission(
        self, request: HttpRequest, account: str, card: LiveActivity
    ) -> bool:
        """Return whether this user may use an account's cards; override it.

        By default every user may. It is required besides the permission, for each card that a user
        sees, ends or operates on, here and on the pages of your own models. The list asks it once
        for each account, and shows the cards of those that it allows.

        Args:
            request: of the user.
            account: the alias of the account.
            card: the card; an unsaved one stands for a card that is not known here.
        """
        return True

    def allowed_accounts(self, request: HttpRequest) -> list[str] | None:
        """Return the accounts that a page may list; None for all, as no method of yours confines.

        They are those of ``aliases_of``, and the one that the request names.
        """
        if type(self).has_account_permission is PermittedAdmin.has_account_permission:
            return None
        named = filter(None, [request.GET.get(ACCOUNT)])
        aliases = dict.fromkeys([*aliases_of(database_of(request)), *named])
        return [each for each in aliases if self._may_use_account(request, any_card_of(each))]

    def confined(self, request: HttpRequest, rows: Cards) -> Cards:
        """Return the rows of the accounts that a page may list."""
        return of_accounts(rows, self.allowed_accounts(request))

    def has_view_permission(self, request: HttpRequest, obj: LiveActivity | None = None) -> bool:
        if not self._may_use_account(request, obj):
            return False
        return super().has_view_permission(request, obj) or may(request, "view", obj)

    def has_end_permission(self, request: HttpRequest, obj: LiveActivity | None = None) -> bool:
        """Return whether this user may end cards, keep them and move their ends."""
        return self._may_use_account(request, obj) and may(request, "end", obj)

    def has_operate_permission(self, request: HttpRequest, obj: LiveActivity | None = None) -> bool:
        """Return whether this user may retry, give up, probe and acknowledge."""
        return self._may_use_account(request, obj) and may(request, "operate", obj)

    def _may_use_account(self, request: HttpRequest, card: LiveActivity | None) -> bool:
        return card is None or self.has_account_permission(request, card.account, card)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: LiveActivity | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: LiveActivity | None = None) -> bool:
        return False


def any_card_of(account: str) -> LiveActivity:
    """Return an unsaved card, which stands for each card of an account."""
    return LiveActivity(account=account)


def may(request: HttpRequest, verb: str, card: LiveActivity | None = None) -> bool:
    """Return whether the request's user has a permission, for all cards or for one."""
    return is_allowed(request.user, verb, card)


def may_on_site(
    site: admin.AdminSite, request: HttpRequest, verb: str, card: LiveActivity | None
) -> bool:
    """Return what ``may`` does, if the site's admin of cards also allows the account."""
    if card is not None and site.is_registered(LiveActivity):
        cards = site.get_model_admin(LiveActivity)
        if isinstance(cards, PermittedAdmin) and not cards.has_account_permission(
            request, card.account, card
        ):
            return False
    return may(request, verb, card)
