"""The list of cards: permissions, cells, and a cost that does not grow with the cards."""

from __future__ import annotations

import datetime
import html
import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from django_liveactivity import Progress, services
from django_liveactivity.delivery import sweep
from django_liveactivity.models import AccountState, LiveActivity, Now, Operation
from django_liveactivity.selectors import EXPIRED_AFTER_MS
from django_liveactivity.testing import deliver
from tests.clock import advance
from tests.shop.models import Order

from .conftest import cards_in, names_in

pytestmark = pytest.mark.django_db


def show(key: str, title: str = "Order 42", **options) -> LiveActivity:
    return services.stream_activity(key, Progress(title=title, percentage=40), **options)


def cell(answer, name: str) -> str:
    """The markup of a cell of the first row, after the name of its column."""
    after = re.split(f'class="field-{name}[^>]*>', answer.content.decode())[1]
    return re.split("</t[dh]>", after)[0]


def said(answer, name: str) -> str:
    """What a cell of the first row says."""
    markup = re.sub(r'<span class="liveactivity-column">.*?</span>', "", cell(answer, name))
    return " ".join(html.unescape(re.sub("<[^>]*>", " ", markup)).split())


def end_of(card: LiveActivity, **changes) -> None:
    Operation.objects.filter(activity=card, kind="end").update(**changes)


