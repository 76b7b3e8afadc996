"""The list of the host's objects: the states of their cards, and an action that ends them."""

from __future__ import annotations

import pickle

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.urls import reverse

from django_liveactivity import Progress, services
from django_liveactivity.delivery import sweep
from django_liveactivity.models import LiveActivity, Operation
from django_liveactivity.testing import deliver
from tests.clock import advance
from tests.reads import values_at_once
from tests.shop.models import ExpressOrder, Machine, Order, Parcel, UrgentOrder

from .conftest import ends, messages_of
from .subject_pages import select, shop_client, show, url_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def worker(db: None) -> None:
    sweep(lambda _: None)


@pytest.fixture
def clerk(db: None) -> Client:
    """A user who may look at orders, and at nothing else."""
    return shop_client("view_order", "view_parcel", "view_machine", name="clerk")


@pytest.fixture
def operator(db: None) -> Client:
    return shop_client(
        "view_order",
        "view_parcel",
        "view_machine",
        "view_expressorder",
        "view_urgentorder",
        "view_liveactivity",
        "end_liveactivity",
    )


def column(client: Client, model=Order) -> list[str]:
    """Return the cells of the column, from the first row on."""
    answer = client.get(url_of("changelist", model))
    page = answer.content.decode()
    return [cell.split("</td>")[0] for cell in page.split('field-live_activities">')[1:]]


class TestColumn:
    def test_an_object_without_cards_has_an_empty_cell(self, clerk):
        Order.objects.create()

        assert column(clerk) == ["-"]

    def test_the_state_of_a_card_is_a_word(self, clerk):
        show(Order.objects.create())

        assert column(clerk) == [
            '<span class="liveactivity-state liveactivity-pending">pending</span>'
        ]

    def test_each_card_that_may_be_on_a_phone_is_there(self, clerk):
        order = Order.objects.create()
        show(order, "one")
        deliver()
        show(order, "two")

        (cell,) = column(clerk)

        assert cell.index(">live<") < cell.index(">pending<")

    def test_a_card_that_has_ended_is_not(self, clerk):
        services.end_activity(show(Order.objects.create()))
        deliver()

        assert column(clerk) == ["-"]

    def test_a_card_whose_end_is_due_is_ending(self, clerk):
        card = show(Order.objects.create())
        deliver()
        services.end_activity(card)

        assert ">ending<" in column(clerk)[0]

    def test_a_card_that_ios_has_removed_by_now_is_expired(self, clerk):
        show(Order.objects.create(), time_to_live=None)
        deliver()
        advance(13 * 3600)

        assert ">expired<" in column(clerk)[0]

    def test_a_card_that_needs_attention_stays_although_it_has_ended(self, clerk):
        services.end_activity(show(Order.objects.create()))
        deliver()
        LiveActivity.objects.update(needs_attention=True)

        assert ">ended<" in column(clerk)[0]
        assert ">needs attention<" in column(clerk)[0]

    def test_who_may_see_the_card_finds_it_by_a_link(self, operator):
        card = show(Order.objects.create())

        url = reverse("admin:django_liveactivity_liveactivity_change", args=[card.pk])
        assert column(operator)[0].startswith(f'<a href="{url}">')

    @pytest.mark.parametrize("model", [Parcel, ExpressOrder, UrgentOrder])
    def test_of_uuids_children_and_proxies_too(self, operator, model):
        show(model.objects.create())

        assert ">pending<" in column(operator, model)[0]

    def test_the_card_of_a_child_is_that_of_its_parent(self, operator):
        show(ExpressOrder.objects.create())

        assert ">pending<" in column(operator, Order)[0]

    def test_of_text_keys_byte_for_byte(self, operator):
        Machine.objects.create(hostname="web-1")
        machine = Machine(hostname="Web-1")
        show(machine)

        assert column(operator, Machine) == ["-"]

    def test_an_object_whose_key_is_too_long_for_cards_has_none(self, operator):
        Machine.objects.create(hostname="m" * 300)

        assert column(operator, Machine) == ["-"]

    def test_one_query_for_the_page_however_many_rows(self, clerk, django_assert_num_queries):
        Order.objects.create()
        clerk.get(url_of("changelist", Order))
        show(Order.objects.create(), "first")
        without_column = 7  # session, user, his and his groups' permissions, two counts, the rows

        with django_assert_num_queries(without_column + 1):
            column(clerk)
        for number in range(20):
            show(Order.objects.create(), f"card-{number}")
        with django_assert_num_queries(without_column + 1):
            column(clerk)

    def test_no_query_for_an_empty_page(self, clerk, django_assert_num_queries):
        with django_assert_num_queries(7):
            column(clerk)

    def test_an_object_of_the_list_can_be_copied_and_pickled(self, clerk):
        show(Order.objects.create())
        (order,) = clerk.get(url_of("changelist", Order)).context["cl"].result_list

        copied = pickle.loads(pickle.dumps(order))

        assert ">pending<" in admin.site.get_model_admin(Order).live_activities(copied)

    def test_asked_for_a_single_object_it_reads_that_one(self):
        order = Order.objects.create()
        show(order)

        cell = admin.site.get_model_admin(Order).live_activities(order)

        assert cell == '<span class="liveactivity-state liveactivity-pending">pending</span>'


