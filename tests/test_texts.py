"""Texts that a column of MariaDB cannot hold, as in ``utf8mb3``, break no transaction."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from django_liveactivity import Progress, conf, selectors, services
from django_liveactivity.backends.locmem import LocmemBackend
from django_liveactivity.client.answer import Answer
from django_liveactivity.client.call import Call
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import Attempt, LiveActivity, Operation, Subject, TrackingFailure
from django_liveactivity.models.fields import _largest_character
from django_liveactivity.services.writer import Writer

from .delivery.vocabulary import deliver

TABLES = [m._meta.db_table for m in (LiveActivity, Operation, Attempt, TrackingFailure)]
TABLES += ["django_admin_log", "shop_machine"]
SETS = ["utf8mb4", "utf8mb3", "latin1"] if connection.vendor == "mysql" else [""]
CONTENT = Progress(title="🍕", percentage=1)
TEXT = "Grüße 🚀 из \\u00e4"
pytestmark = pytest.mark.django_db(transaction=True)


class Poet(LocmemBackend):
    """A vendor whose answers hold what older character sets do not."""

    def send(self, call: Call) -> Answer:
        return replace(super().send(call), text=TEXT)


@pytest.fixture(params=SETS, autouse=True)
def characters(request, settings) -> Iterator[str]:
    settings.LIVEACTIVITY = {"default": {"BACKEND": f"{__name__}.Poet"}}
    if request.param:
        convert(request.param)
    yield request.param
    if request.param:
        for table in TABLES:
            connection.cursor().execute(f"TRUNCATE TABLE {table}")
        convert("utf8mb4")


def convert(characters: str) -> None:
    """Give the tables another character set."""
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute("SET foreign_key_checks = 0")
            cursor.execute(f"ALTER TABLE {table} CONVERT TO CHARACTER SET {characters}")
            cursor.execute("SET foreign_key_checks = 1")
    _largest_character.cache_clear()


def test_what_a_caller_says_is_stored_and_read_as_it_was():
    with transaction.atomic():
        end = services.end_activity(stream_key="order-42", reason=TEXT, actor="Zoë 👩‍🍳")
    end = Operation.objects.get(pk=end.pk)
    assert (end.reason, end.actor) == (TEXT, "Zoë 👩‍🍳")


def test_what_the_column_holds_is_stored_as_it_is(characters):
    services.end_activity(stream_key="order-42", reason="из 🚀")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT reason FROM {Operation._meta.db_table}")
        (stored,) = cursor.fetchone()
    escaped = {"utf8mb3": r"из \U0001f680", "latin1": r"\U00000438\U00000437 \U0001f680"}
    assert stored == escaped.get(characters, "из 🚀")


def test_content_and_answers_are_stored():
    services.stream_activity("order-42", CONTENT, metadata={"note": "🍕"})
    deliver()
    assert Operation.objects.get().content["title"] == "🍕"
    assert Attempt.objects.get().answer == TEXT


def test_a_name_that_became_too_long_is_cut():
    services.end_activity(stream_key="order-42", actor="👩" * 255)
    assert Operation.objects.get().actor.startswith("👩" * 20)


def test_a_subject_is_found_by_its_key(characters):
    subject = Subject("shop.Machine", "web-🚀")
    writer = Writer.for_account("default")
    writer.insert_operation(writer.insert_activity(stream_key="m", subject=subject), "stream")
    services.stream_activity("other", CONTENT)
    account = conf.account()
    assert [str(card) for card in selectors.open_cards(account, [subject])] == ["m"]
    assert [str(card) for card in selectors.followed_cards_of(account, subject, "")] == ["m"]
    assert LiveActivity.objects.get(subject_pk="web-🚀").subject_pk == "web-🚀"


def test_a_key_that_the_column_cannot_hold_is_refused_before_anything_is_written(characters):
    writer, subject = Writer.for_account("default"), Subject("shop.Machine", "🚀" * 26)
    if characters in ("", "utf8mb4"):
        writer.insert_activity(stream_key="m", subject=subject)
        assert LiveActivity.objects.get().subject_pk == subject.pk
    else:
        with pytest.raises(InvalidInputError, match="utf8mb4"):
            writer.insert_activity(stream_key="m", subject=subject)
        assert not LiveActivity.objects.exists()


def test_what_a_hook_raised_is_counted():
    error = ValueError("no 🍕" * 100)
    writer = Writer.for_account("default")
    writer.insert_tracking_failure("Ö🍕", Subject("shop.Machine", "🍕"), error)
    assert TrackingFailure.objects.get().error.startswith("ValueError: no 🍕")


def test_a_reason_in_the_admin_is_logged(client):
    services.stream_activity("order-42", CONTENT)
    client.force_login(User.objects.create_superuser("ann"))
    form = {"action": "end_selected", "_selected_action": [LiveActivity.objects.get().pk]}
    form |= {"reason": "🚀", "dismissal": "default", "confirmed": "yes", "post": "yes"}
    response = client.post("/admin/django_liveactivity/liveactivity/", form)
    assert response.status_code == 302, json.dumps(response.content.decode()[:3000])
    assert Operation.objects.get(kind="end").reason == "🚀"
