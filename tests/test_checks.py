"""The system checks: one stable id for each rule."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks

LOCMEM = "django_liveactivity.backends.locmem.LocmemBackend"
ACTIVITYSMITH = "django_liveactivity.backends.activitysmith.ActivitySmithBackend"


def found(settings, account, *, deploy: bool = False) -> dict[str, str]:
    settings.LIVEACTIVITY = {"default": account} if isinstance(account, dict) else account
    messages = run_checks(tags=["liveactivity"], include_deployment_checks=deploy)
    return {message.id: message.msg for message in messages}


@pytest.mark.parametrize(
    ("account", "identity", "words"),
    [
        (["default"], "liveactivity.E001", "must be a dict of accounts"),
        ({"BACKEND": LOCMEM, "OPTION": {}}, "liveactivity.E001", "unknown keys 'OPTION'"),
        ({}, "liveactivity.E001", "needs a BACKEND"),
        ({"BACKEND": "nowhere.Backend"}, "liveactivity.E002", "cannot import 'nowhere.Backend'"),
        ({"BACKEND": LOCMEM, "OPTIONS": {"kee": 1}}, "liveactivity.E002", "unknown keys 'kee'"),
        ({"BACKEND": ACTIVITYSMITH}, "liveactivity.E002", "api_key"),
        (
            {"BACKEND": ACTIVITYSMITH, "OPTIONS": {"api_key": "ask_x", "base_url": "http://x.y"}},
            "liveactivity.E002",
            "base_url",
        ),
        ({"BACKEND": LOCMEM, "OPTIONS": {"rate_limit": 60}}, "liveactivity.E002", "rate_limit"),
        (
            {"BACKEND": LOCMEM, "OPTIONS": {"dismiss_after": 5}},
            "liveactivity.E002",
            "dismiss_after",
        ),
        ({"BACKEND": LOCMEM, "OPTIONS": {"channels": "ops"}}, "liveactivity.E002", "channels"),
        ({"BACKEND": LOCMEM, "OPTIONS": {"time_to_live": 8}}, "liveactivity.E002", "time_to_live"),
        ({"BACKEND": LOCMEM, "DISPATCHER": "pigeon"}, "liveactivity.E003", "'pigeon'"),
        ({"BACKEND": LOCMEM, "DATABASE": "nowhere"}, "liveactivity.E004", "not in DATABASES"),
        (
            {"BACKEND": LOCMEM, "DISPATCHER": "immediate"},
            "liveactivity.W001",
            "wait for the vendor",
        ),
    ],
)
def test_each_rule_has_its_id_and_names_the_account(settings, account, identity, words):
    messages = found(settings, account)
    assert list(messages) == [identity]
    assert words in messages[identity]


def test_a_good_account_is_not_mentioned(settings):
    assert found(settings, {"BACKEND": LOCMEM}) == {}


def test_sqlite_that_lets_writers_collide_is_found_before_a_deploy(settings):
    assert list(found(settings, {"BACKEND": LOCMEM}, deploy=True)) == ["liveactivity.W002"]
