"""The list of cards: who may see it, what it tells, and that it costs the same for any number."""

from __future__ import annotations

import datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from django_liveactivity import Progress, SegmentedProgress, services
from django_liveactivity.models import KnownActivityId, LiveActivity, Operation, lane_digest
from django_liveactivity.selectors import EXPIRED_AFTER_MS
from django_liveactivity.testing import deliver
from tests.clock import advance
from tests.shop.models import Machine, Order

from .conftest import cards_in, names_in

pytestmark = pytest.mark.django_db


def show(key: str, **options) -> LiveActivity:
    return services.stream_activity(key, Progress(title=key, percentage=40), **options)


def cell(answer, name: str) -> str:
    return answer.content.decode().split(f'field-{name}">')[1].split("</td>")[0]


class TestWhoSeesIt:
    def test_a_stranger_is_sent_to_the_login(self):
        assert cards_in(Client()).status_code == 302

    def test_staff_without_a_permission_are_refused(self, enter):
        assert cards_in(enter()).status_code == 403

    def test_the_permission_to_end_alone_shows_nothing(self, enter):
        assert cards_in(enter("end")).status_code == 403

    def test_who_may_view_sees_the_cards(self, viewer):
        show("order-1")

        assert names_in(viewer) == {"order-1"}


class TestOddQueries:
    @pytest.mark.parametrize(
        "query",
        [
            {"p": "abc"},
            {"p": "99999999999999999999"},
            {"o": "abc"},
            {"e": "1"},
            {"status__exact": "nothing"},
            {"attention": "maybe"},
            {"account": "nobody"},
            {"account": "a\0b"},
            {"q": "a\0b"},
            {"q": "\ud800".encode("utf-16", "surrogatepass")},
            {"q": "x" * 10_000},
            {"_facets": "1"},
            {"_popup": "1"},
            {"_to_field": "id"},
        ],
    )
    def test_an_odd_address_is_answered(self, viewer, query):
        show("order-1")

        assert cards_in(viewer, **query).status_code in (200, 302, 400)

    @pytest.mark.parametrize("number", ["abc", "0", "9" * 30, "-1", "1.5"])
    def test_a_page_of_no_card_leads_to_the_index(self, viewer, number):
        url = reverse("admin:django_liveactivity_liveactivity_change", args=[number])

        assert viewer.get(url).status_code == 302

    def test_there_are_no_counts_that_read_the_whole_table(self, viewer):
        answer = cards_in(viewer, _facets="1")

        assert not answer.context["cl"].add_facets
        assert "Show counts" not in answer.content.decode()


class TestReadOnly:
    @pytest.mark.parametrize("page", ["add", "delete"])
    def test_a_superuser_finds_no_page_to_add_or_delete(self, admin_client, page):
        card = show("order-1")
        args = [card.pk] if page == "delete" else []
        url = reverse(f"admin:django_liveactivity_liveactivity_{page}", args=args)

        assert admin_client.get(url).status_code == 403
        assert admin_client.post(url, {"post": "yes"}).status_code == 403
        assert LiveActivity.objects.get() == card

    def test_a_superuser_finds_no_action_that_deletes(self, admin_client):
        show("order-1")

        choices = cards_in(admin_client).context["action_form"].fields["action"].choices

        offered = ["end_selected", "retry_selected", "give_up_selected", "probe_accounts"]
        assert [name for name, _ in choices if name] == offered

    def test_a_superuser_changes_nothing_by_posting_a_card(self, admin_client):
        card = show("order-1")
        url = reverse("admin:django_liveactivity_liveactivity_change", args=[card.pk])

        answer = admin_client.post(url, {"stream_key": "other", "status": "ended"})

        card.refresh_from_db()
        assert answer.status_code == 403
        assert (card.stream_key, card.status) == ("order-1", "pending")


