"""The progress of a batch of ends: in words above its list, and as JSON for the script."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from django_liveactivity import Progress, services
from django_liveactivity.admin.batch_progress import again_in, progress_text, rough_duration
from django_liveactivity.delivery import drain
from django_liveactivity.health import Condition
from django_liveactivity.health.progress import BatchProgress, Queue, batch_progress
from django_liveactivity.models import AccountState, EndBatch, LiveActivity, Operation
from django_liveactivity.testing import deliver
from tests.clock import advance

from .conftest import CHANGELIST, cards_in, confirm_end, names_in

pytestmark = pytest.mark.django_db
PROGRESS = "admin:django_liveactivity_liveactivity_batch"
LOCMEM = "django_liveactivity.backends.locmem.LocmemBackend"
MINUTE, HOUR = 60, 3600


@pytest.fixture(autouse=True)
def sixty_a_minute(settings):
    account = {"BACKEND": LOCMEM, "OPTIONS": {"rate_limit": (60, 60)}}
    settings.LIVEACTIVITY = {"default": account, "night": account}


def show(key: str, **options: Any) -> LiveActivity:
    return services.stream_activity(key, Progress(title=key, percentage=40), **options)


@pytest.fixture
def viewer(enter) -> Client:
    """A user who may look, besides the operator."""
    return enter("view", name="vera")


@pytest.fixture
def cards(operator) -> list[LiveActivity]:
    cards = [show(f"order-{n}") for n in range(6)]
    Operation.objects.update(state="done", next_try_at=None)
    return cards


@pytest.fixture
def batch(operator, cards) -> EndBatch:
    """Six cards that end by one confirmation."""
    confirm_end(operator, *cards)
    return EndBatch.objects.get()


def line(client: Client, batch: EndBatch) -> str:
    return str(cards_in(client, batch=batch.pk).context["batch"]["text"])


def ask(client: Client, number: int) -> Any:
    return client.get(reverse(PROGRESS, args=[number]))


def finish(number: int, state: str = "done") -> None:
    """Let the oldest pending ends be in another state."""
    pending = Operation.objects.filter(kind="end", state="pending").order_by("pk")[:number]
    ids = [end.pk for end in pending]
    Operation.objects.filter(pk__in=ids).update(state=state, next_try_at=None)


class TestTheLine:
    def test_tells_how_many_have_ended_and_how_long_the_rest_takes(self, viewer, batch):
        finish(2)
        assert line(viewer, batch) == "2 of 6 ended, about 1 min left at 60 a minute."

    def test_tells_that_all_have_ended(self, viewer, batch):
        deliver()
        assert line(viewer, batch) == "6 of 6 ended."

    def test_tells_apart_what_has_not_ended(self, viewer, batch):
        finish(1)
        finish(2, "needs_operator")
        finish(1, "given_up")
        finish(1, "superseded")
        assert line(viewer, batch) == (
            "1 of 6 ended, about 1 min left at 60 a minute. 2 need an operator. 1 was given up. "
            "1 was replaced by a later decision."
        )

    def test_counts_what_was_due_before(self, viewer, cards, operator):
        AccountState.objects.create(account="default")
        others = [show(f"before-{n}") for n in range(8)]
        for card in others:
            services.end_activity(card)
        ends = Operation.objects.filter(kind="end")
        ends.update(next_try_at=1, due_at=1)
        ends.filter(activity=others[0]).update(state="done", next_try_at=None)
        confirm_end(operator, *cards)
        services.end_activity(show("after"))
        found = batch_progress(EndBatch.objects.get().pk, "default")
        (queue,) = found.queues
        assert (queue.pending, queue.before) == (6, 7)
        assert found.seconds_left == 13

    def test_tells_when_the_first_is_due(self, viewer, cards, operator):
        confirm_end(operator, *cards, when="after", after_minutes="90")
        text = line(viewer, EndBatch.objects.get())
        assert text == "0 of 6 ended, the next in about 1 h 30."

    def test_tells_why_an_account_stands_still(self, viewer, vendor, operator):
        cards = [show(f"order-{n}") for n in range(2)]
        vendor.policy.api_keys = ["another"]
        drain()
        confirm_end(operator, *cards)
        text = line(viewer, EndBatch.objects.get())
        assert text.startswith("0 of 2 ended. Account default: The account has been blocked since ")

    def test_has_a_link_that_works_without_script(self, viewer, batch):
        page = cards_in(viewer, batch=batch.pk).content.decode()
        assert f'<a href="{reverse(CHANGELIST)}?batch={batch.pk}">Refresh</a>' in page

    def test_has_the_script_while_it_goes_on(self, viewer, batch):
        page = cards_in(viewer, batch=batch.pk).content.decode()
        assert f'data-url="{reverse(PROGRESS, args=[batch.pk])}"' in page
        assert 'data-again-in="5"' in page
        assert page.count("django_liveactivity/batch.js") == 1
        deliver()
        page = cards_in(viewer, batch=batch.pk).content.decode()
        assert "data-url" not in page
        assert "batch.js" not in page

    @pytest.mark.parametrize(
        "number",
        ["", "0", "999", "x", "\u0661", "9" * 30, "0" * 20 + "9" * 30, "0" * 5000, "1\0", "-1"],
    )
    def test_is_not_there_without_such_a_batch(self, viewer, batch, number):
        assert cards_in(viewer, batch=number).context["batch"] is None

    def test_is_not_there_above_another_list(self, viewer, batch):
        answer = cards_in(viewer)
        assert answer.context["batch"] is None
        assert "liveactivity-batch" not in answer.content.decode()

    @pytest.mark.parametrize("number", ["999", "x", "9" * 30, "-1"])
    def test_of_no_batch_has_no_cards(self, viewer, batch, number):
        assert names_in(viewer, batch=number) == set()


class TestTheAnswer:
    def test_has_the_words_and_when_to_ask_again(self, viewer, batch):
        answer = ask(viewer, batch.pk)
        text = "0 of 6 ended, about 1 min left at 60 a minute."
        assert answer.json() == {"text": text, "again_in": 5}
        deliver()
        assert ask(viewer, batch.pk).json() == {"text": "6 of 6 ended.", "again_in": None}

    def test_is_never_stored(self, viewer, batch):
        assert "no-store" in ask(viewer, batch.pk).headers["Cache-Control"]

    @pytest.mark.parametrize("number", [0, 999, 2**63 - 1, 2**63, 10**30])
    def test_of_no_batch_is_404(self, viewer, batch, number):
        assert ask(viewer, number).status_code == 404

    def test_needs_the_permission_to_look(self, enter, batch):
        assert ask(enter("end", name="bob"), batch.pk).status_code == 403
        assert ask(Client(), batch.pk).status_code == 302

    def test_takes_two_statements(self, batch, django_assert_num_queries):
        with django_assert_num_queries(2):
            batch_progress(batch.pk, "default")

    def test_takes_one_when_nothing_is_left(self, batch, django_assert_num_queries):
        deliver()
        with django_assert_num_queries(1):
            batch_progress(batch.pk, "default")


class TestTheEstimate:
    @pytest.mark.parametrize(
        ("seconds", "text"),
        [
            (0, "1 min"),
            (1, "1 min"),
            (60, "1 min"),
            (61, "2 min"),
            (59 * MINUTE, "59 min"),
            (HOUR, "60 min"),
            (HOUR + 1, "1 h 00"),
            (HOUR + 6 * MINUTE, "1 h 10"),
            (11_518, "3 h 10"),
            (2 * HOUR - 1, "2 h 00"),
            (9 * HOUR + 54 * MINUTE, "9 h 50"),
            (9 * HOUR + 56 * MINUTE, "10 h"),
            (25 * HOUR + MINUTE, "25 h"),
        ],
    )
    def test_is_as_exact_as_it_is_worth(self, seconds, text):
        assert rough_duration(seconds) == text

    def test_of_12_000_cards(self):
        queue = Queue("default", 11_518, rate_limit=(60, 60))
        found = BatchProgress({"done": 482, "pending": 11_518}, (queue,))
        assert progress_text(found) == ("482 of 12,000 ended, about 3 h 10 left at 60 a minute.")
        assert again_in(found) == 20

    @pytest.mark.parametrize(
        ("rate_limit", "text"),
        [
            (None, "0 of 60 ended."),
            ((60, 60), "0 of 60 ended, about 1 min left at 60 a minute."),
            ((1, 7), "0 of 60 ended, about 7 min left at 9 a minute."),
            ((1, 120), "0 of 60 ended, about 2 h 00 left at 0.5 a minute."),
        ],
    )
    def test_is_by_the_rate_limit_of_the_account(self, rate_limit, text):
        queue = Queue("default", 60, rate_limit=rate_limit)
        assert progress_text(BatchProgress({"pending": 60}, (queue,))) == text

    def test_of_several_accounts_is_that_of_the_slowest(self):
        quick = Queue("quick", 10, rate_limit=(60, 60))
        slow = Queue("slow", 10, before=290, rate_limit=(60, 60))
        found = BatchProgress({"pending": 20}, (quick, slow))
        assert found.seconds_left == 300
        assert found.per_minute == 120

    def test_of_a_frozen_account_begins_with_its_next_call(self):
        frozen = Queue("a", 10, 0, (60, 60), Condition.FROZEN, "The vendor answered 429.", 50.0)
        assert frozen.seconds_left == 60
        text = progress_text(BatchProgress({"pending": 10}, (frozen,)))
        assert text.endswith("Account a: The vendor answered 429.")

    def test_of_a_blocked_account_is_unknown(self):
        blocked = Queue("a", 10, 0, (60, 60), Condition.BLOCKED, "No.", 50.0)
        other = Queue("b", 10, 0, (60, 60))
        found = BatchProgress({"pending": 20}, (blocked, other))
        assert found.seconds_left is None
        assert progress_text(found) == "0 of 20 ended. Account a: No."

    def test_of_an_account_that_asks_for_payment_goes_on(self):
        billing = Queue("a", 10, 0, (60, 60), Condition.BILLING, "Pay.", 50.0)
        text = progress_text(BatchProgress({"pending": 10}, (billing,)))
        assert text == "0 of 10 ended, about 1 min left at 60 a minute."

    def test_reads_each_account(self, operator, cards):
        half = [card.pk for card in cards[:3]]
        LiveActivity.objects.filter(pk__in=half).update(account="night")
        Operation.objects.filter(activity__in=half).update(account="night")
        AccountState.objects.create(account="night", frozen_until=2**60)
        confirm_end(operator, *cards)
        found = batch_progress(EndBatch.objects.get().pk, "default")
        assert [(q.account, q.pending, q.condition) for q in found.queues] == [
            ("default", 3, Condition.OPEN),
            ("night", 3, Condition.FROZEN),
        ]

    def test_of_an_account_that_was_removed_is_unknown(self, batch, settings):
        del settings.LIVEACTIVITY["default"]
        settings.LIVEACTIVITY = {"night": settings.LIVEACTIVITY["night"]}
        (queue,) = batch_progress(batch.pk, "default").queues
        assert queue.seconds_left is None

    @pytest.mark.parametrize(
        ("found", "seconds"),
        [
            (BatchProgress({"done": 1}), None),
            (BatchProgress({"needs_operator": 1}), None),
            (BatchProgress({"pending": 1}), 5),
            (BatchProgress({"pending": 1}, (Queue("a", 599, rate_limit=(60, 60)),)), 5),
            (BatchProgress({"pending": 1}, (Queue("a", 600, rate_limit=(60, 60)),)), 20),
            (BatchProgress({"pending": 1}, due_in=3_600.0), 60),
            (BatchProgress({"pending": 1}, due_in=30.5), 30),
            (BatchProgress({"pending": 1}, due_in=1.0), 5),
        ],
    )
    def test_decides_when_to_ask_again(self, found, seconds):
        assert again_in(found) == seconds


def test_scheduled_ends_are_told_apart_from_due_ones(operator, cards):
    confirm_end(operator, *cards, when="after", after_minutes="60")
    found = batch_progress(EndBatch.objects.get().pk, "default")
    assert 3_590 < found.due_in <= 3_600
    assert found.queues == ()
    services.end_activity(cards[0], after=timedelta(hours=2))
    advance(3_700)
    deliver()
    found = batch_progress(EndBatch.objects.get().pk, "default")
    assert dict(found.counts) == {"done": 5, "superseded": 1}
