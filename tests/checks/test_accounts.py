"""The checks of the accounts: one stable id for each rule."""

from __future__ import annotations

import sys

import pytest
from django.core.checks import run_checks

from django_liveactivity import Progress, services
from django_liveactivity.account_entry import AT_LEAST, LONGER, Timing, contradictions
from django_liveactivity.account_source import AccountSource
from django_liveactivity.checks.accounts import check_account_source
from django_liveactivity.client.config import CERTIFICATE_VARIABLES
from django_liveactivity.delivery import drain
from django_liveactivity.models import Attempt
from tests.accounts import sources

from .finding import found

LOCMEM = "django_liveactivity.backends.locmem.LocmemBackend"
ACTIVITYSMITH = "django_liveactivity.backends.activitysmith.ActivitySmithBackend"
KEY = "ask_test"
LOOPBACK = ["http://127.0.0.1:8765/api", "http://localhost/api", "https://[::1]/api"]


def use(settings, account) -> None:
    settings.LIVEACTIVITY = {"default": account} if isinstance(account, dict) else account


def limited(*rate_limit) -> dict[str, object]:
    return {"BACKEND": LOCMEM, "OPTIONS": {"rate_limit": rate_limit}}


@pytest.mark.parametrize(
    ("account", "identity", "words"),
    [
        (["default"], "liveactivity.E001", "must be a dict of accounts"),
        ({"BACKEND": LOCMEM, "OPTION": {}}, "liveactivity.E006", "unknown keys 'OPTION'"),
        ({}, "liveactivity.E001", "needs a BACKEND"),
        ({"BACKEND": LOCMEM, "TIMING": 5}, "liveactivity.E001", "must be a dict"),
        ({"BACKEND": LOCMEM, "TIMING": {"lease": 0}}, "liveactivity.E001", "['lease'] must be"),
        ({"BACKEND": LOCMEM, "TIMING": {"lease": 1.5}}, "liveactivity.E001", "milliseconds"),
        ({"BACKEND": "nowhere.Backend"}, "liveactivity.E002", "cannot import 'nowhere.Backend'"),
        ({"BACKEND": "datetime.datetime"}, "liveactivity.E002", "is not a subclass"),
        ({"BACKEND": "math.floor"}, "liveactivity.E002", "is not a subclass"),
        ({"BACKEND": LOCMEM, "OPTIONS": {"kee": 1}}, "liveactivity.E006", "unknown keys 'kee'"),
        (
            {"BACKEND": LOCMEM, "OPTIONS": {1: 2, "kee": 1}},
            "liveactivity.E006",
            "unknown keys 'kee', 1",
        ),
        ({"BACKEND": LOCMEM, "TIMING": {"leese": 1}}, "liveactivity.E006", "unknown keys 'leese'"),
        ({"BACKEND": ACTIVITYSMITH}, "liveactivity.E005", "give the account's API key"),
        ({"BACKEND": ACTIVITYSMITH, "OPTIONS": {"api_key": " "}}, "liveactivity.E005", "api_key"),
        ({"BACKEND": ACTIVITYSMITH, "OPTIONS": {"api_key": None}}, "liveactivity.E005", "api_key"),
        ({"BACKEND": ACTIVITYSMITH, "OPTIONS": {"api_key": "a b"}}, "liveactivity.E002", "inside"),
        (
            {"BACKEND": ACTIVITYSMITH, "OPTIONS": {"api_key": "ask_x", "base_url": "http://x.y"}},
            "liveactivity.E002",
            "base_url",
        ),
        ({"BACKEND": LOCMEM, "OPTIONS": {"rate_limit": 60}}, "liveactivity.E002", "rate_limit"),
        (limited(60, float("inf")), "liveactivity.E002", "rate_limit: give"),
        (limited(60, float("nan")), "liveactivity.E002", "rate_limit: give"),
        (limited(True, 60), "liveactivity.E002", "rate_limit: give"),
        (
            {"BACKEND": LOCMEM, "OPTIONS": {"dismiss_after": 5}},
            "liveactivity.E002",
            "OPTIONS']: dismiss_after: give",
        ),
        ({"BACKEND": LOCMEM, "OPTIONS": {"channels": "ops"}}, "liveactivity.E002", "channels"),
        ({"BACKEND": LOCMEM, "OPTIONS": {"time_to_live": 8}}, "liveactivity.E002", "time_to_live"),
        ({"BACKEND": LOCMEM, "DISPATCHER": "pigeon"}, "liveactivity.E003", "'pigeon'"),
        ({"BACKEND": LOCMEM, "DISPATCHER": None}, "liveactivity.E003", "is None; give one of"),
        (
            {"BACKEND": LOCMEM, "DISPATCHER": print},
            "liveactivity.E003",
            "the dotted path of a function",
        ),
        ({"BACKEND": LOCMEM, "DATABASE": "nowhere"}, "liveactivity.E004", "not in DATABASES"),
        (
            {"BACKEND": LOCMEM, "DISPATCHER": "immediate"},
            "liveactivity.W001",
            "wait for the vendor",
        ),
    ],
)
def test_each_rule_has_its_id_and_names_the_account(settings, account, identity, words):
    use(settings, account)
    messages = found()
    assert list(messages) == [identity]
    assert words in messages[identity]
    if isinstance(account, dict):
        assert "LIVEACTIVITY['default']" in messages[identity]