def later(seconds: int):
    return Now() + seconds * 1000


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
    def test_title_key_and_type_are_told(self, viewer):
        show("order-1")

        assert said(cards_in(viewer), "name") == "Order 42 order-1 progress"

    def test_a_card_without_a_title_is_called_by_its_key(self, viewer):
        services.end_activity(stream_key="prod-web-1")

        assert said(cards_in(viewer), "name") == "prod-web-1"

    def test_a_delivered_card_is_live(self, viewer):
        show("order-1")
        deliver()

        answer = cards_in(viewer)

        assert said(answer, "card_state") == "live Last outcome: delivered"
        assert 'class="liveactivity-state liveactivity-live"' in cell(answer, "card_state")

    def test_a_card_that_was_never_shown_has_not_ended(self, viewer, vendor):
        vendor.faults = "PUT:400@1"
        show("order-1")
        deliver()

        answer = cards_in(viewer)

        assert said(answer, "card_state") == "failed Last outcome: content refused"
        assert said(answer, "pending_end") == "-"

    def test_a_card_that_ios_has_removed_is_expired(self, viewer):
        show("order-1", time_to_live=None)
        deliver()
        advance(EXPIRED_AFTER_MS / 1000 + 1)

        assert said(cards_in(viewer), "card_state").startswith("expired ")

    def test_an_old_card_whose_end_is_on_its_way_is_ending(self, viewer):
        card = show("order-1", time_to_live=None)
        deliver()
        advance(EXPIRED_AFTER_MS / 1000 + 1)
        services.end_activity(card)

        assert said(cards_in(viewer), "card_state").startswith("ending ")

    def test_a_due_end_tells_its_age_and_why_it_waits(self, viewer):
        card = show("order-1")
        deliver()
        services.end_activity(card)
        advance(250)
        sweep(lambda _: None)

        answer = said(cards_in(viewer), "pending_end")

        assert answer.startswith("due for 4 min ")
        assert "is about to be sent" in answer

    def test_the_age_is_relative_and_the_moment_is_there_for_machines(self, viewer):
        card = show("order-1")
        advance(3 * 3600)
        created = LiveActivity.objects.get(pk=card.pk).created.isoformat(timespec="seconds")

        answer = cards_in(viewer)

        assert said(answer, "card_age") == "3 h"
        assert f'<time datetime="{created}"' in cell(answer, "card_age")

    def test_an_end_for_later_tells_when_it_is_due(self, viewer):
        at = datetime.datetime(2031, 5, 6, 7, 8, 9, tzinfo=datetime.UTC)
        services.end_activity(show("order-1"), at=at)

        with timezone.override(datetime.UTC):
            answer = cards_in(viewer)

        assert said(answer, "card_state") == "pending scheduled"
        assert said(answer, "pending_end").startswith("scheduled for 2031-05-06 07:08, in ")

    def test_an_end_that_was_moved_is_told_as_it_stands(self, viewer):
        card = show("order-1")
        services.end_activity(card, at=datetime.datetime(2031, 5, 6, tzinfo=datetime.UTC))
        services.end_activity(card, at=datetime.datetime(2031, 7, 8, tzinfo=datetime.UTC))

        with timezone.override(datetime.UTC):
            assert "2031-07-08" in said(cards_in(viewer), "pending_end")

    def test_an_end_that_was_cancelled_is_told_no_more(self, viewer):
        card = show("order-1")
        services.end_activity(card, at=datetime.datetime(2031, 5, 6, tzinfo=datetime.UTC))
        services.keep_activity(card)

        assert "scheduled" not in cell(cards_in(viewer), "card_state")

    def test_an_end_for_later_that_is_due_by_now_is_due(self, viewer):
        services.end_activity(show("order-1"), after=datetime.timedelta(hours=3))
        advance(3 * 3600 + 65)

        assert said(cards_in(viewer), "card_state") == "ending"
        assert said(cards_in(viewer), "pending_end").startswith("due for 1 min ")

    def test_an_end_that_was_given_up_is_told_no_more(self, viewer):
        card = show("order-1")
        services.end_activity(card, after=datetime.timedelta(hours=3))
        end_of(card, state="given_up")

        assert said(cards_in(viewer), "card_state") == "pending"

    def test_an_end_that_waits_for_an_operator_asks_for_attention(self, viewer):
        card = show("order-1")
        services.end_activity(card)
        end_of(card, state="needs_operator", outcome="forbidden", next_try_at=later(3600))

        answer = cards_in(viewer)

        assert said(answer, "card_state") == "ending needs attention Last outcome: not allowed"
        assert "The vendor refuses the end" in said(answer, "pending_end")

    def test_an_end_of_the_next_card_of_a_key_is_none_of_the_ended_one_s(self, viewer):
        ended = show("order-1")
        deliver()
        services.end_activity(ended)
        deliver()
        services.end_activity(show("order-1"))

        rows = cards_in(viewer).context["cl"].result_list

        assert [(row.state, row.newest.pending_end is None) for row in rows] == [
            ("ending", False),
            ("ended", True),
        ]

    def test_a_long_key_is_cut_and_shown_whole_by_the_pointer(self, viewer):
        show("k" * 255)

        answer = cell(cards_in(viewer), "name")

        assert f">{'k' * 31}…</span>" in answer
        assert f'title="{"k" * 255}"' in answer

    def test_a_long_title_is_cut(self, viewer):
        show("order-1", title="T" * 200)

        assert said(cards_in(viewer), "name").startswith("T" * 59 + "… ")

    def test_the_account_appears_with_a_second_account(self, viewer, settings):
        show("order-1")
        assert "default" not in cell(cards_in(viewer), "name")

        settings.LIVEACTIVITY = settings.LIVEACTIVITY | {"b": settings.LIVEACTIVITY["default"]}

        assert said(cards_in(viewer), "name").endswith("progress · default")

    def test_each_cell_has_the_name_of_its_column_for_narrow_pages(self, viewer):
        show("order-1", subject=Order.objects.create())
        deliver()

        names = re.findall(r'liveactivity-column">(.*?)<', cards_in(viewer).content.decode())

        assert names == ["state", "subject", "age", "pending end"]

    def test_an_account_that_is_not_well_stands_above(self, viewer):
        show("order-1")
        AccountState.objects.create(account="default", billing_since=1)

        answer = cards_in(viewer).content.decode()

        above = answer.split('<ul class="liveactivity-accounts">')[1].split("</ul>")[0]
        assert "The vendor has asked for payment" in above

    def test_the_way_to_end_any_card_is_shown_to_who_may(self, viewer, enter):
        url = reverse("admin:django_liveactivity_liveactivity_end_any")

        assert f'href="{url}"' not in cards_in(viewer).content.decode()
        assert f'href="{url}"' in cards_in(enter("view", "end", name="bo")).content.decode()

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

        assert said(cards_in(viewer), "card_subject") == f"Order {order.pk}"

    def test_an_object_of_this_admin_is_a_link_for_who_may_see_it(self, admin_client):
        user = User.objects.create_user("bo")
        show("user-1", subject=user)

        url = reverse("admin:auth_user_change", args=[user.pk])
        assert f'<a href="{url}">bo</a>' in cell(cards_in(admin_client), "card_subject")

    def test_and_no_link_for_who_may_not(self, viewer):
        show("user-1", subject=User.objects.create_user("bo"))

        assert said(cards_in(viewer), "card_subject") == "bo"

    def test_a_deleted_object_is_named_by_its_key(self, viewer):
        order = Order.objects.create()
        show("order-1", subject=order)
        label = f"shop.Order {order.pk}"
        order.delete()

        assert said(cards_in(viewer), "card_subject") == f"{label} (not found)"

    def test_an_object_of_a_removed_app_is_named_by_its_key(self, viewer):
        show("order-1")
        LiveActivity.objects.update(subject_model="gone.Thing", subject_pk="7")

        assert said(cards_in(viewer), "card_subject") == "gone.Thing 7 (not found)"

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
        with django_assert_max_num_queries(16) as one:
            cards_in(viewer)
        for number in range(1, 20):
            show(f"order-{number}", subject=Order.objects.create())

        with django_assert_num_queries(len(one)):
            assert len(names_in(viewer)) == 20
