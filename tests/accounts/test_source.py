"""What a process knows of the account source, and when it asks."""

from __future__ import annotations

import threading
import time

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from django_liveactivity import account_source, backends, conf, services
from django_liveactivity.backends import configured_backend, get_backend, on_this_machine
from django_liveactivity.delivery import drain
from django_liveactivity.exceptions import AccountSourceError, UnknownAccountError
from django_liveactivity.health import Condition
from django_liveactivity.models import Operation

from .conftest import LOCMEM, VENDOR

pytestmark = pytest.mark.django_db(transaction=True)


class TestAsking:
    def test_an_account_is_asked_for_by_its_alias_once(self, source):
        source.put("acme", BACKEND=LOCMEM)
        source.put("other", BACKEND=LOCMEM)
        first = conf.account("acme")
        assert conf.account("acme") is first
        assert (first.alias, first.backend, first.from_source) == ("acme", LOCMEM, True)
        assert source.asked == ["version", "acme"]

    def test_a_change_is_seen_when_the_version_is_read_again(self, source, later):
        source.put("acme", BACKEND=LOCMEM)
        conf.account("acme")
        source.put("acme", BACKEND=LOCMEM, CLOSING=True)
        assert not conf.account("acme").closing
        later()
        assert conf.account("acme").closing

    def test_a_change_of_another_account_changes_nothing(self, source, later):
        source.put("acme", BACKEND=LOCMEM)
        before = conf.account("acme")
        source.put("other", BACKEND=LOCMEM)
        later()
        assert conf.account("acme") is before
        assert source.asked == ["version", "acme", "version", "acme"]

    def test_one_that_is_removed_is_unknown(self, source, later):
        source.put("acme", BACKEND=LOCMEM)
        conf.account("acme")
        source.remove("acme")
        later()
        with pytest.raises(UnknownAccountError, match=r"account: .*has an account 'acme'"):
            conf.account("acme")

    def test_the_version_is_read_at_most_every_2_s(self, source, monkeypatch):
        clock = [1000.0]
        monkeypatch.setattr(account_source.time, "monotonic", lambda: clock[0])
        with transaction.atomic():  # in this thread
            source.put("acme", BACKEND=LOCMEM)
            for moment in (1000.0, 1001.1, 1001.9, 1002.1):
                clock[0] = moment
                conf.changes()
        assert source.asked == ["version"] * 2

    @pytest.mark.parametrize("alias", ["Acme", "a b", "", "a" * 65, "größe", "acme\n", None, 7])
    def test_what_can_be_no_alias_is_not_asked_for(self, source, alias):
        with pytest.raises(UnknownAccountError):
            conf.account(alias)
        assert source.asked == []

    def test_an_account_of_the_settings_comes_first(self, source, settings):
        settings.LIVEACTIVITY = {"Acme": {"BACKEND": LOCMEM}}
        source.put("acme", BACKEND=VENDOR)
        assert not conf.account("Acme").from_source
        with pytest.raises(UnknownAccountError):
            conf.account("acme")  # MariaDB would take it for the other one

    def test_without_a_source_the_settings_are_all(self, settings):
        settings.LIVEACTIVITY_ACCOUNTS = None
        with pytest.raises(UnknownAccountError, match="LIVEACTIVITY has no account 'acme'"):
            conf.account("acme")
        with pytest.raises(UnknownAccountError):
            conf.stand_in("acme")


class TestWrongAnswers:
    @pytest.mark.parametrize(
        ("entry", "message"),
        [
            ({}, "needs a BACKEND"),
            ({"BACKEND": LOCMEM, "KEY": 1}, "unknown keys 'KEY'"),
            ({"BACKEND": LOCMEM, "CLOSING": 1}, r"\['CLOSING'\] must be True or False"),
            ({"BACKEND": LOCMEM, "DATABASE": "other"}, "DATABASE is that of all its accounts"),
            ({"BACKEND": LOCMEM, "DISPATCHER": "celery"}, "DISPATCHER is that of all"),
            ({"BACKEND": LOCMEM, "TIMING": {"lease": 1}}, "TIMING is that of all"),
        ],
    )
    def test_an_entry_that_is_wrong_names_the_account(self, source, entry, message):
        source.put("acme", **entry)
        with pytest.raises(ImproperlyConfigured, match=message) as caught:
            conf.account("acme")
        assert str(caught.value).startswith("LIVEACTIVITY_ACCOUNTS['acme']")

    def test_what_is_common_may_be_said_again(self, source):
        source.put("acme", BACKEND=LOCMEM, DATABASE="default", DISPATCHER="none")
        assert conf.account("acme").database == "default"

    @pytest.mark.parametrize(
        ("path", "message"),
        [
            ("nowhere.Source", "cannot import 'nowhere.Source'"),
            ("tests.accounts.sources.PATH", "is not a subclass"),
            ("builtins.dict", "is not a subclass"),
            (7, "cannot import 7"),
        ],
    )
    def test_a_source_that_is_none(self, settings, path, message):
        settings.LIVEACTIVITY_ACCOUNTS = path
        with pytest.raises(ImproperlyConfigured, match=message):
            conf.account("acme")


