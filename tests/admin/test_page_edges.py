"""A card's page with an unusual history: several ends, second presses, a login between.

``selectors.newest_operations`` alone decides which end counts, so that the explanation, the sketch
of the ended card and the buttons agree.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils.html import escape

from django_liveactivity import Progress, services
from django_liveactivity.models import AccountState, LiveActivity, Operation, OperatorAction
from django_liveactivity.testing import deliver
from tests.client.server import answer as answer_of
from tests.conftest import KEY

from .conftest import CHANGELIST, messages_of, page_of, press

pytestmark = pytest.mark.django_db
PROBE = reverse("admin:django_liveactivity_liveactivity_probe")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def card(vendor):
    shown = services.stream_activity("import-7", Progress(title="Nightly import", percentage=40))
    deliver()
    return shown


def end(card: LiveActivity, percentage: int, **options: Any) -> Operation:
    """End a card so that the end can be told from others by what it shows."""
    content = Progress(title="Nightly import", percentage=percentage)
    return services.end_activity(card, content, actor="ben", **options)


def told(answer: Any) -> tuple[str, str, set[str]]:
    """Return the sentence why, the percentage that the ended card will show, and the buttons."""
    drawing = answer.context["sketch_at_end"]
    [percentage] = [each for each in ("40", "50", "60", "70") if f"{each}%" in drawing]
    buttons = {name for name, shown in answer.context["buttons"].items() if shown}
    return answer.context["explanation"], percentage, buttons


class TestTheEndThatCounts:
    OF_DUE = {"end", "retry", "give_up"}
    OF_SCHEDULED = {"end", "end_now", "keep", "give_up"}

    def test_a_scheduled_end_that_another_has_replaced_counts_no_more(self, operator, card):
        end(card, 50, after=DAY)
        end(card, 60, after=HOUR)

        sentence, percentage, buttons = told(page_of(operator, card))

        assert sentence.startswith("The end is scheduled for ")
        assert sentence.endswith(("in 59 min.", "in 1 h."))
        assert (percentage, buttons) == ("60", self.OF_SCHEDULED)

    def test_one_that_was_canceled_counts_no_more_though_no_drain_has_seen_it(self, operator, card):
        end(card, 50, after=HOUR)
        services.keep_activity(card, actor="ben")

        sentence, percentage, buttons = told(page_of(operator, card))

        assert sentence.startswith("No end has been asked for in ")
        assert (percentage, buttons) == ("40", {"end", "end_now"})

    def test_one_that_is_due_counts_whatever_is_scheduled_after_it(self, operator, card):
        end(card, 50)
        end(card, 60, after=HOUR)

        sentence, percentage, buttons = told(page_of(operator, card))

        assert sentence.startswith("The end has been due for ")
        assert (percentage, buttons) == ("50", self.OF_DUE)

    def test_of_two_that_are_due_the_newer_counts(self, operator, card):
        end(card, 50)
        end(card, 60)

        sentence, percentage, buttons = told(page_of(operator, card))

        assert sentence.startswith("The end has been due for ")
        assert (percentage, buttons) == ("60", self.OF_DUE)

    def test_one_that_the_vendor_refuses_gives_way_to_a_newer_one(self, operator, card):
        refused = end(card, 50)
        Operation.objects.filter(pk=refused.pk).update(state="needs_operator")
        end(card, 60)

        sentence, percentage, buttons = told(page_of(operator, card))

        assert sentence.startswith("The end has been due for ")
        assert (percentage, buttons) == ("60", self.OF_DUE)

    def test_one_that_was_given_up_leaves_the_older_one(self, operator, card):
        end(card, 50)
        given_up = end(card, 60)
        Operation.objects.filter(pk=given_up.pk).update(state="given_up")

        sentence, percentage, buttons = told(page_of(operator, card))

        assert sentence.startswith("The end has been due for ")
        assert (percentage, buttons) == ("50", self.OF_DUE)

    def test_one_that_was_given_up_is_told_if_none_is_left(self, operator, card):
        given_up = end(card, 50)
        press(operator, card, "give_up", reason="The phone was lost.")
        Operation.objects.filter(pk=given_up.pk).update(state="given_up")

        sentence, percentage, buttons = told(page_of(operator, card))

        assert sentence.startswith("ana gave the end up: The phone was lost.")
        assert (percentage, buttons) == ("40", {"end", "end_now"})

    def test_one_of_another_row_of_the_key_closes_this_one_too(self, operator, card):
        """Two hosts may have shown one key at once."""
        other = LiveActivity.objects.get(pk=card.pk)
        other.pk = None
        other.save()
        content = Progress(title="Nightly import", percentage=40).to_json()
        stream = Operation.objects.get(activity=card)
        stream.pk, stream.activity, stream.content = None, other, content
        stream.save()
        standing = end(other, 50)

        sentence, percentage, buttons = told(page_of(operator, card))

        assert sentence.startswith("The end has been due for ")
        assert (percentage, buttons) == ("50", self.OF_DUE)
        press(operator, card, "retry")
        assert OperatorAction.objects.get(kind="retry").operation_id == standing.pk

    def test_the_list_and_the_end_page_speak_of_the_same(self, operator, card):
        end(card, 50, after=HOUR)
        services.keep_activity(card, actor="ben")
        changelist = reverse("admin:django_liveactivity_liveactivity_changelist")
        end_page = reverse("admin:django_liveactivity_liveactivity_end", args=[card.pk])

        assert "scheduled for" not in operator.get(changelist).content.decode()
        assert operator.get(end_page).context["end_phase"] == "NONE"


class TestSecondPresses:
    """A double click, or another operator who has the page open still."""

    @pytest.fixture
    def ben(self, enter):
        return enter("view", "end", "operate", name="ben")

    @pytest.fixture
    def ana(self, enter):
        return enter("view", "end", "operate")

    def second(self, one, other, card, do, reason="") -> list[tuple[str, str]]:
        """Press a button twice; return what the second operator is told."""
        assert messages_of(press(one, card, do, reason=reason))[0][0] == "success"
        entries = LogEntry.objects.count()
        answer = press(other, card, do, reason=reason)
        assert answer.status_code == 200
        assert LogEntry.objects.count() == entries
        return messages_of(answer)

    def test_end(self, ana, ben, card):
        assert self.second(ana, ben, card, "end_now") == [
            ("info", "1 live activity was already ending: import-7")
        ]
        assert Operation.objects.filter(kind="end").count() == 1

    def test_end_of_a_card_that_has_ended_meanwhile(self, ana, ben, card):
        press(ana, card, "end_now")
        deliver()
        assert messages_of(press(ben, card, "end_now")) == [
            ("info", "1 live activity had already ended: import-7")
        ]
        assert Operation.objects.filter(kind="end").count() == 1

    def test_keep(self, ana, ben, card):
        end(card, 50, after=HOUR)
        assert self.second(ana, ben, card, "keep") == [
            ("info", "There is no scheduled end to cancel.")
        ]
        assert Operation.objects.filter(kind="keep").count() == 1

    @pytest.mark.parametrize("do", ["retry", "give_up"])
    def test_what_the_next_drain_does(self, ana, ben, card, do):
        end(card, 50)
        [(level, text)] = self.second(ana, ben, card, do, reason="The phone was lost.")
        assert level == "info"
        assert text.startswith("ana already requested this ")
        assert text.endswith(" ago; the next drain does it.")
        assert OperatorAction.objects.count() == 1

    def test_a_retry_is_for_what_came_after_the_first_one(self, ana, card):
        end(card, 50)
        press(ana, card, "retry")
        newer = end(card, 60)
        press(ana, card, "retry")
        assert OperatorAction.objects.order_by("-pk")[0].operation_id == newer.pk
        assert OperatorAction.objects.count() == 2

    @pytest.mark.parametrize(
        ("do", "told"),
        [
            ("retry", "There is no due operation to retry."),
            ("give_up", "There is no unfinished operation to give up."),
        ],
    )
    def test_what_a_drain_has_done_meanwhile(self, ana, ben, card, do, told):
        end(card, 50)
        press(ana, card, do, reason="The phone was lost.")
        deliver()
        assert messages_of(press(ben, card, do, reason="So it was.")) == [("info", told)]
        assert OperatorAction.objects.count() == 1

    def test_seen(self, ana, ben, card, vendor):
        vendor.faults = "DELETE:partial@1"
        end(card, 50)
        deliver()
        [(level, text)] = self.second(ana, ben, card, "seen")
        assert (level, text[:26]) == ("info", "ana already requested this")
        assert OperatorAction.objects.count() == 1
        deliver()
        assert messages_of(press(ben, card, "seen")) == [
            ("info", "This live activity needs no attention.")
        ]

    def test_probe(self, ana, ben, card):
        AccountState.objects.update(blocked_since=1)
        for client in (ana, ben):
            answer = client.post(PROBE, {"account": "default"}, follow=True)
        assert messages_of(answer) == [
            ("info", "Already requested; the next drain probes: default")
        ]
        assert OperatorAction.objects.count() == 1

    def test_probe_of_an_account_that_is_open_again(self, ana, card):
        answer = ana.post(PROBE, {"account": "default"}, follow=True)
        assert messages_of(answer) == [("info", "Open, so there is nothing to probe: default")]
        assert not OperatorAction.objects.exists()


class TestLoggedOut:
    @pytest.fixture
    def ana(self, operator, card):
        for name in ("ana", "ben"):
            user, _ = User.objects.get_or_create(username=name, is_staff=True)
            user.is_superuser = True
            user.set_password("pw")
            user.save()
        self.log_in(operator, "/admin/login/", "ana")
        end(card, 50)
        return operator

    def log_in(self, client, url: str, name: str):
        return client.post(url, {"username": name, "password": "pw"}, follow=True)

    def expire(self, client, card, reason: str) -> str:
        """Give the card's operations up after the session has expired; return the login page."""
        shown = page_of(client, card, _changelist_filters="state=live")
        client.session.flush()
        context = shown.context
        fields = {"do": "give_up", "reason": reason, context["token_name"]: context["token"]}
        return client.post(context["operate_url"], fields).url

    def test_the_reason_is_there_again_and_nothing_was_done(self, ana, card):
        answer = self.log_in(ana, self.expire(ana, card, 'It was "lost".'), "ana")

        assert answer.redirect_chain[-1][0].endswith(
            f"/{card.pk}/change/?_changelist_filters=state%3Dlive"
        )
        assert 'value="It was &quot;lost&quot;."' in answer.content.decode()
        assert messages_of(answer) == [
            ("warning", "You were logged out before this was sent, so nothing has been done.")
        ]
        assert not OperatorAction.objects.exists()

    def test_once(self, ana, card):
        self.log_in(ana, self.expire(ana, card, "It was lost."), "ana")
        assert page_of(ana, card).context["typed_reason"] == ""

    def test_a_look_at_another_page_in_between_loses_nothing(self, ana, card):
        login = self.expire(ana, card, "It was lost.")
        self.log_in(ana, "/admin/login/", "ana")
        other = services.stream_activity("import-8", Progress(title="Weekly", percentage=1))
        assert page_of(ana, other).context["typed_reason"] == ""
        answer = self.log_in(ana, login, "ana")
        assert answer.context["typed_reason"] == "It was lost."

    def test_not_for_another_user_in_the_same_browser(self, ana, card):
        answer = self.log_in(ana, self.expire(ana, card, "It was lost."), "ben")
        assert answer.context["typed_reason"] == ""
        assert "draft" not in str(dict(ana.session))