class TestWhatItTells:
    def test_a_delivered_card_is_live(self, viewer):
        show("order-1")
        deliver()

        answer = cards_in(viewer)

        assert cell(answer, "shown_status") == "live"
        assert cell(answer, "newest_operation") == "stream: done (delivered)"

    def test_a_card_that_was_never_shown_has_not_ended(self, viewer, vendor):
        vendor.faults = "PUT:400@1"
        show("order-1")
        deliver()

        answer = cards_in(viewer)

        assert cell(answer, "shown_status") == "failed"
        assert cell(answer, "ended_on") == "-"

    def test_a_card_that_ios_has_removed_is_expired(self, viewer):
        show("order-1", time_to_live=None)
        deliver()
        advance(EXPIRED_AFTER_MS / 1000 + 1)

        assert cell(cards_in(viewer), "shown_status") == "expired"

    def test_an_old_card_whose_end_is_on_its_way_is_not_expired(self, viewer):
        card = show("order-1", time_to_live=None)
        deliver()
        advance(EXPIRED_AFTER_MS / 1000 + 1)
        services.end_activity(card)

        answer = cards_in(viewer)

        assert cell(answer, "shown_status") == "live"
        assert cell(answer, "newest_operation") == "end: pending"

    def test_an_end_for_later_tells_when_it_is_due(self, viewer):
        at = datetime.datetime(2031, 5, 6, 7, 8, 9, tzinfo=datetime.UTC)
        services.end_activity(show("order-1"), at=at)

        with timezone.override(datetime.UTC):
            answer = cards_in(viewer)

        assert cell(answer, "newest_operation") == "end: pending, due 2031-05-06 07:08:09"

    def test_an_end_for_later_that_is_due_by_now_tells_no_moment(self, viewer):
        services.end_activity(show("order-1"), after=datetime.timedelta(hours=3))
        advance(3 * 3600 + 1)

        assert cell(cards_in(viewer), "newest_operation") == "end: pending"

    def test_an_end_for_later_that_is_finished_tells_no_moment(self, viewer):
        end = services.end_activity(show("order-1"), after=datetime.timedelta(hours=3))
        Operation.objects.filter(pk=end.pk).update(state="given_up")

        assert cell(cards_in(viewer), "newest_operation") == "end: given up"

    def test_an_end_that_waits_for_an_operator_asks_for_attention(self, viewer):
        end = services.end_activity(show("order-1"))
        Operation.objects.filter(pk=end.pk).update(state="needs_operator", outcome="forbidden")

        answer = cards_in(viewer)

        assert cell(answer, "attention") == "<strong>needed</strong>"
        assert cell(answer, "newest_operation") == "end: needs operator (forbidden)"

    def test_a_long_key_is_cut(self, viewer):
        show("k" * 255)

        assert f">{'k' * 31}…</a>" in cards_in(viewer).content.decode()

    def test_the_column_of_the_account_appears_with_a_second_account(self, viewer, settings):
        show("order-1")
        assert "field-account" not in cards_in(viewer).content.decode()

        settings.LIVEACTIVITY = settings.LIVEACTIVITY | {"b": settings.LIVEACTIVITY["default"]}

        assert cell(cards_in(viewer), "account") == "default"

    def test_the_page_has_our_style_sheet(self, viewer):
        assert cards_in(viewer).content.decode().count("django_liveactivity/admin.css") == 1

    def test_the_page_has_no_inline_script_or_style_of_ours(self, viewer):
        show("order-1")

        page = cards_in(viewer).content.decode()

        assert "<style" not in page
        assert "style=" not in page


class TestSubject:
    def test_the_object_is_named(self, viewer):
        order = Order.objects.create()
        show("order-1", subject=order)

        assert cell(cards_in(viewer), "shown_subject") == f"Order {order.pk}"

    def test_an_object_of_this_admin_is_a_link_for_who_may_see_it(self, admin_client):
        user = User.objects.create_user("bo")
        show("user-1", subject=user)

        url = reverse("admin:auth_user_change", args=[user.pk])
        assert cell(cards_in(admin_client), "shown_subject") == f'<a href="{url}">bo</a>'

    def test_and_no_link_for_who_may_not(self, viewer):
        show("user-1", subject=User.objects.create_user("bo"))

        assert cell(cards_in(viewer), "shown_subject") == "bo"

    def test_a_deleted_object_is_named_by_its_key(self, viewer):
        order = Order.objects.create()
        show("order-1", subject=order)
        label = f"shop.Order {order.pk}"
        order.delete()

        assert cell(cards_in(viewer), "shown_subject") == f"{label} (not found)"

    def test_an_object_of_a_removed_app_is_named_by_its_key(self, viewer):
        show("order-1")
        LiveActivity.objects.update(subject_model="gone.Thing", subject_pk="7")

        assert cell(cards_in(viewer), "shown_subject") == "gone.Thing 7 (not found)"

    @pytest.mark.parametrize("who", ["viewer", "admin_client"])
    def test_markup_in_its_name_is_escaped(self, who, request):
        user = User.objects.create_user("<script>alert(1)</script>")
        show("user-1", subject=user)

        page = cards_in(request.getfixturevalue(who)).content.decode()

        assert "&lt;script&gt;alert(1)" in page
        assert "<script>alert(1)" not in page