class TestDown:
    def test_known_accounts_go_on(self, source, later, caplog):
        source.put("acme", BACKEND=LOCMEM)
        before = conf.account("acme")
        source.error = OSError("no route to the vault")
        for _ in range(3):
            later()
            assert conf.account("acme") is before
        told = [r.message for r in caplog.records if r.name == "django_liveactivity.accounts"]
        reason = "(OSError: no route to the vault)"
        assert told == [f"The account source does not answer {reason}; known accounts go on."]
        source.error = None
        later()
        assert conf.account("acme") is before

    def test_one_that_has_changed_goes_on_as_it_was(self, source, later):
        source.put("acme", BACKEND=LOCMEM)
        before = conf.account("acme")
        with transaction.atomic():
            later()
            source.put("acme", BACKEND=LOCMEM, CLOSING=True)
            conf.changes()  # that something has changed is still learned
        source.error = OSError("down")
        assert conf.account("acme") is before

    def test_one_that_was_removed_does_not_come_back(self, source, later):
        source.put("acme", BACKEND=LOCMEM)
        conf.account("acme")
        source.remove("acme")
        later()
        with pytest.raises(UnknownAccountError):
            conf.account("acme")
        source.error = OSError("down")
        with pytest.raises(AccountSourceError):
            conf.account("acme")

    def test_an_unknown_alias_gets_a_clear_error(self, source):
        source.error = OSError("down")
        with pytest.raises(AccountSourceError, match="does not answer"):
            services.end_activity(stream_key="order-42", account="acme")

    def test_it_is_seen_again_when_the_source_is_back(self, source, later):
        source.put("acme", BACKEND=LOCMEM)
        source.error = OSError("down")
        with pytest.raises(AccountSourceError):
            conf.account("acme")
        source.error = None
        assert conf.account("acme").alias == "acme"


class TestConnections:
    def test_one_that_cannot_be_closed_stops_no_later_question(
        self, source, later, monkeypatch, caplog
    ):
        def fail(self):
            if threading.current_thread().name == "account-source":
                raise OperationalError("gone away")

        source.put("acme", BACKEND=LOCMEM)
        monkeypatch.setattr(BaseDatabaseWrapper, "close_if_unusable_or_obsolete", fail)
        assert conf.account("acme").alias == "acme"
        source.put("acme", BACKEND=LOCMEM, CLOSING=True)
        later()
        assert conf.account("acme").closing
        assert "not closed" in caplog.text


class TestSlow:
    def test_a_known_account_is_waited_for_a_second_once(self, source, later, monkeypatch):
        monkeypatch.setattr(account_source, "PATIENCE", 0.05)
        source.put("acme", BACKEND=LOCMEM)
        before = conf.account("acme")
        source.put("acme", BACKEND=LOCMEM, CLOSING=True)
        source.goes_on.clear()
        for _ in range(3):
            later()
            assert conf.account("acme") is before
        assert source.asked.count("version") == 2  # the second is being answered still
        source.goes_on.set()

    def test_an_unknown_one_is_not_waited_for_behind_it(self, source, monkeypatch):
        monkeypatch.setattr(account_source, "PATIENCE", 0.05)
        monkeypatch.setattr(account_source, "LONGEST_ANSWER", 0.1)
        source.goes_on.clear()
        with pytest.raises(AccountSourceError):
            conf.account("acme")
        source.goes_on.set()

    def test_in_a_transaction_a_slow_one_is_waited_for_once(self, source, later, monkeypatch):
        monkeypatch.setattr(account_source, "PATIENCE", 0.05)
        source.put("acme", BACKEND=LOCMEM)
        with transaction.atomic():
            before = conf.account("acme")
            later()
            timer = threading.Timer(0.2, source.goes_on.set)
            source.goes_on.clear()
            timer.start()
            conf.account("acme")  # asked in this thread, whose session sees what it has written
            source.goes_on.clear()
            for _ in range(3):
                later()
                begun = time.monotonic()
                assert conf.account("acme") is before
                assert time.monotonic() - begun < 1
        source.goes_on.set()


