"""The page that ends one card: its form, its preview, and the end that it sends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.backends import BaseBackend
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from django_liveactivity import Progress, SegmentedProgress, services
from django_liveactivity.delivery import drain
from django_liveactivity.models import LiveActivity, Operation, OperatorAction
from django_liveactivity.sandbox import Sandbox
from django_liveactivity.services.writer import Writer
from tests.clock import advance
from tests.conftest import KEY
from tests.reads import statements
from tests.sandbox.api import Api
from tests.shop.models import Order

from .conftest import CHANGE, messages_of
from .form_reader import press, read_form, send
from .test_content_form import ACTION, FULL, LINK, full

pytestmark = pytest.mark.django_db
END = "admin:django_liveactivity_liveactivity_end"
END_ANY = "admin:django_liveactivity_liveactivity_end_any"
NEEDS_TITLE = "Nothing is known that this live activity could show: give a title."
ID = "pLAr-Hnq9ZFW4sxlk43L"


def show(key: str = "order-1", percentage: int = 40, **options: Any) -> LiveActivity:
    return services.stream_activity(
        key, Progress(title="Maintenance", percentage=percentage), **options
    )


def started_elsewhere(**content: Any) -> LiveActivity:
    """A card that was started by the manual lifecycle, and is tracked."""
    return services.track_activity(ID, content or full("progress"))


def of_unknown_content() -> LiveActivity:
    """A card that was started elsewhere, of which only failed content is known."""
    content = SegmentedProgress(title="Deploy", current_step=1, number_of_steps=2)
    card = services.track_activity(ID, content)
    Operation.objects.filter(activity=card).update(state="failed")
    return card


def page(client: Client, card: LiveActivity, **query: Any) -> Any:
    return client.get(reverse(END, args=[card.pk]), query)


def ends() -> list[Operation]:
    return list(Operation.objects.filter(kind="end").order_by("pk"))


def only_end() -> Operation:
    (end,) = ends()
    return end


def errors_of(answer: Any) -> dict[str, list[str]]:
    forms = answer.context["forms"].all
    return {name: list(errors) for form in forms for name, errors in form.errors.items()}


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def last_body(vendor: Sandbox) -> Any:
    return vendor.calls()[-1]["body"]


class ByAccount(BaseBackend):
    """Grants each permission for the cards of one account, and for no other."""

    account = "kitchen"

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        return getattr(obj, "account", None) == self.account


class TestWhoMayEnd:
    @pytest.mark.parametrize("may", [(), ("view",), ("end",), ("view", "operate")])
    def test_neither_sees_the_page_nor_ends_without_both_permissions(self, enter, may):
        card = show()
        client = enter(*may)

        assert page(client, card).status_code == 403
        assert client.post(reverse(END, args=[card.pk]), {"do": "end"}).status_code == 403
        assert ends() == []

    def test_a_stranger_is_asked_to_log_in(self):
        answer = page(Client(), show())

        assert answer.url.startswith("/admin/login/?next=")

    def test_a_post_without_the_csrf_token_ends_nothing(self, operator):
        card = show()
        strict = Client(enforce_csrf_checks=True)
        strict.cookies = operator.cookies

        answer = strict.post(reverse(END, args=[card.pk]), {"do": "end"})

        assert answer.status_code == 403
        assert ends() == []

    def test_a_permission_for_the_card_s_account_is_enough(self, enter, settings):
        settings.AUTHENTICATION_BACKENDS = [
            *settings.AUTHENTICATION_BACKENDS,
            f"{__name__}.ByAccount",
        ]
        settings.LIVEACTIVITY = settings.LIVEACTIVITY | {
            "kitchen": settings.LIVEACTIVITY["default"]
        }
        client = enter()

        mine, other = show(account="kitchen"), show("order-2")

        assert page(client, other).status_code == 403
        send(client, page(client, mine))
        assert only_end().account == "kitchen"

    @pytest.mark.parametrize("number", ["0", "7", "9" * 30, "abc", "1%00", "1/2"])
    def test_what_is_no_card_is_said_to_be_none(self, operator, number):
        answer = operator.get(f"/admin/django_liveactivity/liveactivity/{number}/end/", follow=True)

        assert answer.redirect_chain == [("/admin/", 302)]
        assert "Perhaps it was deleted?" in messages_of(answer)[0][1]


class TestAsIs:
    def test_an_untouched_form_ends_the_card_as_a_bare_end_does(self, operator, vendor):
        for key in ("order-1", "order-2"):
            services.stream_activity(key, full("alert"), action=ACTION, tags=["a"])
        drain()
        services.end_activity(stream_key="order-1")

        send(operator, page(operator, LiveActivity.objects.get(stream_key="order-2")))
        drain()

        bare, ours = ends()
        assert (ours.content, ours.options) == (bare.content, bare.options) == (None, {})
        calls = [call for call in vendor.calls() if call["method"] == "DELETE"]
        assert [call["body"] for call in calls] == [None, None]

    def test_it_ends_with_the_content_that_came_after_the_page(self, operator, vendor):
        card = show(percentage=40)
        shown = page(operator, card)
        drain()
        show(percentage=90)

        send(operator, shown)
        drain()

        assert last_body(vendor)["content_state"]["percentage"] == 90

    def test_a_dismissal_alone_ends_with_the_newest_content_too(self, operator, vendor):
        card = show()
        drain()

        send(operator, page(operator, card), dismissal="minutes", dismiss_minutes="7")
        drain()

        state = last_body(vendor)["content_state"]
        assert (state["percentage"], state["auto_dismiss_seconds"]) == (40, 420)
        assert only_end().content is None

    def test_what_was_typed_goes_before_content_that_came_after_the_page(self, operator, vendor):
        card = show(percentage=40)
        shown = page(operator, card)
        show(percentage=90)

        send(operator, shown, title="Over")
        drain()

        assert only_end().content == {"type": "progress", "title": "Over", "percentage": 40}

    def test_the_end_tells_who_where_and_why_and_the_card_s_history_too(self, operator):
        card = show()

        answer = send(operator, page(operator, card), reason="Wrong door")

        end = only_end()
        assert (end.source, end.actor, end.reason) == ("admin", "ana", "Wrong door")
        assert messages_of(answer) == [("success", "Ending 1 live activity: order-1")]
        (entry,) = LogEntry.objects.all()
        assert (entry.object_id, entry.get_change_message()) == (
            str(card.pk),
            "End requested. Wrong door",
        )

    def test_the_card_s_page_comes_next_with_the_filters_of_the_list(self, operator):
        card = show()
        filters = {"_changelist_filters": "status__exact=pending&p=2"}

        answer = send(operator, page(operator, card, **filters))

        url = reverse(CHANGE, args=[card.pk])
        assert answer.redirect_chain == [
            (f"{url}?_changelist_filters=status__exact%3Dpending%26p%3D2", 302)
        ]


class TestByType:
    @pytest.mark.parametrize("name", FULL)
    def test_the_page_is_filled_in_and_a_change_reaches_the_vendor(self, operator, vendor, name):
        services.stream_activity("order-1", full(name) | start(name), action=ACTION)
        card = LiveActivity.objects.get()
        drain()

        send(operator, page(operator, card), title="Over", action__title="Again")
        drain()

        body = last_body(vendor)
        assert body["content_state"] == {**full(name), "title": "Over"}
        assert body["action"] == {**ACTION, "title": "Again"}
        assert vendor.calls()[-1]["status"] == 200

    @pytest.mark.parametrize("name", FULL)
    def test_a_card_that_was_started_elsewhere_too(self, operator, vendor, name):
        elsewhere = Api(vendor.url, KEY)
        activity_id = elsewhere.started(full(name) | start(name))
        elsewhere.http.close()
        card = services.track_activity(activity_id, full(name) | start(name))

        send(operator, page(operator, card), title="Over", dismissal="minutes", dismiss_minutes="5")
        drain()

        call = vendor.calls()[-1]
        assert (call["path"], call["status"]) == ("/api/live-activity/end", 200)
        assert call["body"] == {
            "activity_id": activity_id,
            "content_state": {**full(name), "title": "Over", "auto_dismiss_minutes": 5},
        }

    def test_a_cleared_field_is_cleared_on_the_phone(self, operator, vendor):
        services.stream_activity("order-1", full("alert"), action=LINK)
        drain()
        card = LiveActivity.objects.get()

        send(
            operator,
            page(operator, card),
            subtitle="",
            icon__symbol="",
            action__title="",
            action__url="",
        )
        drain()

        body = last_body(vendor)
        assert body.keys() == {"content_state"}
        kept = {k: v for k, v in full("alert").items() if k not in ("subtitle", "icon")}
        assert body["content_state"] == kept

    def test_the_number_of_steps_may_change_at_the_end(self, operator, vendor):
        services.stream_activity("order-1", full("segmented_progress"))
        drain()

        shown = page(operator, LiveActivity.objects.get())
        send(operator, shown, current_step="6", number_of_steps="6", step_colors="")
        drain()

        state = last_body(vendor)["content_state"]
        assert (state["current_step"], state["number_of_steps"]) == (6, 6)
        assert "step_colors" not in state

    def test_a_timer_freezes(self, operator, vendor):
        services.stream_activity("order-1", {**full("timer"), "duration_seconds": 600})
        drain()
        shown = page(operator, LiveActivity.objects.get())
        assert "duration_seconds" not in read_form(shown).fields

        send(operator, shown, title="Over")
        drain()

        assert "duration_seconds" not in last_body(vendor)["content_state"]

    def test_a_card_without_a_type_offers_the_types(self, operator):
        card = of_unknown_content()

        answer = page(operator, card)

        assert read_form(answer).fields["type"] == "segmented_progress"
        assert "number_of_steps" in read_form(answer).fields

    def test_another_type_brings_its_fields_and_keeps_what_was_typed(self, operator):
        shown = page(operator, of_unknown_content())

        answer = send(operator, shown, "type", type="alert", title="It is over", reason="Because")

        fields = read_form(answer).fields
        assert (fields["title"], fields["reason"]) == ("It is over", "Because")
        assert "message" in fields
        assert "number_of_steps" not in fields
        assert errors_of(answer) == {}  # the user has not seen the new fields yet
        assert ends() == []


def start(name: str) -> dict[str, Any]:
    """What a start needs besides."""
    return {"duration_seconds": 60} if name == "timer" else {}


class TestErrors:
    def test_each_is_at_its_field_and_nothing_is_sent(self, operator):
        services.stream_activity("order-1", full("progress"))
        changes = {"title": "", "percentage": "101", "icon__color": "red", "dismissal": "minutes"}

        answer = send(operator, page(operator, LiveActivity.objects.get()), **changes)

        assert errors_of(answer).keys() == {"percentage", "dismiss_minutes"}
        html = answer.content.decode()
        assert 'id="id_percentage_error"' in html
        assert 'aria-invalid="true"' in html
        assert ends() == []

    def test_what_only_the_service_refuses_is_at_its_field_too(self, operator):
        card = of_unknown_content()

        answer = send(operator, page(operator, card), type="", title="", dismissal="at_once")

        assert errors_of(answer) == {"title": [NEEDS_TITLE]}
        assert ends() == []

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("reason", "r" * 1001),
            ("reason", "a\0b"),
            ("at", "1969-01-01T00:00"),
            ("at", "tomorrow"),
            ("after_minutes", "0"),
            ("dismiss_minutes", "241"),
        ],
    )
    def test_how_and_when_are_checked_at_their_fields(self, operator, field, value):
        how = {"at": {"when": "at"}, "after_minutes": {"when": "after"}}.get(field, {})

        answer = send(operator, page(operator, show()), **{field: value}, **how)

        assert list(errors_of(answer)) == [field]
        assert ends() == []

    def test_a_reason_of_1000_characters_is_stored(self, operator):
        send(operator, page(operator, show()), reason="ü" * 1000)

        assert only_end().reason == "ü" * 1000

    def test_what_is_no_text_in_utf_8_is_replaced_by_django(self, operator):
        shown = page(operator, show())
        fields = {**read_form(shown).fields, "do": "end"}
        fields.pop("title")
        body = "&".join(f"{k}={v}" for k, v in fields.items()) + "&title=a%ED%A0%80b"

        operator.post(
            shown.wsgi_request.path, body, content_type="application/x-www-form-urlencoded"
        )

        assert only_end().content["title"].startswith("a\N{REPLACEMENT CHARACTER}")

    def test_16_kib_of_content_are_taken_and_more_is_refused(self, operator):
        services.stream_activity("order-1", {"type": "alert", "title": "t", "message": "m"})
        card = LiveActivity.objects.get()

        answer = send(operator, page(operator, card), message="x" * 17_000)

        assert errors_of(answer) == {"__all__": ["The content is too large; shorten it."]}
        send(operator, answer, message="x" * 16_000)
        assert len(only_end().content["message"]) == 16_000

    def test_a_page_with_errors_is_announced_in_its_title(self, operator):
        services.stream_activity("order-1", full("progress"))

        answer = send(operator, page(operator, LiveActivity.objects.get()), percentage="101")

        assert "<title>Error: End live activity" in text_of(answer)


class TestPreview:
    def test_it_draws_what_the_card_would_show_before_anything_is_typed(self, operator):
        answer = page(operator, show())

        assert answer.context["preview"]["content"]["percentage"] == 40
        assert "lockscreen" in answer.content.decode()

    def test_it_draws_what_was_typed_and_sends_nothing(self, operator):
        services.stream_activity("order-1", full("alert"), action=LINK)
        card = LiveActivity.objects.get()
        typed = {"message": "It is up.", "action__title": "Why?", "dismissal": "at_once"}

        answer = send(operator, page(operator, card), "preview", **typed)

        preview = answer.context["preview"]
        assert preview["content"]["message"] == "It is up."
        assert preview["options"] == {"action": {**LINK, "title": "Why?"}}
        assert preview["dismiss_seconds"] == 0
        assert ends() == []

    def test_then_the_end_is_sent_as_it_was_drawn(self, operator):
        services.stream_activity("order-1", full("alert"))
        drawn = send(operator, page(operator, LiveActivity.objects.get()), "preview", message="Up")

        send(operator, drawn)

        assert only_end().content == {**full("alert"), "message": "Up"}

    def test_nothing_is_drawn_while_something_is_wrong(self, operator):
        services.stream_activity("order-1", full("progress"))

        answer = send(
            operator, page(operator, LiveActivity.objects.get()), "preview", percentage="101"
        )

        assert answer.context["preview"] is None

    @pytest.mark.parametrize("button", ["", "type", "preview", "retry"])
    def test_no_other_button_ends_anything(self, operator, button):
        send(operator, page(operator, show()), button)

        assert ends() == []

    def test_markup_is_escaped_wherever_it_is_shown(self, operator):
        services.stream_activity("order-1", {"type": "alert", "title": "<b>", "message": "<i>"})
        card = LiveActivity.objects.get()

        answer = send(operator, page(operator, card), "preview", message='"><script>', reason="<u>")

        html = answer.content.decode()
        assert not {"<b>", "<i>", "<u>", '"><script>'} & {
            t for t in ("<b>", "<i>", "<u>", '"><script>') if t in html
        }

    def test_works_under_a_strict_policy(self, operator):
        html = page(operator, show()).content.decode()

        assert "<style" not in html
        assert "style=" not in html
        assert "onclick" not in html
        assert html.count("<script") == html.count("<script src=")


class TestEndsThatStand:
    def test_a_scheduled_end_is_told_and_can_be_brought_forward(self, operator):
        card = show()
        services.end_activity(card, after=timedelta(hours=1), actor="ben", reason="Lunch")

        shown = page(operator, card)

        assert "The end is scheduled for" in text_of(shown)
        assert "(ben)" in text_of(shown)
        assert "“Lunch”" in text_of(shown)
        answer = send(operator, shown)
        assert messages_of(answer) == [("success", "Ending 1 live activity: order-1")]
        assert len(ends()) == 2

    def test_it_can_be_canceled(self, operator):
        card = show()
        services.end_activity(card, after=timedelta(hours=1))

        press(operator, page(operator, card), "liveactivity-keep-form")

        kept = Operation.objects.get(kind="keep")
        assert (kept.activity_id, kept.actor) == (card.pk, "ana")

    def test_it_can_be_moved_and_says_again_what_the_first_said(self, operator, vendor):
        card = show()
        drain()
        services.end_activity(
            card,
            Progress(title="Maintenance", percentage=100),
            action=LINK,
            after=timedelta(hours=1),
            dismiss_after=timedelta(seconds=90),
        )
        shown = page(operator, card)
        assert read_form(shown).fields["percentage"] == "100"
        assert read_form(shown).fields["dismiss_minutes"] == "2"

        answer = send(operator, shown, when="after", after_minutes="120")

        ((level, text),) = messages_of(answer)
        assert level == "success"
        assert text.startswith("order-1 ends on ")
        first, moved = ends()
        assert (moved.content, moved.options) == (first.content, first.options)
        assert moved.dismiss_seconds == 90
        assert moved.due_at - first.due_at > 3_500_000

    def test_an_end_at_a_time_is_scheduled_for_it(self, operator):
        at = timezone.localtime() + timedelta(hours=3)

        send(operator, page(operator, show()), when="at", at=at.strftime("%Y-%m-%dT%H:%M"))

        assert only_end().due == at.replace(second=0, microsecond=0)

    def test_the_time_says_in_which_zone_it_is(self, operator):
        with timezone.override("Europe/Berlin"):
            assert "Time zone: Europe/Berlin." in text_of(page(operator, show()))

    def test_an_end_on_its_way_is_told_and_not_asked_for_again(self, operator):
        card = show()
        drain()
        services.end_activity(card, actor="ben")

        shown = page(operator, card)

        assert "An end is on its way." in text_of(shown)
        answer = send(operator, shown)
        assert messages_of(answer) == [("info", "1 live activity was already ending: order-1")]
        assert len(ends()) == 1

    def test_an_end_on_its_way_says_why_it_waits(self, operator):
        card = show()
        services.end_activity(card)
        advance(91)

        assert "No worker has delivered for 1 min" in text_of(page(operator, card))

    def test_what_is_changed_goes_with_an_end_on_its_way(self, operator, vendor):
        card = show()
        drain()
        services.end_activity(card)

        send(operator, page(operator, card), title="Over")
        drain()

        assert last_body(vendor)["content_state"]["title"] == "Over"
        assert [end.state for end in ends()] == ["done", "done"]

    def test_an_end_that_waits_for_an_operator_says_so_and_can_be_tried_again(self, enter, vendor):
        card = started_elsewhere()
        services.end_activity(card)
        drain()
        assert only_end().state == "needs_operator"
        client = enter("view", "end", "operate")

        shown = page(client, card)

        assert "The vendor refuses the end (unknown to the vendor)." in text_of(shown)
        answer = send(client, shown)
        assert messages_of(answer)[0][1].startswith("The vendor refuses the end of 1")
        assert len(ends()) == 1
        press(client, shown, "liveactivity-retry-form")
        assert OperatorAction.objects.exclude(kind="repeat").get().kind == "retry"

    def test_no_user_tries_again_without_the_permission(self, enter, vendor):
        card = started_elsewhere()
        services.end_activity(card)
        drain()

        html = page(enter("view", "end"), card).content.decode()
        assert "liveactivity-retry-form" not in html

    def test_other_content_is_a_new_end(self, operator, vendor):
        card = started_elsewhere()
        services.end_activity(card)
        drain()

        send(operator, page(operator, card), title="Over")

        assert [end.state for end in ends()] == ["needs_operator", "pending"]

    def test_a_card_that_has_ended_says_so_and_offers_no_form(self, operator, vendor):
        card = show()
        drain()
        services.end_activity(card)
        drain()

        answer = page(operator, card)

        assert "This live activity has already ended." in text_of(answer)
        assert "liveactivity-end-form" not in answer.content.decode()
        assert f'href="{reverse(END_ANY)}?stream_key=order-1' in answer.content.decode()

    def test_a_card_that_has_ended_meanwhile_is_told(self, operator, vendor):
        card = show()
        drain()
        shown = page(operator, card)
        services.end_activity(card, actor="ben")
        drain()

        form = read_form(shown)
        answer = operator.post(reverse(END, args=[card.pk]), {**form.fields, "do": "end"})

        assert "This live activity has already ended." in text_of(answer)
        assert len(ends()) == 1

    def test_an_account_that_makes_no_calls_is_told(self, operator, vendor):
        card = show()
        vendor.policy.api_keys = ["another"]
        drain()

        (_, stored), (_, why) = messages_of(send(operator, page(operator, card)))

        assert stored == "The end of 1 live activity is stored and waits for its account: order-1"
        assert why.startswith("Account default: The account has been blocked since ")
        assert ": the vendor refuses its key or address (unauthorized 401); next probe in " in why

    @pytest.mark.parametrize("is_ending", [False, True])
    def test_a_card_of_an_account_that_was_removed_is_told(self, operator, is_ending):
        card = show()
        if is_ending:
            services.end_activity(card)
        for model in (LiveActivity, Operation):
            model.objects.update(account="gone")

        answer = page(operator, card)

        assert answer.status_code == 200
        answer = send(operator, answer)
        assert errors_of(answer) == {"__all__": ["LIVEACTIVITY has no account 'gone'."]}


TIMES: list[dict[str, str]] = [
    {"when": "after", "after_minutes": "10"},
    {"when": "after", "after_minutes": "11"},
    {"when": "at", "at": "2040-01-01T12:00"},
    {"dismissal": "at_once"},
    {"dismissal": "minutes", "dismiss_minutes": "5"},
]


class TestTwice:
    def test_a_form_that_is_sent_twice_makes_one_end(self, operator):
        shown = page(operator, show())

        first, second = send(operator, shown, title="Over"), send(operator, shown, title="Over")

        assert len(ends()) == 1
        assert messages_of(first)[0][0] == "success"
        assert messages_of(second) == [("info", "1 live activity was already ending: order-1")]

    def test_also_if_the_end_is_for_later(self, operator):
        shown = page(operator, show())

        for _ in range(2):
            answer = send(operator, shown, when="after", after_minutes="10")

        assert len(ends()) == 1
        assert messages_of(answer)[0][1].startswith("order-1 ends on ")

    @pytest.mark.parametrize("first", [{}, *TIMES])
    @pytest.mark.parametrize("then", [{}, *TIMES])
    def test_another_moment_or_stay_is_another_form(self, operator, first, then):
        shown = page(operator, show())
        send(operator, shown, title="Over", **first)

        answer = send(operator, shown, title="Over", **then)

        assert len(ends()) == 1
        warned = "Something has happened since" in messages_of(answer)[0][1]
        assert warned == (first != then)

    def test_also_after_the_vendor_has_acknowledged_the_first(self, operator, vendor):
        card = show()
        drain()
        shown = page(operator, card)
        send(operator, shown)
        drain()

        answer = send(operator, shown)

        assert len(ends()) == 1
        assert messages_of(answer) == [("info", "1 live activity had already ended: order-1")]

    def test_two_at_the_same_moment_make_one_call(self, operator, vendor):
        """No lock keeps them apart, as hosts only INSERT; the planner takes both as one end."""
        card = show()
        drain()
        writer = Writer.for_account("default", actor="ana")
        for _ in range(2):
            writer.insert_operation(card, Operation.Kind.END, rank=Operation.Rank.END)

        drain()

        deletes = [call for call in vendor.calls() if call["method"] == "DELETE"]
        assert len(deletes) == 1
        assert [end.state for end in ends()] == ["done", "done"]


class TestTwoOperators:
    def test_the_second_is_told_what_the_first_has_done(self, enter):
        card = show()
        shown = page(ana := enter("view", "end"), card)
        send(ben := enter("view", "end", name="ben"), page(ben, card), reason="Wrong door")

        answer = send(ana, shown, title="Over", reason="It is late")

        assert "Something has happened since this page was made" in messages_of(answer)[0][1]
        assert "end (pending), ben: Wrong door" in text_of(answer)
        assert read_form(answer).fields["reason"] == "It is late"
        assert [end.actor for end in ends()] == ["ben"]

    def test_and_may_go_on_knowing_that(self, enter):
        card = show()
        shown = page(ana := enter("view", "end"), card)
        send(ben := enter("view", "end", name="ben"), page(ben, card))

        send(ana, send(ana, shown, title="Over"))

        assert [end.actor for end in ends()] == ["ben", "ana"]

    def test_that_the_other_keeps_the_card_is_told_too(self, enter):
        card = show()
        services.end_activity(card, after=timedelta(hours=1))
        shown = page(ana := enter("view", "end"), card)
        services.keep_activity(card, actor="ben", reason="Not yet")

        answer = send(ana, shown)

        assert "keep (pending), ben: Not yet" in text_of(answer)
        assert len(ends()) == 1

    def test_that_one_has_kept_it_oneself_is_told_too(self, operator):
        card = show()
        services.end_activity(card, after=timedelta(hours=1))
        shown = page(operator, card)
        services.keep_activity(card, actor="ana")

        answer = send(operator, shown)

        assert "keep (pending), ana" in text_of(answer)
        assert len(ends()) == 1

    def test_a_preview_tells_it_too(self, enter):
        card = show()
        shown = page(ana := enter("view", "end"), card)
        services.end_activity(card, actor="ben")

        assert "Since this page was made:" in text_of(send(ana, shown, "preview"))

    def test_new_content_is_nothing_to_wait_for(self, operator):
        shown = page(operator, show(percentage=40))
        show(percentage=90)

        send(operator, shown)

        assert len(ends()) == 1


class TestLoggedOut:
    @staticmethod
    def log_in_again(client: Client, location: str, name: str) -> Any:
        return client.post(location, {"username": name, "password": "pw"}, follow=True)

    @pytest.fixture
    def ana(self, operator: Client, django_user_model: Any) -> Client:
        for name in ("ana", "ben"):
            user, _ = django_user_model.objects.get_or_create(username=name, is_staff=True)
            user.is_superuser = True
            user.set_password("pw")
            user.save()
        operator.post("/admin/login/", {"username": "ana", "password": "pw"})
        return operator

    def expire(self, client: Client, card: LiveActivity, **typed: str) -> Any:
        """Send the form after the session has expired."""
        shown = page(client, card)
        client.session.flush()
        form = read_form(shown)
        return client.post(
            shown.wsgi_request.get_full_path(), {**form.fields, **typed, "do": "end"}
        )

    def test_reason_and_content_are_there_again_and_nothing_has_ended(self, ana):
        card = show()

        answer = self.expire(ana, card, title="Over", reason="Wrong door")
        answer = self.log_in_again(ana, answer.url, "ana")

        fields = read_form(answer).fields
        assert (fields["title"], fields["reason"]) == ("Over", "Wrong door")
        assert messages_of(answer)[0][1].startswith("You were logged out before this was sent")
        assert ends() == []
        send(ana, answer)
        assert (only_end().content["title"], only_end().reason) == ("Over", "Wrong door")

    def test_once(self, ana):
        card = show()
        self.log_in_again(ana, self.expire(ana, card, reason="Wrong door").url, "ana")

        assert read_form(page(ana, card)).fields["reason"] == ""

    def test_for_that_page_only(self, ana):
        one, other = show(), show("order-2")
        self.expire(ana, one, reason="Wrong door")
        ana.post("/admin/login/", {"username": "ana", "password": "pw"})

        assert read_form(page(ana, other)).fields["reason"] == ""

    def test_not_for_another_user_in_the_same_browser(self, ana):
        answer = self.expire(ana, show(), reason="Wrong door")

        answer = self.log_in_again(ana, answer.url, "ben")

        assert read_form(answer).fields["reason"] == ""
        assert "Wrong door" not in answer.content.decode()
        assert "draft" not in str(dict(ana.session))

    def test_not_after_a_quarter_of_an_hour(self, ana):
        answer = self.expire(ana, show(), reason="Wrong door")
        session = ana.session
        session["django_liveactivity_draft"] |= {"at": 0}
        session.save()

        answer = self.log_in_again(ana, answer.url, "ana")

        assert read_form(answer).fields["reason"] == ""

    @pytest.mark.parametrize("token", ["", "forged", "{}"])
    def test_nothing_is_kept_of_a_form_that_is_not_ours(self, token):
        stranger = Client()

        stranger.post(
            reverse(END, args=[show().pk]), {"token": token, "reason": "Spam", "do": "end"}
        )

        assert not stranger.session.items()

    def test_nothing_is_kept_without_the_csrf_token(self, ana):
        shown = page(ana, show())
        strict = Client(enforce_csrf_checks=True)

        answer = strict.post(shown.wsgi_request.path, read_form(shown).fields)

        assert answer.status_code == 403
        assert not strict.session.items()

    def test_nothing_is_kept_that_is_larger_than_any_form(self, ana):
        card = show()

        answer = self.expire(ana, card, reason="r" * 300_000)

        assert read_form(self.log_in_again(ana, answer.url, "ana")).fields["reason"] == ""

    def test_another_users_form_is_not_sent(self, enter):
        card = show()
        shown = page(enter("view", "end"), card)

        answer = send(enter("view", "end", name="ben"), shown, reason="Wrong door")

        assert messages_of(answer)[0][1].startswith("This page was too old")
        assert read_form(answer).fields["reason"] == "Wrong door"
        assert ends() == []

    def test_the_middleware_that_asks_everybody_to_log_in_does_not_come_first(self, ana, settings):
        settings.MIDDLEWARE = [
            *settings.MIDDLEWARE,
            "django.contrib.auth.middleware.LoginRequiredMiddleware",
        ]
        settings.LOGIN_URL = "admin:login"

        answer = self.expire(ana, show(), reason="Wrong door")

        answer = self.log_in_again(ana, answer.url, "ana")
        assert read_form(answer).fields["reason"] == "Wrong door"


class TestQueries:
    def test_the_page(self, operator, django_assert_num_queries):
        card = show(subject=Order.objects.create())

        with django_assert_num_queries(11):
            page(operator, card)

    def test_the_end(self, operator):
        shown = page(operator, show())
        form = read_form(shown).fields | {"do": "end"}

        assert len(statements(lambda: operator.post(shown.wsgi_request.path, form))) <= 17

    def test_as_many_for_a_card_of_a_thousand_operations(self, operator, django_assert_num_queries):
        card = show()
        for number in range(50):
            show(percentage=number)
        services.end_activity(card, after=timedelta(hours=1))

        with django_assert_num_queries(10):
            page(operator, card)