class TestCost:
    def test_twenty_cards_cost_as_many_queries_as_one(
        self, viewer, django_assert_num_queries, django_assert_max_num_queries
    ):
        show("order-0", subject=Order.objects.create())
        cards_in(viewer)  # once, for what Django caches
        with django_assert_max_num_queries(9) as one:
            cards_in(viewer)
        for number in range(1, 20):
            show(f"order-{number}", subject=Order.objects.create())

        with django_assert_num_queries(len(one)):
            assert len(names_in(viewer)) == 20


class TestFilters:
    def test_by_status(self, viewer):
        show("order-1")
        deliver()
        show("order-2")

        assert names_in(viewer, status__exact="live") == {"order-1"}

    @pytest.mark.parametrize(
        ("value", "expected"),
        [("1", {"stuck", "marked"}), ("0", {"fine"}), ("x", {"stuck", "marked", "fine"})],
    )
    def test_by_attention(self, viewer, value, expected):
        show("fine")
        show("marked")
        LiveActivity.objects.filter(stream_key="marked").update(needs_attention=True)
        end = services.end_activity(show("stuck"))
        Operation.objects.filter(pk=end.pk).update(state="needs_operator")

        assert names_in(viewer, attention=value) == expected

    def test_by_account(self, viewer, settings):
        settings.LIVEACTIVITY = settings.LIVEACTIVITY | {"b": settings.LIVEACTIVITY["default"]}
        show("order-1")
        show("order-2", account="b")

        assert names_in(viewer) == {"order-1", "order-2"}
        assert names_in(viewer, account="b") == {"order-2"}


class TestSearch:
    @pytest.fixture(autouse=True)
    def _cards(self, db):
        show("order-1", subject=Order.objects.create(pk=4711))
        show("Order-1", subject=Machine(hostname="Web-1"))
        show("order-10", subject=Machine(hostname="web-1"))
        services.track_activity(
            "pLAr-Hnq9", SegmentedProgress(title="D", current_step=1, number_of_steps=2)
        )
        rotated = LiveActivity.objects.get(stream_key="order-10")
        KnownActivityId.objects.create(
            activity=rotated, account="default", id_digest=lane_digest(activity_id="old-id")
        )

    @pytest.mark.parametrize(
        ("term", "expected"),
        [
            ("order-1", {"order-1"}),
            ("Order-1", {"Order-1"}),
            (" order-10 ", {"order-10"}),
            ("pLAr-Hnq9", {"pLAr-Hnq9"}),
            ("old-id", {"order-10"}),
            ("4711", {"order-1"}),
            ("web-1", {"order-10"}),
            ("order", set()),
            ("%", set()),
            ("' OR 1=1 --", set()),
            ("';DROP TABLE django_liveactivity_liveactivity;--", set()),
            ("Ünïcode \N{PILE OF POO}", set()),
        ],
    )
    def test_takes_a_whole_name_byte_for_byte(self, viewer, term, expected):
        assert names_in(viewer, q=term) == expected

    def test_nothing_searched_for_is_everything(self, viewer):
        assert len(names_in(viewer, q="  ")) == 4

    def test_a_search_is_escaped_on_the_page(self, viewer):
        page = cards_in(viewer, q='"><script>alert(1)</script>').content.decode()

        assert "<script>alert(1)" not in page
