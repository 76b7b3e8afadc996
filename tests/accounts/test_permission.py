"""The hook that limits users to accounts, in the admin and the endpoint."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.test import RequestFactory
from django.urls import path, reverse
from rest_framework.test import APIRequestFactory, force_authenticate

from django_liveactivity import Progress, selectors, services
from django_liveactivity.admin import LiveActivityAdmin
from django_liveactivity.admin.permissions import may_on_site
from django_liveactivity.api.views import LiveActivityViewSet
from django_liveactivity.models import (
    AccountState,
    EndBatch,
    LiveActivity,
    Operation,
    OperatorAction,
)
from tests.shop.models import Order

from .conftest import LOCMEM

pytestmark = pytest.mark.django_db


def own(user: User, account: str) -> bool:
    return user.username == account


class OwnCardsAdmin(LiveActivityAdmin):
    def has_account_permission(self, request, account, card):
        assert card.account == account
        return own(request.user, account)


class OwnViewSet(LiveActivityViewSet):
    asked: list[tuple[str, str, bool]] = []

    def has_account_permission(self, request, account, card):
        self.asked.append((account, card.stream_key, card.pk is not None))
        return own(request.user, account)


@pytest.fixture(autouse=True)
def _customers(source):
    OwnViewSet.asked.clear()
    for alias in ("acme", "bolt"):
        source.put(alias, BACKEND=LOCMEM)


@pytest.fixture
def user() -> User:
    """A user of acme's with every permission on cards."""
    user = User.objects.create_user("acme", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__endswith="_liveactivity"))
    return user


def show(account: str, subject: Order | None = None) -> LiveActivity:
    content = Progress(title="x", percentage=1)
    return services.stream_activity("k", content, account=account, subject=subject)


class TestAdmin:
    @pytest.mark.parametrize("verb", ["view", "end", "operate"])
    def test_only_cards_of_the_own_account(self, user, verb):
        request = RequestFactory().get("/")
        request.user = user
        cards = OwnCardsAdmin(LiveActivity, admin.site)
        asks = getattr(cards, f"has_{verb}_permission")
        assert asks(request)
        assert asks(request, show("acme"))
        assert not asks(request, show("bolt"))

    @pytest.mark.parametrize("verb", ["view", "end"])
    def test_pages_of_other_models_ask_the_same(self, user, verb):
        request = RequestFactory().get("/")
        request.user = user
        site = admin.AdminSite()
        assert may_on_site(site, request, verb, show("bolt"))  # no admin of cards there
        site.register(LiveActivity, OwnCardsAdmin)
        assert may_on_site(site, request, verb, show("acme"))
        assert not may_on_site(site, request, verb, show("bolt"))

    def test_by_default_every_account(self, user):
        request = RequestFactory().get("/")
        request.user = user
        assert LiveActivityAdmin(LiveActivity, admin.site).has_end_permission(request, show("bolt"))


class TestEndpoint:
    @pytest.fixture
    def post(self, user):
        def send(**body):
            request = APIRequestFactory().post("/", body, format="json")
            force_authenticate(request, user)
            return OwnViewSet.as_view({"post": "end"})(request).status_code

        return send

    def test_a_card_of_the_own_account(self, post):
        show("acme")
        assert post(account="acme", stream_key="k") == 202
        assert OwnViewSet.asked == [("acme", "k", False), ("acme", "k", True)]

    def test_another_s_is_refused_before_anything_is_looked_up(self, post):
        show("bolt")
        assert post(account="bolt", stream_key="k") == 404
        assert post(account="nobody", stream_key="k") == 404
        assert not Operation.objects.filter(kind="end").exists()

    def test_while_the_source_is_down_the_caller_is_told_to_come_back(self, post, source):
        source.error = OSError("down")
        assert post(account="acme", stream_key="k") == 503

    def test_if_one_card_is_refused_none_ends(self, post, monkeypatch):
        order = Order.objects.create()
        show("acme", subject=order)

        def not_the_row(self, request, account, card):
            return card.pk is None

        monkeypatch.setattr(OwnViewSet, "has_account_permission", not_the_row)
        assert post(account="acme", subject={"model": "shop.Order", "pk": str(order.pk)}) == 404
        assert not Operation.objects.filter(kind="end").exists()