class TestAction:
    def test_who_may_end_is_offered_it_beside_the_others(self, operator):
        Order.objects.create()

        page = operator.get(url_of("changelist", Order)).content.decode()

        assert '<option value="end_live_activities">End live activities</option>' in page

    def test_who_may_not_end_is_not_offered_it_and_ends_nothing_by_posting(self, clerk):
        order = Order.objects.create()
        show(order)

        assert not clerk.get(url_of("changelist", Order)).context["action_form"]
        select(clerk, order, post="yes")
        assert not ends().exists()

    def test_a_popup_does_not_offer_it(self, operator):
        Order.objects.create()

        answer = operator.get(url_of("changelist", Order), {"_popup": 1})

        assert not answer.context["action_form"]

    def test_first_it_asks_and_shows_which_cards(self, operator):
        order, other = Order.objects.create(), Order.objects.create()
        show(order, "one")
        show(other, "two")

        page = select(operator, order).content.decode()

        assert "Title of one" in page
        assert str(order) in page
        assert "Title of two" not in page
        assert f'name="_selected_action" value="{order.pk}"' in page
        assert 'name="action" value="end_live_activities"' in page
        assert not ends().exists()

    def test_confirmed_it_ends_every_card_of_the_objects_and_no_other(self, operator):
        orders = [Order.objects.create() for _ in range(3)]
        for number, order in enumerate(orders):
            show(order, f"card-{number}")
        show(orders[0], "card-of-0-too")
        show(None, "of-nothing")

        answer = select(operator, *orders[:2], post="yes", reason="Wrong door")

        assert {end.activity.stream_key for end in ends()} == {"card-0", "card-of-0-too", "card-1"}
        assert {(e.source, e.actor, e.reason) for e in ends()} == {("admin", "ada", "Wrong door")}
        ((level, text),) = messages_of(answer)
        assert level == "success"
        assert text.startswith("Ending 3 live activities: ")

    def test_it_leads_back_to_the_list_with_its_filters(self, operator):
        order = Order.objects.create()
        show(order)
        url = url_of("changelist", Order) + "?q=&p=0"
        chosen = {"action": "end_live_activities", "_selected_action": order.pk, "post": "yes"}

        assert operator.post(url, chosen).url == url

    def test_the_answers_of_the_form_are_in_the_ends(self, operator):
        order = Order.objects.create()
        show(order)

        select(operator, order, post="yes", dismissal="at_once", when="after", after_minutes=5)

        end = ends().get()
        assert end.dismiss_seconds == 0
        assert end.is_scheduled

    def test_wrong_answers_are_asked_for_again(self, operator):
        order = Order.objects.create()
        show(order)

        answer = select(operator, order, post="yes", when="at")

        assert "at" in answer.context["form"].errors
        assert not ends().exists()

    def test_a_time_that_no_end_can_have_is_refused_beside_its_field(self, operator):
        order = Order.objects.create()
        show(order)

        answer = select(operator, order, post="yes", when="at", at="9999-06-01T12:00")

        assert "at" in answer.context["form"].errors
        assert not ends().exists()

    def test_a_card_that_ends_meanwhile_is_reported_and_not_logged(self, operator, monkeypatch):
        order = Order.objects.create()
        card = show(order)

        def end_first(request, asked=None):
            if asked is not None:
                services.end_activity(card)
            return True

        model_admin = admin.site.get_model_admin(Order)
        monkeypatch.setattr(model_admin, "has_end_liveactivity_permission", end_first)
        answer = select(operator, order, post="yes")

        assert messages_of(answer) == [("info", "1 live activity was already ending: card-1")]
        assert ends().count() == 1
        assert not LogEntry.objects.exists()

    def test_objects_without_open_cards_are_told_so(self, operator):
        order = Order.objects.create()
        services.end_activity(show(order))

        answer = select(operator, order)

        assert messages_of(answer) == [("warning", "There is no live activity to end.")]

    def test_confirmed_twice_it_ends_once(self, operator):
        order = Order.objects.create()
        show(order)

        select(operator, order, post="yes")
        answer = select(operator, order, post="yes")

        assert ends().count() == 1
        assert messages_of(answer) == [("warning", "There is no live activity to end.")]

    def test_of_all_objects_across_pages_those_with_cards_are_asked_for(self, operator):
        orders = [Order.objects.create() for _ in range(5)]
        show(orders[1])

        page = select(operator, orders[0], select_across="1").content.decode()

        assert page.count('name="_selected_action"') == 1
        assert f'name="_selected_action" value="{orders[1].pk}"' in page

    def test_too_many_objects_with_cards_are_refused(self, operator, monkeypatch):
        monkeypatch.setattr("django_liveactivity.admin.subject_end.MAX_OBJECTS", 1)
        orders = [Order.objects.create() for _ in range(2)]
        for number, order in enumerate(orders):
            show(order, f"card-{number}")

        answer = select(operator, *orders)

        expected = "At most 1 object with live activities can be chosen at once; select fewer."
        assert messages_of(answer) == [("warning", expected)]

    def test_confirmed_objects_are_looked_up_500_at_once(self, operator, settings):
        settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = None
        order = Order.objects.create()
        show(order)
        chosen = {
            "action": "end_live_activities",
            "_selected_action": [order.pk, *range(10**6, 10**6 + 1_200)],
            "post": "yes",
        }

        url = url_of("changelist", Order)
        assert values_at_once(lambda: operator.post(url, chosen)) < 600

        assert ends().count() == 1

    def test_a_card_that_cannot_end_so_is_reported_and_stops_no_other(self, operator):
        order = Order.objects.create()
        unknown = services.track_activity(
            "pLAr-1", Progress(title="Deploy", percentage=1), subject=order
        )
        Operation.objects.filter(activity=unknown).update(state="failed")
        show(order)

        answer = select(operator, order, post="yes")

        (_, ending), (level, refused) = messages_of(answer)
        assert ending == "Ending 1 live activity: card-1"
        assert level == "warning"
        assert refused.startswith("Nothing was done to 1 live activity: pLAr-1")

    def test_the_history_of_each_object_tells_of_it(self, operator):
        orders = [Order.objects.create() for _ in range(3)]
        for number, order in enumerate(orders[:2]):
            show(order, f"card-{number}")

        select(operator, *orders, post="yes", reason="Wrong door")

        entries = LogEntry.objects.order_by("object_id")
        assert [entry.get_edited_object() for entry in entries] == orders[:2]
        assert {entry.get_change_message() for entry in entries} == {
            "End of its live activities requested. Wrong door"
        }
        assert {entry.content_type for entry in entries} == {
            ContentType.objects.get_for_model(Order)
        }

    def test_nothing_ends_if_the_log_cannot_be_written(self, operator, monkeypatch):
        order = Order.objects.create()
        show(order)

        def fail(*args, **kwargs):
            raise RuntimeError("no log")

        monkeypatch.setattr(LogEntry.objects, "log_actions", fail)

        with pytest.raises(RuntimeError):
            select(operator, order, post="yes")

        assert not ends().exists()

    @pytest.mark.parametrize(("objects", "queries"), [(1, 16), (2, 16), (20, 16)])
    def test_its_queries_do_not_grow_with_the_objects(
        self, operator, objects, queries, django_assert_num_queries
    ):
        orders = [Order.objects.create() for _ in range(objects)]
        for number, order in enumerate(orders):
            show(order, f"card-{number}")
        chosen = {
            "action": "end_live_activities",
            "_selected_action": [order.pk for order in orders],
            "post": "yes",
        }
        ContentType.objects.get_for_model(Order)

        with django_assert_num_queries(queries):
            operator.post(url_of("changelist", Order), chosen)

        assert ends().count() == objects

    @pytest.mark.parametrize("model", [Parcel, UrgentOrder, ExpressOrder])
    def test_of_uuids_children_and_proxies(self, operator, model):
        instance = model.objects.create()
        show(instance)

        select(operator, instance, model=model, post="yes")

        assert ends().count() == 1

    def test_of_text_keys_byte_for_byte(self, operator):
        machine = Machine.objects.create(hostname="web-1")
        show(machine, "lower")
        show(Machine(hostname="Web-1"), "upper")

        select(operator, machine, model=Machine, post="yes")

        assert ends().get().activity.stream_key == "lower"

    def test_a_post_without_the_csrf_token_ends_nothing(self, operator):
        order = Order.objects.create()
        show(order)
        strict = Client(enforce_csrf_checks=True)
        strict.cookies = operator.cookies

        assert select(strict, order, post="yes").status_code == 403
        assert not ends().exists()
