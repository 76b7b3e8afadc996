"""The page of a host's object: its cards, and a button that ends them."""

from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Permission, User
from django.core import checks
from django.test import Client
from django.urls import reverse

from django_liveactivity import Action, services
from django_liveactivity.admin import LiveActivitiesInline
from django_liveactivity.delivery import sweep
from django_liveactivity.testing import deliver
from tests.shop.models import Customer, ExpressOrder, Machine, Order, Parcel, UrgentOrder

from .conftest import ends, messages_of
from .subject_pages import press, shop_client, show, url_of

pytestmark = pytest.mark.django_db
BUTTON = ">End live activities</a>"


@pytest.fixture(autouse=True)
def worker(db: None) -> None:
    sweep(lambda _: None)


@pytest.fixture
def clerk(db: None) -> Client:
    """A user who may look at orders, and at nothing else."""
    return shop_client("view_order", name="clerk")


@pytest.fixture
def operator(db: None) -> Client:
    """A user who may look at objects and cards, and end cards."""
    return shop_client(
        *(f"view_{name}" for name in ("order", "parcel", "machine", "expressorder", "urgentorder")),
        "view_liveactivity",
        "end_liveactivity",
    )


@pytest.fixture
def editor(db: None) -> Client:
    """A user who may change, add and delete orders, and end cards."""
    verbs = ("view", "add", "change", "delete")
    return shop_client(*(f"{verb}_order" for verb in verbs), "end_liveactivity", name="eve")


@pytest.fixture
def order(db: None) -> Order:
    return Order.objects.create()


def page_of(client: Client, instance, **query) -> str:
    return client.get(url_of("change", instance), query).content.decode()


class MayEndMine:
    """An authentication backend with permissions for single objects."""

    def authenticate(self, request, **credentials):
        return None

    def has_perm(self, user, permission, obj=None):
        is_mine = str(obj).startswith("mine")
        return permission == "django_liveactivity.end_liveactivity" and is_mine


