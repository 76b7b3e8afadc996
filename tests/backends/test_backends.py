"""Which backend takes the calls: console, dummy, locmem, or a class of the host's."""

from __future__ import annotations

import datetime as dt

import pytest

from django_liveactivity import Progress, services
from django_liveactivity.backends import BaseBackend, get_backend
from django_liveactivity.backends.locmem import outbox
from django_liveactivity.client import Answer, Call, Outcome
from django_liveactivity.delivery import drain
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import LiveActivity, Operation

CONTENT = Progress(title="Größe", percentage=40)
PATH = "django_liveactivity.backends"
ALL = [
    f"{PATH}.console.ConsoleBackend",
    f"{PATH}.dummy.DummyBackend",
    f"{PATH}.locmem.LocmemBackend",
]


def use(settings, backend: str, **options) -> None:
    settings.LIVEACTIVITY = {"default": {"BACKEND": backend, "OPTIONS": options}}


class OwnBackend(BaseBackend):
    """As a host would write one: an option of its own, and send."""

    reaches_network = False
    defaults = {**BaseBackend.defaults, "greeting": "hello"}
    seen: list[Call] = []

    def send(self, call: Call) -> Answer:
        self.seen.append(call)
        return Answer(Outcome.DELIVERED, status=200)


@pytest.mark.django_db
@pytest.mark.parametrize("backend", ALL)
def test_every_backend_that_sends_nothing_delivers(settings, backend, capsys):
    use(settings, backend)
    card = services.stream_activity("order-42", CONTENT)
    drain()
    services.end_activity(card)
    drain()
    card.refresh_from_db()
    assert card.status == LiveActivity.Status.ENDED
    assert set(Operation.objects.values_list("outcome", flat=True)) == {"delivered"}


@pytest.mark.django_db
def test_the_console_shows_each_call(settings, capsys):
    use(settings, ALL[0])
    services.stream_activity("order-42", CONTENT)
    drain()
    services.end_activity(stream_key="order-42")
    drain()
    out = capsys.readouterr().out
    assert "PUT /live-activity/stream/order-42\n" in out
    assert '"title": "Größe"' in out
    assert "DELETE /live-activity/stream/order-42\n" in out


@pytest.mark.django_db
def test_the_outbox_holds_deep_copies(settings, liveactivity_outbox):
    use(settings, ALL[2])
    call = Call("stream", "order-42", {"content_state": {"title": "x"}})
    get_backend().send(call)
    call.body["content_state"]["title"] = "changed"
    assert outbox[0].body["content_state"]["title"] == "x"


@pytest.mark.django_db
def test_a_host_s_own_backend_has_its_options_and_everybody_s(settings):
    use(settings, f"{__name__}.OwnBackend", greeting="hi", channels=["ops"])
    services.stream_activity("order-42", CONTENT)
    drain()
    assert OwnBackend.seen[-1].body["channels"] == ["ops"]


def test_a_backend_is_made_once_and_anew_when_the_setting_changes(settings):
    use(settings, ALL[1])
    first = get_backend()
    assert get_backend() is first
    use(settings, ALL[1], time_to_live=None)
    assert get_backend() is not first
    assert get_backend().time_to_live is None


def test_an_unknown_account_is_named_without_those_there_are(settings):
    use(settings, ALL[1])
    with pytest.raises(InvalidInputError, match="no account 'other'\\.$"):
        get_backend("other")


@pytest.mark.django_db
def test_the_account_s_options_apply_where_the_caller_says_nothing(settings, liveactivity_outbox):
    use(
        settings,
        ALL[2],
        dismiss_after=dt.timedelta(minutes=5),
        time_to_live=dt.timedelta(hours=1),
        channels=["ops"],
    )
    card = services.stream_activity("order-42", CONTENT)
    drain()
    assert drain().again_in == pytest.approx(3600, abs=10)
    services.end_activity(card)
    services.end_activity(stream_key="shown-elsewhere")
    drain()
    bodies = {call.target: call.body for call in outbox if call.method == "DELETE"}
    assert bodies["order-42"]["content_state"]["auto_dismiss_seconds"] == 300
    assert bodies["shown-elsewhere"] == {}