@pytest.mark.parametrize("alias", ["", "a" * 65, "café", "two words", "default\n", 1, None])
def test_an_alias_that_no_row_could_hold_is_refused(settings, alias):
    settings.LIVEACTIVITY = {alias: {"BACKEND": LOCMEM}}
    messages = found()
    assert list(messages) == ["liveactivity.E001"]
    assert f"LIVEACTIVITY[{alias!r}]" in messages["liveactivity.E001"]


def test_aliases_that_mariadb_takes_for_one_are_refused(settings):
    settings.LIVEACTIVITY = {"shop": {"BACKEND": LOCMEM}, "Shop": {"BACKEND": LOCMEM}}
    assert "'Shop'] differs from 'shop' in case alone" in found()["liveactivity.E001"]


def test_a_good_account_is_not_mentioned(settings):
    use(settings, {"BACKEND": LOCMEM})
    assert found() == {}


def test_the_missing_extra_of_a_dispatcher_is_named(settings, monkeypatch):
    monkeypatch.setitem(sys.modules, "celery", None)  # so says Python that it is missing
    monkeypatch.delitem(sys.modules, "django_liveactivity.dispatch.celery", raising=False)
    use(settings, {"BACKEND": LOCMEM, "DISPATCHER": "celery"})
    messages = found()
    assert list(messages) == ["liveactivity.E007"]
    assert "pip install 'django-liveactivity[celery]'" in messages["liveactivity.E007"]


@pytest.mark.parametrize(
    ("wrapper", "told"),
    [
        ("nowhere.Wrapper", "transport_wrapper: cannot import it: No module named 'nowhere'."),
        (5, "transport_wrapper: give the dotted path of what takes a transport of httpx's"),
    ],
)
def test_what_wraps_no_transport_is_refused(settings, wrapper, told):
    options = {"api_key": KEY, "transport_wrapper": wrapper}
    use(settings, {"BACKEND": ACTIVITYSMITH, "OPTIONS": options})
    assert told in found()["liveactivity.E002"]


class TestTheAuthorities:
    @pytest.mark.parametrize("name", ["ca_bundle", "SSL_CERT_FILE", "SSL_CERT_DIR"])
    def test_that_are_missing_are_named(self, settings, monkeypatch, tmp_path, name):
        for variable in CERTIFICATE_VARIABLES:
            monkeypatch.delenv(variable, raising=False)
        path, options = str(tmp_path / "nowhere.pem"), {"api_key": KEY}
        if name == "ca_bundle":
            options["ca_bundle"] = tmp_path / "nowhere.pem"
        else:
            monkeypatch.setenv(name, path)
        use(settings, {"BACKEND": ACTIVITYSMITH, "OPTIONS": options})
        messages = found()
        assert list(messages) == ["liveactivity.E017"]
        assert f"{name} is '{path}': No such file or directory" in messages["liveactivity.E017"]

    def test_that_are_no_path_are_refused(self, settings):
        use(settings, {"BACKEND": ACTIVITYSMITH, "OPTIONS": {"api_key": KEY, "ca_bundle": 5}})
        assert "ca_bundle: give the path" in found()["liveactivity.E002"]

    def test_are_not_read_for_a_sandbox(self, settings, monkeypatch):
        settings.DEBUG = True
        monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
        options = {"api_key": KEY, "base_url": LOOPBACK[0]}
        use(settings, {"BACKEND": ACTIVITYSMITH, "OPTIONS": options})
        assert found() == {}