class TestTheVendorsWords:
    def lines_of(self, client, card) -> list[str]:
        """Return the line of the account on the list and on the card's page, as HTML."""
        pages = [client.get(reverse(CHANGELIST)), page_of(client, card)]
        return [
            page.content.decode().partition("<strong>default</strong>: ")[2].partition("<small>")[0]
            for page in pages
        ]

    def test_of_a_blocked_account_stand_on_both_pages(self, operator, vendor):
        vendor.policy.api_keys = ["another"]
        card = services.stream_activity("import-7", Progress(title="Nightly", percentage=40))
        deliver()
        for line in self.lines_of(operator, card):
            assert "the vendor refuses its key or address (unauthorized 401); next probe" in line
            assert "The vendor says: “Missing or invalid API key”" in line

    def test_of_one_that_has_to_pay_too(self, operator, vendor):
        vendor.policy.billing = "trial_expired"
        card = services.stream_activity("import-7", Progress(title="Nightly", percentage=40))
        deliver()
        said = AccountState.objects.get().vendor_words
        assert said
        for line in self.lines_of(operator, card):
            assert line.startswith("The vendor has asked for payment since ")
            assert f"The vendor says: “{escape(said)}”" in line

    def test_are_gone_when_the_account_is_open(self, operator, vendor):
        card = services.stream_activity("import-7", Progress(title="Nightly", percentage=40))
        deliver()
        AccountState.objects.update(vendor_words="Of another time.")
        for page in (operator.get(reverse(CHANGELIST)), page_of(operator, card)):
            assert "Of another time." not in page.content.decode()

    def test_are_escaped_cut_and_without_the_key(self, operator, scripted_vendor):
        message = f"<b>{KEY}</b>\u202e\\n{'refused ' * 40}"
        body = f'{{"error": "Unauthorized", "message": "{message}"}}'
        scripted_vendor.respond = answer_of(status=401, raw=body.encode())
        card = services.stream_activity("import-7", Progress(title="Nightly", percentage=40))
        deliver()
        for line in self.lines_of(operator, card):
            said = line.partition("The vendor says: “")[2].partition("”")[0]
            assert said.startswith("&lt;b&gt;[API key]&lt;/b&gt;\\u202e refused refused ")
            assert said.endswith("…")
            assert len(said) < 240
        for page in (operator.get(reverse(CHANGELIST)), page_of(operator, card)):
            assert KEY not in page.content.decode()
