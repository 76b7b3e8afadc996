"""The buttons on a card's page and beside an account: permissions, results, log entries."""

from __future__ import annotations

import datetime

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.backends import ModelBackend
from django.urls import reverse

from django_liveactivity import Progress, services
from django_liveactivity.models import AccountState, LiveActivity, Operation, OperatorAction
from django_liveactivity.testing import deliver

from .conftest import messages_of, page_of, press

pytestmark = pytest.mark.django_db
PROBE = reverse("admin:django_liveactivity_liveactivity_probe")
TOMORROW = {"after": datetime.timedelta(days=1)}


@pytest.fixture
def card(vendor):
    shown = services.stream_activity("import-7", Progress(title="Nightly import", percentage=40))
    deliver()
    return shown


def partial(vendor, card):
    """End a card so that it needs attention."""
    vendor.faults = "DELETE:partial@1"
    services.end_activity(card)
    deliver()


def buttons_on(answer) -> set[str]:
    return {name for name, shown in answer.context["buttons"].items() if shown}


class TestButtons:
    def test_a_live_card_can_be_ended(self, operator, card):
        assert buttons_on(page_of(operator, card)) == {"end", "end_now"}

    def test_a_scheduled_end_can_be_kept_moved_and_brought_forward(self, operator, card):
        services.end_activity(card, **TOMORROW)
        assert buttons_on(page_of(operator, card)) == {"end", "end_now", "keep", "give_up"}

    def test_an_end_that_is_due_can_be_retried_and_given_up(self, operator, card):
        services.end_activity(card)
        assert buttons_on(page_of(operator, card)) == {"end", "retry", "give_up"}

    def test_a_card_that_needs_attention_can_be_called_seen(self, operator, vendor, card):
        partial(vendor, card)
        assert buttons_on(page_of(operator, card)) == {"seen"}

    def test_who_only_looks_has_none(self, viewer, card):
        assert buttons_on(page_of(viewer, card)) == set()

    def test_who_may_end_may_not_operate(self, enter, card):
        services.end_activity(card)
        assert buttons_on(page_of(enter("view", "end"), card)) == {"end"}


class TestPressing:
    def test_end_now_ends_the_card(self, operator, vendor, card):
        answer = press(operator, card, "end_now")
        assert messages_of(answer) == [("success", "Ending 1 live activity: import-7")]
        end = Operation.objects.get(kind="end")
        assert (end.actor, end.source) == ("ana", "admin")
        deliver()
        assert vendor.phone()["empty"]

    def test_twice_is_once(self, operator, card):
        press(operator, card, "end_now")
        press(operator, card, "end_now")
        assert Operation.objects.filter(kind="end").count() == 1

    def test_keep_cancels_the_scheduled_end(self, operator, card):
        services.end_activity(card, **TOMORROW)
        press(operator, card, "keep", reason="It goes on.")
        assert Operation.objects.get(kind="keep").reason == "It goes on."

    def test_retry_and_give_up_decide_on_what_is_unfinished(self, operator, card):
        end = services.end_activity(card)
        press(operator, card, "retry")
        press(operator, card, "give_up", reason="The phone was lost.")
        decided = OperatorAction.objects.order_by("pk").values_list("kind", "operation", "reason")
        assert list(decided) == [
            ("retry", end.pk, ""),
            ("give_up", end.pk, "The phone was lost."),
        ]

    def test_giving_up_needs_a_reason(self, operator, card):
        services.end_activity(card)
        answer = press(operator, card, "give_up")
        assert messages_of(answer) == [("error", "Say why: the card may stay on the phones.")]
        assert not OperatorAction.objects.exists()

    def test_nothing_due_is_not_retried(self, operator, card):
        services.end_activity(card, **TOMORROW)
        answer = press(operator, card, "retry")
        assert messages_of(answer) == [("info", "There is no due operation to retry.")]

    def test_seen_lets_the_card_need_no_attention(self, operator, vendor, card):
        partial(vendor, card)
        press(operator, card, "seen")
        deliver()
        card.refresh_from_db()
        assert not card.needs_attention

    def test_the_admins_log_keeps_who_and_why(self, operator, card):
        press(operator, card, "end_now", reason="It hangs.")
        entry = LogEntry.objects.get()
        assert (str(entry.user), entry.object_id) == ("ana", str(card.pk))
        assert entry.change_message == "End requested. It hangs."

    def test_the_lists_filters_are_kept(self, operator, card):
        answer = press(operator, card, "end_now", _changelist_filters="status=live")
        assert answer.redirect_chain[-1][0].endswith("/change/?_changelist_filters=status%3Dlive")

    def test_a_card_of_which_nothing_is_known_asks_for_its_title(self, operator):
        other = LiveActivity.objects.create(
            account="default", activity_id="pLAr-1", lane_digest="d" * 64, created_at=0
        )
        answer = press(operator, other, "end_now")
        assert answer.redirect_chain[-1][0].endswith(f"/{other.pk}/end/")
        assert "give the title" in messages_of(answer)[0][1]


