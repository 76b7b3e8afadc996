"""The async face: the same services, and an event loop that never waits for the database."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
import time

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import SynchronousOnlyOperation
from django.db import transaction
from django.db.models.signals import post_save
from django.http import HttpResponse
from django.test import AsyncClient
from django.urls import path

from django_liveactivity import Progress, services
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import LiveActivity, Operation

pytestmark = pytest.mark.django_db(transaction=True)
CONTENT = Progress(title="Order 42", percentage=40)
LONGEST_CALLBACK = 0.05
TRIES = 10
SYNC = ("Card", "ClosingAccount", "live_activity")


async def ending(request):
    """A view that shows a card and ends it, as an async view does it."""
    card = await services.astream_activity("order-42", CONTENT)
    end = await services.aend_activity(card, reason=request.GET["reason"])
    return HttpResponse(str(end.pk))


async def in_the_loop(request):
    """A view that tells where its own code runs."""
    return HttpResponse(str(is_in_a_loop()))


urlpatterns = [path("ending/", ending), path("in-the-loop/", in_the_loop)]


def is_in_a_loop() -> bool:
    """Tell whether this thread runs an event loop, which would wait for what is done here."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@async_to_sync
async def get(url: str) -> HttpResponse:
    """Call a view through ASGI, in a loop that logs each callback of over 50 ms."""
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = LONGEST_CALLBACK
    return await AsyncClient().get(url)


@pytest.fixture
def stored_in_a_loop():
    """For each operation, whether an event loop waited while it was stored, which takes long."""
    found: list[bool] = []

    def note(**_):
        found.append(is_in_a_loop())
        time.sleep(2 * LONGEST_CALLBACK)

    post_save.connect(note, sender=Operation)
    yield found
    post_save.disconnect(note, sender=Operation)


@pytest.mark.urls(__name__)
class TestInAnAsgiView:
    def test_the_loop_does_not_wait_for_the_database(self, stored_in_a_loop):
        response = get("/ending/?reason=delivered")
        end = Operation.objects.get(pk=response.content)
        assert (end.kind, end.reason) == ("end", "delivered")
        assert stored_in_a_loop
        assert not any(stored_in_a_loop)

    def test_asyncio_finds_no_callback_that_waits(self, stored_in_a_loop, caplog):
        """A busy machine may hold up any callback; the database would hold up one in each try."""
        caplog.set_level(logging.WARNING, "asyncio")

        def is_quick() -> bool:
            caplog.clear()
            get("/ending/?reason=delivered")
            return "Executing" not in caplog.text

        assert any(is_quick() for _ in range(TRIES))

    def test_what_would_wait_is_known(self):
        assert get("/in-the-loop/").content == b"True"


def test_every_service_has_an_async_face_of_the_same_signature():
    names = [n for n in services.__all__ if not n.startswith("a") and n not in SYNC]
    assert len(names) >= 8
    for name in names:
        sync, awaited = getattr(services, name), getattr(services, f"a{name}")
        assert inspect.iscoroutinefunction(awaited)
        assert inspect.signature(awaited) == inspect.signature(sync)
        assert awaited.__name__ == f"a{name}"
        assert awaited.__doc__ == sync.__doc__


def test_a_sync_service_is_refused_in_an_event_loop():
    async def show():
        services.stream_activity("order-42", CONTENT)

    with pytest.raises(SynchronousOnlyOperation):
        async_to_sync(show)()
    assert not LiveActivity.objects.exists()


def test_it_takes_part_in_the_transaction_of_the_thread_that_waits_for_it():
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        async_to_sync(services.astream_activity)("order-42", CONTENT)
        assert LiveActivity.objects.exists()
        raise ZeroDivisionError
    assert not LiveActivity.objects.exists()


def test_bad_input_raises_where_it_is_awaited():
    async def show():
        await services.astream_activity("no spaces", CONTENT)

    with pytest.raises(InvalidInputError, match="stream_key"):
        async_to_sync(show)()


class TestAnAsyncBlock:
    """``async with services.live_activity(…)`` ends its card however it is left."""

    def kinds(self) -> list[str]:
        return list(Operation.objects.order_by("pk").values_list("kind", flat=True))

    def test_shows_and_ends(self):
        @async_to_sync
        async def work():
            async with services.live_activity("import-7", CONTENT, reason="nightly") as card:
                await card.astream(CONTENT)

        work()
        assert self.kinds() == ["stream", "stream", "end"]
        assert set(Operation.objects.values_list("reason", flat=True)) == {"nightly"}

    def test_may_be_ended_before(self):
        @async_to_sync
        async def work():
            async with services.live_activity("import-7", CONTENT) as card:
                await card.aend(Progress(title="Done", percentage=100))

        work()
        assert self.kinds() == ["stream", "end"]
        assert Operation.objects.latest("pk").content["title"] == "Done"

    def test_ends_on_an_error(self):
        @async_to_sync
        async def work():
            async with services.live_activity("import-7", CONTENT):
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            work()
        assert self.kinds() == ["stream", "end"]

    def test_ends_when_its_task_is_cancelled(self):
        shown = asyncio.Event()

        async def work():
            async with services.live_activity("import-7", CONTENT):
                shown.set()
                await asyncio.Event().wait()

        @async_to_sync
        async def cancel():
            task = asyncio.create_task(work())
            await shown.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        cancel()
        assert self.kinds() == ["stream", "end"]

    @pytest.mark.parametrize("times", [1, 2])
    def test_ends_when_its_task_is_cancelled_while_the_row_is_inserted(self, times):
        inserting, go_on, ended = threading.Event(), threading.Event(), threading.Event()

        def insert_slowly(created, instance, **_):
            inserting.set()
            assert go_on.wait(10)

        def notice(instance, **_):
            if instance.kind == "end":
                ended.set()

        async def work():
            async with services.live_activity("import-7", CONTENT):
                raise AssertionError("the block was canceled before it began")

        @async_to_sync
        async def cancel():
            task = asyncio.create_task(work())
            assert await asyncio.to_thread(inserting.wait, 10)
            for _ in range(times):
                task.cancel()
                await asyncio.sleep(0.05)
            go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await task
            # Canceled twice, the task leaves this to the loop.
            assert await asyncio.to_thread(ended.wait, 10)

        post_save.connect(insert_slowly, sender=LiveActivity)
        post_save.connect(notice, sender=Operation)
        try:
            cancel()
        finally:
            go_on.set()
            post_save.disconnect(insert_slowly, sender=LiveActivity)
            post_save.disconnect(notice, sender=Operation)
        assert self.kinds() == ["stream", "end"]

    def test_that_cannot_be_entered_raises_what_went_wrong(self):
        async def work():
            async with services.live_activity("no spaces", CONTENT):
                raise AssertionError

        with pytest.raises(InvalidInputError, match="stream_key"):
            async_to_sync(work)()