class TestAProxy:
    def test_that_is_wrong_is_an_error(self, settings):
        options = {"api_key": KEY, "proxy": "ftp://jane:canary@proxy"}
        use(settings, {"BACKEND": ACTIVITYSMITH, "OPTIONS": options})
        messages = found()
        assert list(messages) == ["liveactivity.E002"]
        assert "proxy: must start with http://" in messages["liveactivity.E002"]
        assert "canary" not in messages["liveactivity.E002"]

    def test_with_a_password_in_its_url_is_shown_by_django_s_error_pages(self, settings):
        options = {"api_key": KEY, "proxy": "http://jane:canary@proxy:3128"}
        use(settings, {"BACKEND": ACTIVITYSMITH, "OPTIONS": options})
        messages = found()
        assert list(messages) == ["liveactivity.W011"]
        assert "canary" not in messages["liveactivity.W011"]

    @pytest.mark.parametrize("proxy", [None, "", "http://proxy:3128", "socks5h://[::1]"])
    def test_without_a_password_in_its_url_is_not_mentioned(self, settings, proxy):
        options = {"api_key": KEY, "proxy": proxy, "proxy_auth": ("jane", "canary")}
        use(settings, {"BACKEND": ACTIVITYSMITH, "OPTIONS": options})
        assert found() == {}


class TestALoopbackAddress:
    @pytest.mark.parametrize("address", LOOPBACK)
    def test_is_found_where_debug_is_off(self, settings, address):
        options = {"api_key": KEY, "base_url": address}
        use(settings, {"BACKEND": ACTIVITYSMITH, "OPTIONS": options})
        messages = found()
        assert list(messages) == ["liveactivity.W003"]
        assert "LIVEACTIVITY['default']['OPTIONS']: base_url" in messages["liveactivity.W003"]

    def test_is_for_development(self, settings):
        settings.DEBUG = True
        options = {"api_key": KEY, "base_url": LOOPBACK[0]}
        use(settings, {"BACKEND": ACTIVITYSMITH, "OPTIONS": options})
        assert found() == {}

    def test_is_not_the_vendor_s(self, settings):
        use(settings, {"BACKEND": ACTIVITYSMITH, "OPTIONS": {"api_key": KEY}})
        assert found() == {}


class TestAnAddressWithoutAPath:
    @pytest.mark.parametrize("address", ["https://activitysmith.com", "https://activitysmith.com/"])
    def test_is_not_the_api_s(self, settings, address):
        options = {"api_key": KEY, "base_url": address}
        use(settings, {"BACKEND": ACTIVITYSMITH, "OPTIONS": options})
        messages = found()
        assert list(messages) == ["liveactivity.W006"]
        assert "base_url has no path" in messages["liveactivity.W006"]
        assert "https://activitysmith.com/api" in messages["liveactivity.W006"]

    def test_of_a_sandbox_is_not_answered_by_real_phones(self, settings):
        settings.DEBUG = True
        options = {"api_key": KEY, "base_url": "http://127.0.0.1:8765"}
        use(settings, {"BACKEND": ACTIVITYSMITH, "OPTIONS": options})
        [warning] = run_checks(tags=["liveactivity"])
        assert warning.hint == "Give http://127.0.0.1:8765/api."

    def test_is_found_in_development_too(self, settings):
        settings.DEBUG = True
        options = {"api_key": KEY, "base_url": "http://127.0.0.1:8765"}
        use(settings, {"BACKEND": ACTIVITYSMITH, "OPTIONS": options})
        assert list(found()) == ["liveactivity.W006"]


