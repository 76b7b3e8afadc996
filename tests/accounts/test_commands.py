"""The commands, for accounts that no setting names."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from django_liveactivity import Progress, services
from django_liveactivity.delivery import drain

from .conftest import LOCMEM

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _customers(source):
    for alias in ("acme", "bolt"):
        source.put(alias, BACKEND=LOCMEM)
        services.stream_activity(alias, Progress(title="x", percentage=1), account=alias)


def told(*arguments: str) -> str:
    output = StringIO()
    call_command(*arguments, stdout=output)
    return output.getvalue()


def test_every_card_is_listed():
    rows = json.loads(told("liveactivity_list", "--format", "json"))
    assert {row["account"] for row in rows} == {"acme", "bolt"}
    rows = json.loads(told("liveactivity_list", "--account", "bolt", "--format", "json"))
    assert {row["account"] for row in rows} == {"bolt"}


def test_once_delivers_what_is_due_of_all():
    output = told("liveactivity_dispatch", "--once")
    assert "acme: 1 call, nothing is due." in output
    assert "bolt: 1 call, nothing is due." in output


def test_once_tells_which_account_is_gone(source, later):
    drain("acme")
    drain("bolt")
    services.end_activity(stream_key="acme", account="acme")
    source.remove("acme")
    later()
    with pytest.raises(CommandError, match="has an account 'acme'"):
        told("liveactivity_dispatch", "--once")


def test_a_card_of_an_account_is_ended():
    assert "is stored" in told("liveactivity_end", "--account", "acme", "acme")


def test_the_status_is_well_and_short():
    for alias in ("acme", "bolt"):
        drain(alias)
    told("liveactivity_dispatch", "--once")
    assert json.loads(told("liveactivity_status", "--json"))["ok"]