@pytest.fixture
def confined(settings, db) -> Client:
    """A user who may end the cards of some keys only."""
    model_backend = "django.contrib.auth.backends.ModelBackend"
    settings.AUTHENTICATION_BACKENDS = [model_backend, f"{__name__}.MayEndMine"]
    user = User.objects.create_user("mia", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_order"))
    client = Client()
    client.force_login(user, model_backend)
    return client


class TestCards:
    def test_an_object_s_cards_are_on_its_page(self, clerk, order):
        show(order, "one")
        show(Order.objects.create(), "two")

        page = page_of(clerk, order)

        assert "Title of one" in page
        assert ">pending<" in page
        assert "Title of two" not in page

    def test_a_card_that_lives_is_drawn_and_one_that_is_over_only_listed(self, operator, order):
        services.end_activity(show(order, "ended"))
        deliver()
        show(order, "lives")

        page = page_of(operator, order)

        assert page.count("lockscreen-card") == 1
        assert page.index("Title of lives") < page.index("Title of ended")

    def test_who_may_not_see_cards_sees_no_more_than_their_titles_and_states(self, clerk, order):
        button = Action(title="Log", type="open_url", url="https://ci.example/secret")
        show(order, action=button)

        page = page_of(clerk, order)

        assert "Title of card-1" in page
        assert ">pending<" in page
        assert "lockscreen-card" not in page
        assert "ci.example" not in page
        assert "about to" not in page

    def test_a_sentence_says_why_a_card_is_as_it_is(self, operator, order):
        services.end_activity(show(order))

        assert "The end has been due for" in page_of(operator, order)

    def test_an_object_without_cards_says_so(self, clerk, order):
        assert "This object has no live activities." in page_of(clerk, order)

    def test_a_card_is_linked_for_who_may_see_its_page(self, operator, clerk, order):
        card = show(order)
        url = reverse("admin:django_liveactivity_liveactivity_change", args=[card.pk])

        assert f'<a href="{url}">' in page_of(operator, order)
        assert url not in page_of(clerk, order)

    def test_the_newest_ten_are_shown(self, clerk, order):
        for number in range(12):
            show(order, f"card-{number:02}")

        page = page_of(clerk, order)

        assert "Title of card-11" in page
        assert "Title of card-01" not in page
        assert "Only the newest 10 live activities are shown." in page

    def test_a_title_with_markup_is_escaped(self, clerk, order):
        show(order, "<script>alert(1)</script>".translate(str.maketrans("<>/()", "-----")))
        services.stream_activity(
            "x", {"title": "<script>alert(1)", "type": "progress", "percentage": 1}, subject=order
        )

        page = page_of(clerk, order)

        assert "&lt;script&gt;alert(1)" in page
        assert "<script>alert" not in page

    @pytest.mark.parametrize("model", [Parcel, ExpressOrder, UrgentOrder])
    def test_of_uuids_children_and_proxies(self, operator, model):
        instance = model.objects.create()
        show(instance)

        assert "Title of card-1" in page_of(operator, instance)

    def test_of_text_keys_byte_for_byte(self, operator):
        machine = Machine.objects.create(hostname="web-1/<b>")
        show(machine, "lower")
        show(Machine(hostname="Web-1/<b>"), "upper")

        page = page_of(operator, machine)

        assert "Title of lower" in page
        assert "Title of upper" not in page

    def test_the_page_that_adds_an_object_shows_none(self, editor):
        page = editor.get(url_of("add", Order)).content.decode()

        assert "live_activities" not in page
        assert BUTTON not in page

    @pytest.mark.parametrize(("cards", "queries"), [(0, 1), (1, 11), (10, 11)])
    def test_queries_do_not_grow_with_the_cards(
        self, operator, order, cards, queries, django_assert_num_queries
    ):
        """One query reads the cards, for the button too; the others, what they show and why."""
        of_django = 5  # session, user, his and his groups' permissions, the object
        for number in range(cards):
            show(order, f"card-{number}")

        with django_assert_num_queries(of_django + queries):
            page_of(operator, order)

    def test_there_is_no_inline_script_or_style(self, operator, order):
        show(order)

        page = page_of(operator, order)
        ours = page[page.index('id="live_activities-group"') :].split("</section>")[0]

        assert "<script" not in ours
        assert "style=" not in ours

    def test_the_checks_of_django_find_nothing(self):
        assert checks.run_checks(tags=["admin"]) == []
        model_admin = admin.site.get_model_admin(Order)
        assert LiveActivitiesInline in model_admin.inlines
        assert model_admin.check() == []


class TestSaving:
    """A page with the inline saves the host's object as one without it does."""

    @pytest.fixture
    def fields(self, db: None) -> dict[str, object]:
        customer = Customer.objects.create(email="cy@example.org")
        return {"status": "new", "progress": 7, "note": "Ring", "customer": customer.pk}

    def test_a_form_that_knows_nothing_of_the_cards_is_saved(self, editor, order, fields):
        show(order)

        answer = editor.post(url_of("change", order), fields)

        assert answer.status_code == 302
        order.refresh_from_db()
        assert order.progress == 7
        assert not ends().exists()

    def test_the_history_speaks_of_the_object_s_own_fields(self, editor, order, fields):
        show(order)

        editor.post(url_of("change", order), fields)

        assert LogEntry.objects.get().get_change_message() == "Changed Progress, Note and Customer."

    def test_a_mistake_is_shown_beside_the_cards(self, editor, order, fields):
        show(order)

        answer = editor.post(url_of("change", order), fields | {"progress": "x"})

        page = answer.content.decode()
        assert answer.context["errors"]
        assert "Please correct the error below." in page
        assert "Title of card-1" in page
        assert BUTTON in page

    def test_an_object_is_added(self, editor, fields):
        answer = editor.post(url_of("add", Order), fields)

        assert answer.status_code == 302
        assert Order.objects.get().progress == 7

    def test_an_object_is_saved_as_new_without_the_cards_of_the_old(
        self, editor, order, fields, monkeypatch
    ):
        monkeypatch.setattr(admin.site.get_model_admin(Order), "save_as", True)
        show(order)

        answer = editor.post(url_of("change", order), fields | {"_saveasnew": "1"})

        assert answer.status_code == 302
        new = Order.objects.exclude(pk=order.pk).get()
        assert "This object has no live activities." in page_of(editor, new)

    def test_an_object_is_deleted_and_its_cards_stay_in_the_list(self, editor, order):
        card = show(order)

        asked = editor.get(url_of("delete", order))
        answer = editor.post(url_of("delete", order), {"post": "yes"})

        assert "live activit" not in asked.content.decode().lower()
        assert answer.status_code == 302
        assert not Order.objects.exists()
        card.refresh_from_db()

    def test_objects_are_deleted_by_the_action(self, editor, order):
        show(order)
        chosen = {"action": "delete_selected", "_selected_action": [order.pk], "post": "yes"}

        editor.post(url_of("changelist", Order), chosen)

        assert not Order.objects.exists()


class TestButton:
    def test_who_may_end_a_card_finds_it_beside_history(self, operator, order):
        show(order)

        page = page_of(operator, order)

        url = re.escape(url_of("end_live_activities", order))
        assert re.search(rf'<ul class="object-tools">\s*<li><a [^>]*href="{url}"', page)
        assert 'class="historylink"' in page

    def test_without_a_card_to_end_there_is_none(self, operator, order):
        services.end_activity(show(order))

        assert BUTTON not in page_of(operator, order)

    def test_who_may_only_look_has_none_and_ends_nothing_by_posting(self, clerk, order):
        show(order)

        assert BUTTON not in page_of(clerk, order)
        answer = press(clerk, order)
        assert messages_of(answer) == [("warning", "You may not end these live activities.")]
        assert not ends().exists()

    def test_a_popup_has_none(self, operator, order):
        show(order)

        assert BUTTON not in page_of(operator, order, _popup=1)

    def test_it_asks_first(self, operator, order):
        show(order)

        answer = operator.get(url_of("end_live_activities", order))

        page = answer.content.decode()
        assert "Title of card-1" in page
        assert 'name="post" value="yes"' in page
        assert url_of("change", order) in page
        assert not ends().exists()

    def test_confirmed_it_ends_every_card_and_leads_back(self, operator, order):
        show(order, "one")
        show(order, "two")

        answer = press(operator, order, reason="Wrong door")

        assert {end.activity.stream_key for end in ends()} == {"one", "two"}
        assert answer.redirect_chain == [(url_of("change", order), 302)]
        assert [level for level, _ in messages_of(answer)] == ["success"]
        entry = LogEntry.objects.get()
        assert entry.get_edited_object() == order
        assert entry.get_change_message() == "End of its live activities requested. Wrong door"

    def test_pressed_twice_it_ends_once(self, operator, order):
        show(order)

        press(operator, order)
        answer = press(operator, order)

        assert ends().count() == 1
        assert messages_of(answer) == [("warning", "There is no live activity to end.")]

    def test_what_was_typed_is_there_again_after_a_login(self, operator, order):
        show(order)
        url = url_of("end_live_activities", order)
        token = operator.get(url).context["token"]
        typed = {"post": "yes", "reason": "Wrong door", "dismissal": "at_once", "token": token}
        operator.session.flush()

        asked = operator.post(url, typed)
        operator.force_login(User.objects.get(username="ada"))
        page = operator.get(url).content.decode()

        assert asked.url.startswith(reverse("admin:login"))
        assert 'value="Wrong door"' in page
        assert not ends().exists()

    def test_who_may_not_see_cards_is_shown_no_drawings(self, order):
        show(order)
        client = shop_client("view_order", "end_liveactivity", name="eli")

        page = client.get(url_of("end_live_activities", order)).content.decode()

        assert "Title of card-1" in page
        assert "lockscreen-card" not in page

    def test_it_keeps_the_filters_of_the_list(self, operator, order):
        show(order)
        query = {"_changelist_filters": "q=x"}
        url = url_of("end_live_activities", order)

        assert f"{url}?_changelist_filters=q%3Dx" in page_of(operator, order, **query)
        answer = operator.post(url + "?_changelist_filters=q%3Dx", {"post": "yes"})
        assert answer.url == url_of("change", order) + "?_changelist_filters=q%3Dx"

    @pytest.mark.parametrize("model", [Parcel, ExpressOrder, UrgentOrder])
    def test_of_uuids_children_and_proxies(self, operator, model):
        instance = model.objects.create()
        show(instance)

        assert BUTTON in page_of(operator, instance)
        press(operator, instance)
        assert ends().count() == 1

    def test_of_a_key_that_an_address_must_quote(self, operator):
        machine = Machine.objects.create(hostname="a/b_c?d#e")
        show(machine)

        page = operator.get(reverse("admin:shop_machine_change", args=[quote(machine.pk)]))
        url = re.search(r'class="liveactivity-tool" href="([^"]+)"', page.content.decode())

        assert messages_of(operator.post(url.group(1), {"post": "yes"}, follow=True))
        assert ends().count() == 1

    def test_an_object_that_is_gone_is_not_found(self, operator, order):
        url = url_of("end_live_activities", order)
        order.delete()

        assert operator.get(url).status_code == 404

    def test_who_may_not_see_the_object_may_not_end_its_cards(self, order):
        stranger = shop_client("end_liveactivity", name="sam")
        show(order)

        assert press(stranger, order).status_code == 403
        assert not ends().exists()

    def test_a_visitor_is_asked_to_log_in(self, order):
        show(order)

        answer = Client().get(url_of("end_live_activities", order))

        assert answer.url.startswith(reverse("admin:login"))


class TestPermissionsOfSingleCards:
    def test_the_button_is_there_for_a_card_that_the_user_may_end(self, confined, order):
        show(order, "theirs")
        assert BUTTON not in page_of(confined, order)

        show(order, "mine")
        assert BUTTON in page_of(confined, order)

    def test_only_those_cards_end(self, confined, order):
        show(order, "theirs")
        show(order, "mine-1")
        show(order, "mine-2")

        asked = confined.get(url_of("end_live_activities", order)).content.decode()
        answer = press(confined, order)

        assert "Title of theirs" not in asked
        assert "You may not end 1 more live activity; it stays." in asked
        assert {end.activity.stream_key for end in ends()} == {"mine-1", "mine-2"}
        assert messages_of(answer)[1] == (
            "warning",
            "Nothing was done to 1 live activity: theirs (you may not end it)",
        )
