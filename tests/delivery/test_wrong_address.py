"""A base_url that leads elsewhere: its 404s end no card, and are told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from django_liveactivity import services
from django_liveactivity.models import AccountState, Attempt, Operation
from tests.client.server import Server, answer
from tests.clock import advance

from .vocabulary import alive, calls, deliver, progress, states, status

VENDORS = {
    "error": "Live Activity stream not found",
    "message": "No Live Activity stream found for stream_key: order-42",
}
VAGUE = {"error": "Not found", "message": "No such record"}
STRANGERS = {
    "html": answer(raw=b"<html><title>404</title>", status=404),
    "fastapi": answer({"detail": "Not Found"}, 404),
    "nest": answer(
        {
            "statusCode": 404,
            "message": "Cannot DELETE /live-activity/stream/order-42",
            "error": "Not Found",
        },
        404,
    ),
    "fastify": answer(
        {
            "message": "Route DELETE:/live-activity/stream/order-42 not found",
            "error": "Not Found",
            "statusCode": 404,
        },
        404,
    ),
    "boom": answer({"statusCode": 404, "error": "Not Found", "message": "Not Found"}, 404),
}


@pytest.fixture
def elsewhere() -> Iterator[Server]:
    """A server that is not the vendor's, or may not be."""
    server = Server()
    yield server
    server.close()


def blocked() -> bool:
    return AccountState.objects.get().blocked_since is not None


class TestACardThatIsShown:
    def test_is_not_ended_by_the_address_without_its_path(self, configure, vendor, card, said):
        configure(base_url=vendor.base)
        services.end_activity(card)
        deliver()
        assert states(card)[-1] == "end pending unauthorized"
        assert blocked()
        assert len(said()) == 1
        assert said()[0].startswith("default: end of order-42: unauthorized 404 HTTP 404")
        assert "may not be the vendor's API: check base_url; it is tried again." in said()[0]
        configure()
        advance(31)
        deliver()
        assert states(card)[-1] == "end done delivered"
        assert vendor.phone()["empty"]
        assert not blocked()

    @pytest.mark.parametrize("stranger", STRANGERS.values(), ids=STRANGERS)
    def test_is_not_ended_by_another_servers_404(
        self, configure, vendor, card, elsewhere, stranger
    ):
        elsewhere.respond = stranger
        configure(base_url=elsewhere.url)
        services.end_activity(card)
        deliver()
        assert len(elsewhere.requests) == 1
        assert states(card)[-1] == "end pending unauthorized"
        assert blocked()
        assert status(card) == "live"
        configure()
        advance(301)
        deliver()
        assert states(card)[-1] == "end done delivered"
        assert vendor.phone()["empty"]

    def test_is_not_ended_by_a_path_that_the_vendor_does_not_have(self, configure, vendor, card):
        configure(base_url=f"{vendor.url}/v9")
        services.end_activity(card)
        deliver()
        assert calls(vendor)[-1] == "DELETE order-42 404"
        assert states(card)[-1] == "end pending unauthorized"
        assert set(alive(vendor)) == {"order-42"}

    def test_that_the_vendor_denies_is_ended_and_told(self, vendor, card, said):
        vendor.reset()
        services.end_activity(card)
        deliver()
        assert states(card)[-1] == "end done not_found"
        assert len(said()) == 1
        assert said()[0].startswith("default: end of order-42: not_found 404 HTTP 404: Live ")
        assert said()[0].endswith(
            "; it was shown before and may still be on phones: check base_url and api_key."
        )


class TestAnEndOfAKeyOfOthers:
    def test_that_the_vendor_does_not_know_is_done_and_no_trouble(self, vendor, said):
        services.end_activity(stream_key="prod-web-1")
        deliver()
        assert states() == ["end done not_found"]
        assert said() == []

    @pytest.mark.parametrize("stranger", STRANGERS.values(), ids=STRANGERS)
    def test_waits_for_the_vendor(self, configure, db, elsewhere, stranger):
        elsewhere.respond = stranger
        configure(base_url=elsewhere.url)
        services.end_activity(stream_key="order-42")
        deliver()
        assert states() == ["end pending unauthorized"]


class TestAnAddressThatHasAnsweredWell:
    @pytest.fixture
    def known(self, configure, db, elsewhere) -> Server:
        """An address that has shown a card, and answers 404 in words of its own from now on."""
        configure(base_url=elsewhere.url)
        services.stream_activity("another", progress(1))
        deliver()
        elsewhere.respond = answer(VAGUE, 404)
        return elsewhere

    def test_is_believed_that_there_is_no_such_stream(self, known):
        end = services.end_activity(stream_key="order-42")
        deliver()
        assert states()[-1] == "end done not_found"
        assert Attempt.objects.get(operation=end).outcome == "not_found"
        assert not blocked()

    def test_is_believed_that_there_is_no_such_activity(self, known):
        services.end_activity(activity_id="no-such-id", content=progress(1))
        deliver()
        assert states()[-1] == "end needs_operator not_found"

    def test_is_believed_of_content_too(self, known):
        services.stream_activity("order-42", progress(1))
        deliver()
        assert states()[-1] == "stream failed not_found"

    def test_is_not_believed_once_the_account_has_another_address(self, configure, known):
        configure(base_url=f"{known.url}/v2")
        services.end_activity(stream_key="order-42")
        deliver()
        assert states()[-1] == "end pending unauthorized"
        assert blocked()

    def test_is_written_down_once(self, known):
        address = AccountState.objects.get().known_address
        assert len(address) == 64
        known.respond = answer()
        services.stream_activity("order-42", progress(1))
        deliver()
        assert AccountState.objects.get().known_address == address


class TestAnAddressThatIsNew:
    """Nothing has ever been answered well, and the vendor's words for a 404 may be unknown."""

    @pytest.fixture
    def new(self, configure, db, elsewhere) -> Server:
        configure(base_url=elsewhere.url)
        elsewhere.respond = answer(VAGUE, 404)
        return elsewhere

    def test_is_opened_by_content_and_believed_from_then_on(self, new):
        end = services.end_activity(activity_id="no-such-id", content=progress(1))
        deliver()
        assert blocked()
        services.stream_activity("order-42", progress(1))
        advance(31)
        new.respond = answer()
        deliver()
        assert [request.method for request in new.requests] == ["POST", "PUT"]
        assert not blocked()
        new.respond = answer(VAGUE, 404)
        advance(301)
        deliver()
        end.refresh_from_db()
        assert (end.state, end.outcome) == (Operation.State.NEEDS_OPERATOR, "not_found")

    def test_costs_no_content(self, configure, vendor, new):
        configure(base_url=new.url)
        services.stream_activity("order-42", progress(1), time_to_live=dt.timedelta(hours=1))
        deliver()
        assert states() == ["stream pending unauthorized"]
        configure()
        advance(31)
        deliver()
        assert states() == ["stream done delivered"]

    def test_by_the_vendors_own_words_is_the_vendors(self, new):
        new.respond = answer(VENDORS, 404)
        services.end_activity(stream_key="order-42")
        deliver()
        assert states() == ["end done not_found"]
        assert AccountState.objects.get().known_address == ""