class TestConfinedPages:
    """The pages of a site whose admin confines users to their accounts."""

    PAGE = "admin:django_liveactivity_liveactivity_"

    @pytest.fixture
    def cards(self, client, user, settings):
        """One card of each account, by alias; the client is acme's user."""
        site = admin.AdminSite()
        site.register(LiveActivity, OwnCardsAdmin)
        settings.ROOT_URLCONF = type("Urls", (), {"urlpatterns": [path("admin/", site.urls)]})
        client.force_login(user)
        cards = {alias: show(alias) for alias in ("acme", "bolt")}
        for alias in cards:
            from_account(alias)
        return cards

    @pytest.mark.parametrize("query", [{}, {"q": "k"}, {"state": "open"}, {"attention": "0"}])
    def test_the_list_has_the_own_cards_alone(self, client, cards, query):
        page = client.get(reverse(f"{self.PAGE}changelist"), query)
        assert [card.account for card in page.context["cl"].result_list] == ["acme"]
        assert b"bolt" not in page.content

    @pytest.mark.parametrize("query", [{"account": "bolt"}, {"account": "bolt", "q": "k"}])
    def test_another_account_cannot_be_chosen(self, client, cards, query):
        AccountState.objects.update(blocked_since=1)
        page = client.get(reverse(f"{self.PAGE}changelist"), query)
        assert "bolt" not in {card.account for card in page.context["cl"].result_list}
        assert [account.alias for account in page.context["troubled_accounts"]] == ["acme"]

    @pytest.mark.parametrize("several", [False, True])
    def test_an_action_takes_the_own_cards_alone(self, client, cards, several):
        chosen = [cards["bolt"].pk, *([cards["acme"].pk] if several else [])]
        body = {"action": "end_selected", "_selected_action": chosen}
        for fields in (body, {**body, "post": "yes"}):
            client.post(reverse(f"{self.PAGE}changelist"), fields)
        ends = Operation.objects.filter(kind="end").values_list("account", flat=True)
        assert list(ends) == (["acme"] if several else [])

    def test_a_batch_is_counted_for_the_own_cards(self, client, cards):
        batch = EndBatch.objects.insert(actor="x", created_at=0)
        services.batch.end_cards(
            selectors.by_pks("default", [card.pk for card in cards.values()]),
            batch=batch,
            actor="x",
        )
        progress = client.get(reverse(f"{self.PAGE}batch", args=[batch.pk])).json()
        assert progress["text"].startswith("0 of 1 ended")

    @pytest.mark.parametrize("account", ["acme", "bolt"])
    def test_an_account_is_probed_by_its_own_user(self, client, cards, account):
        AccountState.objects.update(blocked_since=1)
        answer = client.post(reverse(f"{self.PAGE}probe"), {"account": account})
        assert answer.status_code == (302 if account == "acme" else 403)
        assert OperatorAction.objects.count() == (account == "acme")

    def test_names_are_completed_from_the_own_cards(self, client, cards):
        request = RequestFactory().get("/")
        request.user = User.objects.get()
        cards_admin = OwnCardsAdmin(LiveActivity, admin.site)
        found, _ = cards_admin.get_search_results(request, cards_admin.get_queryset(request), "")
        assert [card.account for card in found] == ["acme"]


class TestPages:
    """The pages of the admin, for accounts that no setting names."""

    @pytest.fixture
    def client(self, client, user):
        client.force_login(user)
        return client

    def test_the_list_shows_and_filters_them(self, client, source):
        for account in ("acme", "bolt"):
            show(account)
            from_account(account)
        source.asked.clear()
        page = reverse("admin:django_liveactivity_liveactivity_changelist")
        listed = client.get(page)
        assert {card.account for card in listed.context["cl"].result_list} == {"acme", "bolt"}
        assert b"?account=bolt" in listed.content
        filtered = client.get(page, {"account": "bolt"}).context["cl"].result_list
        assert {card.account for card in filtered} == {"bolt"}
        assert not {"acme", "bolt"} & set(source.asked)

    def test_a_name_is_found(self, client):
        show("acme")
        from_account("acme")
        page = reverse("admin:django_liveactivity_liveactivity_changelist")
        assert len(client.get(page, {"q": "k"}).context["cl"].result_list) == 1

    def test_a_card_s_page_opens_without_its_account(self, client, source, later):
        card = show("acme")
        source.remove("acme")
        later()
        page = reverse("admin:django_liveactivity_liveactivity_change", args=[card.pk])
        assert client.get(page).status_code == 200

    def test_any_card_of_an_account_can_be_ended(self, client):
        from_account("acme")
        page = reverse("admin:django_liveactivity_liveactivity_end_any")
        answer = client.get(page, {"account": "acme", "stream_key": "elsewhere"})
        assert answer.status_code == 200


def from_account(alias: str) -> None:
    """Let the account be drained once, so that it has rows of its own."""
    from django_liveactivity.testing import deliver

    deliver(alias)