class TestRefusals:
    @pytest.mark.parametrize("do", ["end_now", "keep"])
    def test_ending_needs_its_permission(self, enter, card, do):
        assert press(enter("view", "operate"), card, do).status_code == 403
        assert not Operation.objects.exclude(kind="stream").exists()

    @pytest.mark.parametrize("do", ["retry", "give_up", "seen"])
    def test_operating_needs_its_own(self, enter, card, do):
        services.end_activity(card)
        assert press(enter("view", "end"), card, do, reason="Why").status_code == 403
        assert not OperatorAction.objects.exists()

    def test_an_unknown_button_is_refused(self, operator, card):
        assert press(operator, card, "explode").status_code == 403

    def test_a_button_is_pressed_by_post_and_else_leads_back(self, operator, card):
        url = reverse("admin:django_liveactivity_liveactivity_operate", args=[card.pk])
        page = reverse("admin:django_liveactivity_liveactivity_change", args=[card.pk])
        assert operator.get(url, {"do": "end_now"}).url == f"{page}?do=end_now"
        assert operator.get(PROBE).url == reverse(
            "admin:django_liveactivity_liveactivity_changelist"
        )
        assert not Operation.objects.filter(kind="end").exists()
        assert not OperatorAction.objects.exists()

    def test_an_unknown_card_leads_back(self, operator):
        answer = press(operator, LiveActivity(pk=99), "end_now")
        assert answer.redirect_chain[0][0] == reverse("admin:index")

    def test_a_card_of_an_account_that_is_gone_is_told(self, operator, card):
        LiveActivity.objects.update(account="gone")
        answer = press(operator, card, "end_now")
        assert messages_of(answer)[0][0] == "error"
        assert "gone" in messages_of(answer)[0][1]


class OfCardsNamedMine(ModelBackend):
    """Gives a user without any permission all of them for one card."""

    def has_perm(self, user_obj, perm, obj=None):
        return getattr(obj, "stream_key", "") == "mine"

    def has_module_perms(self, user_obj, app_label):
        return True


class TestPermissionOnOneCard:
    @pytest.fixture(autouse=True)
    def _backend(self, settings):
        settings.AUTHENTICATION_BACKENDS = [
            "django.contrib.auth.backends.ModelBackend",
            f"{__name__}.OfCardsNamedMine",
        ]

    @pytest.mark.parametrize(("key", "status"), [("mine", 200), ("yours", 403)])
    def test_it_is_asked_with_the_card_in_hand(self, enter, vendor, key, status):
        card = services.stream_activity(key, Progress(title="Nightly import", percentage=40))
        client = enter()
        assert page_of(client, card).status_code == status
        assert press(client, card, "end_now").status_code == status
        assert Operation.objects.filter(kind="end").exists() is (status == 200)


class TestProbe:
    @pytest.fixture(autouse=True)
    def _blocked(self, db):
        AccountState.objects.create(account="default", blocked_since=1)

    def test_lets_the_account_call_at_once(self, operator):
        answer = operator.post(PROBE, {"account": "default", "next": "/admin/"}, follow=True)
        assert answer.redirect_chain == [("/admin/", 302)]
        action = OperatorAction.objects.get()
        assert (action.kind, action.account, action.actor) == ("probe", "default", "ana")

    def test_leads_to_no_other_site(self, operator):
        given = {"account": "default", "next": "https://evil.example/"}
        answer = operator.post(PROBE, given)
        assert answer.url == reverse("admin:django_liveactivity_liveactivity_changelist")

    def test_names_an_account_that_is_unknown(self, operator):
        answer = operator.post(PROBE, {"account": "gone"}, follow=True)
        assert messages_of(answer)[0][0] == "error"
        assert not OperatorAction.objects.exists()

    def test_needs_the_permission(self, enter):
        assert enter("view", "end").post(PROBE, {"account": "default"}).status_code == 403
