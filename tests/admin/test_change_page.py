"""A card's page: its operations, with their attempts and operators' decisions."""

from __future__ import annotations

import datetime

import pytest

from django_liveactivity import Progress, services
from django_liveactivity.models import Attempt, LiveActivity, Operation
from django_liveactivity.testing import deliver
from tests.shop.models import Order

from .conftest import page_of

pytestmark = pytest.mark.django_db


def show(key: str = "order-1", percentage: int = 40, title: str = "Order", **options):
    return services.stream_activity(key, Progress(title=title, percentage=percentage), **options)


def entries(answer):
    return answer.context["history"].entries


def test_the_operations_are_shown_newest_first_with_their_attempts(viewer):
    card = show()
    deliver()
    services.end_activity(card, reason="Eaten")
    deliver()

    answer = page_of(viewer, card)

    page = answer.content.decode()
    assert [e.operation.kind for e in entries(answer)] == ["end", "stream"]
    assert [[a.endpoint for a in e.operation.attempts.all()] for e in entries(answer)] == [
        ["end_stream"],
        ["stream"],
    ]
    assert "done (delivered)" in page
    assert "Eaten" in page


def test_what_the_vendor_warns_of_is_shown_beside_the_attempt(viewer, vendor):
    vendor.faults = "PUT:partial@1"
    card = show()
    deliver()

    page = page_of(viewer, card).content.decode()

    assert "<td>errors on some devices</td>" in page
    assert "<td>device 2: BadDeviceToken<details>" in page


def test_content_is_shown_as_indented_json(viewer):
    answer = page_of(viewer, show(title="Küche"))

    assert '  "title": "Küche"' in entries(answer)[0].content
    assert "&quot;title&quot;: &quot;Küche&quot;" in answer.content.decode()


def test_a_scheduled_end_tells_when_it_is_due(viewer):
    card = show()
    services.end_activity(card, at=datetime.datetime(2031, 5, 6, 7, 8, 9, tzinfo=datetime.UTC))

    page = page_of(viewer, card).content.decode()
    assert "The end is scheduled for 2031-05-06 " in page
    assert '<time datetime="2031-05-06T07:08:09+00:00"' in page


def test_an_attempt_without_an_answer_is_shown_as_perhaps_sent(viewer):
    card = show()
    operation = Operation.objects.get()
    Attempt.objects.create(
        operation=operation,
        number=1,
        endpoint="stream",
        started_at=operation.created_at,
    )

    assert "open: may have been sent" in page_of(viewer, card).content.decode()


def test_what_an_operator_decided_is_shown_with_the_reason(viewer, admin_user):
    card = show()
    services.retry_operation(Operation.objects.get(), actor=admin_user, reason="New key")

    page = page_of(viewer, card).content.decode()

    assert "0 s ago</time>: retry, by admin" in page
    assert "New key" in page


def test_markup_is_escaped_wherever_it_comes_from(viewer):
    evil = "<script>alert(1)</script>"
    card = show(title=evil, reason=evil, actor=evil)
    services.retry_operation(Operation.objects.get(), actor=evil, reason=evil)
    deliver()
    Attempt.objects.update(answer=evil, error=evil)

    page = page_of(viewer, card).content.decode()

    assert page.count("&lt;script&gt;alert(1)") == 11
    assert evil not in page


def test_the_page_has_our_style_sheet(viewer):
    assert page_of(viewer, show()).content.decode().count("django_liveactivity/admin.css") == 1


def test_the_attempts_have_a_frame_to_scroll_in(viewer):
    card = show()
    deliver()

    page = page_of(viewer, card).content.decode()

    frame = page.split('<div class="liveactivity-attempts">')[1].split("</div>")[0]
    assert frame.strip().startswith("<table>")
    assert frame.strip().endswith("</table>")


def test_the_page_has_no_inline_script_or_style(viewer):
    page = page_of(viewer, show()).content.decode()

    assert "<style" not in page
    assert "style=" not in page
    assert "<script>" not in page


def test_the_page_offers_nothing_to_save_or_delete(admin_client):
    page = page_of(admin_client, show()).content.decode()

    assert 'name="_save"' not in page
    assert "deletelink" not in page


def test_an_unknown_card_leads_back_with_a_message(viewer):
    assert page_of(viewer, LiveActivity(pk=99)).status_code == 302


def test_the_newest_fifty_operations_are_shown(viewer):
    card = show()
    for number in range(51):
        show(percentage=number)

    answer = page_of(viewer, card)

    assert len(entries(answer)) == 50
    assert "Only the newest 50 operations are shown." in answer.content.decode()


def test_twenty_operations_cost_as_many_queries_as_one(
    viewer, django_assert_num_queries, django_assert_max_num_queries
):
    card = show(subject=Order.objects.create())
    deliver()
    page_of(viewer, card)  # once, for what Django caches
    with django_assert_max_num_queries(20) as one:
        page_of(viewer, card)
    for number in range(20):
        show(percentage=number)
        deliver()

    with django_assert_num_queries(len(one)):
        assert len(entries(page_of(viewer, card))) == 21
