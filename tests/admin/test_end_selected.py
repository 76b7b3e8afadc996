"""The action that ends selected live activities: confirmation, report, log."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from django_liveactivity import Progress, SegmentedProgress, services
from django_liveactivity.admin import confirmation
from django_liveactivity.delivery import drain
from django_liveactivity.models import EndBatch, LiveActivity, Operation
from django_liveactivity.testing import deliver
from tests.clock import advance
from tests.reads import values_at_once
from tests.shop.models import Order

from .conftest import CHANGELIST, ask_to_end, cards_in, confirm_end, ends, messages_of, show

pytestmark = pytest.mark.django_db


def unknown_content() -> LiveActivity:
    """A card that was started elsewhere, of which only failed content is known."""
    content = SegmentedProgress(title="Deploy", current_step=1, number_of_steps=2)
    card = services.track_activity("pLAr-1", content)
    Operation.objects.filter(activity=card).update(state="failed")
    return card


class TestWhoMayEnd:
    def test_who_may_only_view_is_not_offered_the_action(self, viewer):
        show()

        assert not cards_in(viewer).context["action_form"]

    def test_who_may_only_view_ends_nothing_by_posting(self, viewer):
        confirm_end(viewer, show())

        assert not ends().exists()

    def test_a_stranger_ends_nothing(self):
        confirm_end(Client(), show())

        assert not ends().exists()

    def test_a_post_without_the_csrf_token_ends_nothing(self, operator):
        card = show()
        strict = Client(enforce_csrf_checks=True)
        strict.cookies = operator.cookies

        assert confirm_end(strict, card).status_code == 403
        assert not ends().exists()


class TestConfirmation:
    def test_the_cards_are_listed_and_none_has_ended_yet(self, operator):
        order = Order.objects.create()
        cards = [show("order-1", subject=order), show("order-2"), show("order-3")]

        answer = ask_to_end(operator, *cards[:2])

        page = answer.content.decode()
        assert (
            "These live activities will end on every phone, unless they have ended already:" in page
        )
        assert "order-1" in page
        assert f"Order {order.pk}" in page
        assert "order-3" not in page
        assert not ends().exists()

    def test_its_own_fields_are_what_ends_the_cards(self, operator):
        """What the page posts is what the tests below post by hand."""
        card = show()

        page = ask_to_end(operator, card).content.decode()

        assert f'name="_selected_action" value="{card.pk}"' in page
        assert 'name="action" value="end_selected"' in page
        assert 'name="post" value="yes"' in page
        assert 'name="reason"' in page
        assert 'name="dismissal" value="at_once"' in page

    def test_a_subject_with_markup_is_escaped(self, operator, django_user_model):
        user = django_user_model.objects.create_user("<script>alert(1)</script>")

        page = ask_to_end(operator, show(subject=user)).content.decode()

        assert "&lt;script&gt;alert(1)" in page
        assert "<script>" not in page

    def test_the_page_has_our_style_sheet(self, operator):
        page = ask_to_end(operator, show()).content.decode()

        assert page.count("django_liveactivity/admin.css") == 1

    def test_works_without_script_and_without_inline_style(self, operator):
        page = ask_to_end(operator, show()).content.decode()

        assert "<style" not in page
        assert "style=" not in page
        assert "onclick" not in page

    @pytest.mark.parametrize(
        ("field", "value"), [("reason", "r" * 1001), ("reason", "a\0b"), ("dismissal", "later")]
    )
    def test_bad_input_is_asked_for_again(self, operator, field, value):
        answer = confirm_end(operator, show(), **{field: value})

        assert field in answer.context["form"].errors
        assert not ends().exists()

    def test_nothing_selected_ends_nothing(self, operator):
        show()

        answer = ask_to_end(operator, index="0")

        assert messages_of(answer)[0][0] == "warning"
        assert not ends().exists()


class TestEnding:
    def test_the_confirmed_cards_end_and_the_others_live_on(self, operator, liveactivity_outbox):
        one, two, other = show("order-1"), show("order-2"), show("order-3")
        deliver()

        answer = confirm_end(operator, one, two)
        deliver()

        assert messages_of(answer) == [("success", "Ending 2 live activities: order-2, order-1")]
        sent = {call.target for call in liveactivity_outbox if call.method == "DELETE"}
        assert sent == {"order-1", "order-2"}
        other.refresh_from_db()
        assert other.status == "live"

    def test_the_end_tells_who_where_and_why(self, operator):
        confirm_end(operator, show(), reason="Wrong door")

        end = ends().get()
        assert (end.source, end.actor, end.reason) == ("admin", "ana", "Wrong door")
        assert end.dismiss_seconds is None

    def test_at_once_leaves_nothing_on_the_phone(self, operator):
        confirm_end(operator, show(), dismissal="at_once")

        assert ends().get().dismiss_seconds == 0

    def test_by_default_the_account_says_how_long_the_card_stays(self, operator, settings):
        account = settings.LIVEACTIVITY["default"]
        options = {"dismiss_after": timedelta(minutes=7)}
        settings.LIVEACTIVITY = {"default": account | {"OPTIONS": options}}

        confirm_end(operator, show(), dismissal="default")

        assert ends().get().dismiss_seconds == 420

    def test_what_was_confirmed_ends_although_the_filter_has_lost_it(self, operator):
        card = show()
        deliver()  # it was pending when the operator looked
        url = reverse(CHANGELIST) + "?status__exact=pending"

        operator.post(url, {"action": "end_selected", "_selected_action": [card.pk], "post": "yes"})

        assert ends().get().activity_id == card.pk


class TestReport:
    def test_an_end_that_stands_already_is_not_asked_for_again(self, operator):
        pending, ended = show("order-1"), show("order-2")
        services.end_activity(ended)
        deliver()
        services.end_activity(pending)

        answer = confirm_end(operator, pending, ended)

        assert messages_of(answer) == [
            ("info", "1 live activity was already ending: order-1"),
            ("info", "1 live activity had already ended: order-2"),
        ]
        assert ends().count() == 2
        assert not LogEntry.objects.exists()

    def test_an_end_that_waits_for_an_operator_says_so(self, operator, vendor):
        card = services.track_activity("unknown-id", Progress(title="Backup", percentage=1))
        services.end_activity(card)
        drain()
        assert ends().get().state == "needs_operator"

        answer = confirm_end(operator, card)

        ((level, text),) = messages_of(answer)
        assert level == "warning"
        assert text.startswith("The vendor refuses the end of 1 live activity: unknown-id.")

    def test_an_end_in_a_blocked_account_is_not_said_to_be_on_its_way(self, operator, vendor):
        card = show()
        vendor.policy.api_keys = ["another"]
        drain()

        (_, stored), (level, why) = messages_of(confirm_end(operator, card))

        assert stored == "The end of 1 live activity is stored and waits for its account: order-1"
        assert level == "warning"
        assert why.startswith("Account default: The account has been blocked since ")
        assert ": the vendor refuses its key or address (unauthorized 401); next probe in " in why

    def test_an_end_that_nothing_drains_is_not_said_to_be_on_its_way(self, operator):
        card = show()
        advance(91)

        (stored, _), (level, why) = messages_of(confirm_end(operator, card))

        assert (stored, level) == ("warning", "warning")
        assert why.startswith("Account default: No worker has delivered for 1 min")

    def test_a_scheduled_end_is_brought_forward(self, operator):
        card = show()
        services.end_activity(card, after=timedelta(hours=1))

        answer = confirm_end(operator, card)

        assert messages_of(answer) == [("success", "Ending 1 live activity: order-1")]

    def test_a_card_of_unknown_content_is_reported_and_stops_no_other(self, operator):
        cards = [show("order-1"), unknown_content(), show("order-2")]

        answer = confirm_end(operator, *cards)

        why = "its content is not known, so its end needs a title"
        assert messages_of(answer) == [
            ("success", "Ending 2 live activities: order-2, order-1"),
            ("warning", f"Nothing was done to 1 live activity: pLAr-1 ({why})"),
        ]
        assert {end.activity.stream_key for end in ends()} == {"order-1", "order-2"}

    def test_a_card_of_an_account_that_was_removed_is_reported(self, operator):
        card = show()
        LiveActivity.objects.update(account="gone")

        answer = confirm_end(operator, card)

        ((level, text),) = messages_of(answer)
        assert level == "warning"
        assert "has no account 'gone'" in text
        assert not ends().exists()

    def test_many_cards_are_counted_and_the_first_twenty_are_named(self, operator):
        cards = [show(f"order-{n}") for n in range(23)]

        ((_, text),) = messages_of(confirm_end(operator, *cards))

        assert text.startswith("Ending 23 live activities: order-22, order-21, ")
        assert text.endswith(", order-3 and 3 more")

    def test_a_log_entry_tells_of_each_card_that_ends(self, operator):
        cards = [show("order-1"), unknown_content(), show("order-2")]

        confirm_end(operator, *cards, reason="Wrong door")

        entries = LogEntry.objects.order_by("object_repr")
        assert [e.object_repr for e in entries] == ["order-1", "order-2"]
        assert {e.get_change_message() for e in entries} == {"End requested. Wrong door"}
        assert {e.user.get_username() for e in entries} == {"ana"}


class TestBounds:
    @pytest.mark.parametrize(
        "chosen",
        ["abc", "1.5", "-1", "\u0661", "9" * 30, "0" * 20 + "9" * 30, "0" * 5000, "1\0", ""],
    )
    @pytest.mark.parametrize("confirmed", [{}, {"post": "yes"}])
    @pytest.mark.parametrize("action", ["end_selected", "retry_selected", "probe_accounts"])
    def test_what_is_no_card_is_refused(self, operator, action, chosen, confirmed):
        fields = {"action": action, "_selected_action": [chosen], **confirmed}

        answer = operator.post(reverse(CHANGELIST), fields, follow=True)

        assert messages_of(answer) == [
            ("error", "Select live activities by the checkboxes in the list.")
        ]
        assert not ends().exists()

    def test_no_more_are_looked_up_than_can_be_chosen(self, operator, monkeypatch, settings):
        settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = None
        monkeypatch.setattr(confirmation, "MAX_SELECTED", 2)
        confirmed = {
            "action": "end_selected",
            "_selected_action": list(range(1_200)),
            "post": "yes",
        }
        assert values_at_once(lambda: operator.post(reverse(CHANGELIST), confirmed)) < 600

    def test_too_many_are_refused_before_they_are_listed(self, operator, monkeypatch):
        monkeypatch.setattr(confirmation, "MAX_SELECTED", 2)
        cards = [show(f"order-{n}") for n in range(3)]

        answer = ask_to_end(operator, cards[0], select_across="1")

        expected = "At most 2 live activities can be chosen at once; select fewer."
        assert messages_of(answer) == [("error", expected)]
        assert not EndBatch.objects.exists()

    def test_nothing_ends_and_nothing_is_logged_if_the_log_cannot_be_written(
        self, operator, monkeypatch
    ):
        def fail(*args, **kwargs):
            raise RuntimeError("no log")

        monkeypatch.setattr(LogEntry.objects, "log_actions", fail)

        with pytest.raises(RuntimeError):
            confirm_end(operator, show())

        assert not ends().exists()