class TestTransactions:
    def test_an_account_is_usable_in_the_transaction_that_adds_it(self, source):
        seen = []

        def get(self, alias):
            seen.append(connection.in_atomic_block)
            return {"BACKEND": LOCMEM}

        with transaction.atomic(), pytest.MonkeyPatch.context() as patch:
            patch.setattr(source, "get", get)
            assert conf.account("acme").alias == "acme"
        assert seen == [True]

    def test_what_is_rolled_back_is_forgotten(self, source, monkeypatch):
        clock = [1000.0]
        monkeypatch.setattr(account_source.time, "monotonic", lambda: clock[0])
        with transaction.atomic():
            source.rows["acme"] = {"BACKEND": LOCMEM}
            conf.account("acme")
            del source.rows["acme"]  # as if rolled back: the version is as before
            clock[0] += account_source.VERSION_KEPT + 0.1
            with pytest.raises(UnknownAccountError):
                conf.account("acme")


class TestBackends:
    def test_a_rotated_key_makes_another_backend(self, customer, later):
        customer()
        before = configured_backend("acme")
        assert configured_backend("acme") is before
        customer(api_key="ask_new_0123456789")
        later()
        after = configured_backend("acme")
        assert after is not before
        assert after.key_fingerprint != before.key_fingerprint
        assert not before.client._closed  # a call may be in flight

    def test_the_old_one_is_closed_when_its_calls_are_over(self, customer, later):
        customer(api_key="ask_old_0123456789")
        before = configured_backend("acme")
        customer(api_key="ask_new_0123456789")
        later()
        configured_backend("acme")
        backends._configured.close_retired(float("inf"))
        assert before.client._closed

    def test_a_fingerprint_tells_keys_apart_and_reveals_none(self, customer):
        customer(api_key="ask_old_0123456789")
        mark = configured_backend("acme").key_fingerprint
        assert len(mark) == 16
        assert not set(mark) - set("0123456789abcdef")

    def test_a_project_without_a_secret_key_has_fingerprints_too(self, customer, settings):
        settings.SECRET_KEY = ""
        customer(api_key="ask_old_0123456789")
        assert len(configured_backend("acme").key_fingerprint) == 16

    def test_tests_keep_the_calls_of_such_accounts_in_memory(self, source):
        options = {"api_key": "ask_test_0123456789"}
        source.put("acme", BACKEND=VENDOR, OPTIONS=options)
        assert type(get_backend("acme")).__name__ == "LocmemBackend"


class TestOnThisMachine:
    """``liveactivity_dev`` cannot look through all accounts beforehand, so it refuses each."""

    @pytest.fixture
    def real(self, source):
        source.put("acme", BACKEND=VENDOR, OPTIONS={"api_key": "ask_test_0123456789"})

    def test_an_account_that_calls_the_vendor_is_refused(self, real):
        with on_this_machine(), pytest.raises(ImproperlyConfigured, match="must not"):
            get_backend("acme")
        get_backend("acme")

    def test_its_drain_sends_nothing_and_its_end_stays(self, real):
        services.end_activity(stream_key="order-42", account="acme")
        with on_this_machine():
            assert drain("acme").condition == Condition.UNKNOWN
        assert Operation.objects.get().state == "pending"

    def test_one_at_the_sandbox_goes_on(self, customer):
        customer()
        with on_this_machine():
            assert get_backend("acme").base_url.startswith("http://127.0.0.1")


def test_the_key_is_in_no_repr(customer):
    customer(api_key="ask_secret_0123456789")
    assert "ask_secret" not in repr(conf.account("acme"))
    assert "ask_secret" not in repr(configured_backend("acme").__dict__)