def test_an_immediate_dispatcher_is_for_development(settings):
    settings.DEBUG = True
    use(settings, {"BACKEND": LOCMEM, "DISPATCHER": "immediate"})
    assert found() == {}


def test_each_account_is_checked(settings):
    settings.LIVEACTIVITY = {
        "default": {"BACKEND": LOCMEM},
        "alerts": {"BACKEND": ACTIVITYSMITH},
        "shop": {"BACKEND": LOCMEM, "DISPATCHER": "pigeon"},
    }
    messages = found()
    assert "LIVEACTIVITY['alerts']" in messages.pop("liveactivity.E005")
    assert "LIVEACTIVITY['shop']" in messages.pop("liveactivity.E003")
    assert messages == {}


class TestAccountSource:
    """What all accounts of the source have in common is checked; none of them is asked for."""

    @pytest.fixture
    def source(self, settings):
        class Source(AccountSource):
            pass

        sources.Tested = Source
        settings.LIVEACTIVITY_ACCOUNTS = "tests.accounts.sources.Tested"
        yield Source
        del sources.Tested

    def ids(self):
        return [message.id for message in check_account_source()]

    def test_none_is_fine(self, settings):
        settings.LIVEACTIVITY_ACCOUNTS = None
        assert self.ids() == []

    def test_one_that_is_right(self, source):
        assert self.ids() == []

    @pytest.mark.parametrize(
        ("name", "value", "expected"),
        [
            ("database", "nowhere", "liveactivity.E004"),
            ("dispatcher", "pigeon", "liveactivity.E003"),
            ("dispatcher", "immediate", "liveactivity.W001"),
            ("timing", {"lease": -1}, "liveactivity.E011"),
            ("timing", {"leas": 1}, "liveactivity.E006"),
            ("timing", {"lease": 5_000}, "liveactivity.E019"),
        ],
    )
    def test_what_is_wrong_is_said(self, source, name, value, expected):
        setattr(source, name, value)
        assert self.ids() == [expected]

    def test_a_path_that_leads_nowhere(self, settings):
        settings.LIVEACTIVITY_ACCOUNTS = "tests.accounts.sources.Nothing"
        assert self.ids() == ["liveactivity.E011"]


class TestDurationsThatCannotBothHold:
    @pytest.mark.parametrize(("one", "other"), [pair[:2] for pair in LONGER])
    def test_one_is_longer_than_the_other(self, settings, one, other):
        usual = getattr(Timing(), other)
        use(settings, {"BACKEND": LOCMEM, "TIMING": {one: usual}})
        told = f"LIVEACTIVITY['default']['TIMING']: {one} ({usual}) must be longer than {other} "
        assert found()["liveactivity.E019"].startswith(told)
        use(settings, {"BACKEND": LOCMEM, "TIMING": {one: usual + 1}})
        assert found() == {}

    @pytest.mark.parametrize(("bound", "pause"), AT_LEAST)
    def test_a_bound_is_no_shorter_than_its_pause(self, settings, bound, pause):
        usual = getattr(Timing(), pause)
        use(settings, {"BACKEND": LOCMEM, "TIMING": {bound: usual - 1}})
        told = f"{bound} ({usual - 1}) must not be shorter than {pause} ({usual})."
        assert told in found()["liveactivity.E019"]
        use(settings, {"BACKEND": LOCMEM, "TIMING": {bound: usual}})
        assert found() == {}

    def test_all_of_them_are_told(self):
        timing = Timing(lease=1, permit=1, probe_cap=1)
        assert [words.split()[0] for words in contradictions(timing)] == [
            "lease",
            "permit",
            "probe_cap",
        ]

    @pytest.mark.parametrize("divisor", [1, 20, 100])
    def test_the_usual_ones_go_together_at_any_pace(self, divisor):
        assert list(contradictions(Timing().divided_by(divisor))) == []


def test_a_lease_that_the_check_refuses_makes_no_call(configure, sandbox, db):
    """What it warns of: the call might outlast the lease, so it is never made."""
    configure(timing={"lease": Timing().call_deadline})
    services.stream_activity("a", Progress(title="x", percentage=1))
    drain("default", seconds=0)
    assert sandbox.calls() == []
    assert Attempt.objects.get().outcome == "not_sent"
