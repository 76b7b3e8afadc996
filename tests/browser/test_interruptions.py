"""What goes wrong in the middle: no permission, an old session, two clicks, two operators."""

from __future__ import annotations

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Locator, Page, expect

from django_liveactivity.models import LiveActivity, Operation
from django_liveactivity.sandbox import Sandbox

from .cards import show
from .conftest import Visit
from .environment import Delivery
from .pages import refused_card, url
from .visitor import Visitor

REASON = "It was done at 2."


@pytest.fixture
def card(transactional_db: None) -> LiveActivity:
    return show("maintenance-db-2")


def test_who_may_only_look_finds_no_way_to_end(visit: Visit, card: LiveActivity):
    visitor = visit("view")
    page = visitor.page
    page.goto(url("changelist"))
    expect(page.get_by_role("link", name="maintenance-db-2")).to_be_visible()
    expect(page.get_by_text("End a live activity by its key")).to_have_count(0)
    expect(page.locator("select[name=action]")).to_have_count(0)
    page.goto(url("change", card.pk))
    expect(page.locator("#liveactivity-why")).to_be_visible()
    expect(page.locator("#liveactivity-summary").get_by_role("button")).to_have_count(0)
    expect(page.get_by_role("link", name="End live activity…")).to_have_count(0)
    for forbidden in (url("end", card.pk), url("end_any")):
        assert page.request.get(forbidden).status == 403


def test_who_may_end_but_not_operate_finds_no_retry(visit: Visit, sandbox: Sandbox):
    page = visit("view", "end").page
    page.goto(url("change", refused_card(sandbox).pk))
    expect(page.get_by_role("link", name="End live activity…")).to_be_visible()
    expect(page.get_by_role("button", name="Retry")).to_have_count(0)


def test_a_reason_and_content_survive_the_login(
    operator: Visitor, card: LiveActivity, sandbox: Sandbox, delivery: Delivery
):
    page = operator.page
    page.goto(url("end", card.pk))
    page.get_by_label("Percentage").fill("100")
    page.get_by_label("Reason").fill(REASON)
    Session.objects.all().delete()
    end_button(page).click()
    log_in(page)
    expect(page.get_by_label("Percentage")).to_have_value("100")
    expect(page.get_by_label("Reason")).to_have_value(REASON)
    assert not Operation.objects.filter(kind="end").exists()
    delivery.start()
    end_button(page).click()
    expect(state(page)).to_contain_text("Ended")
    assert Operation.objects.get(kind="end").reason == REASON
    assert sandbox.phone()["ended"][0]["content"]["percentage"] == 100


def test_a_button_of_the_page_leads_back_to_it_after_the_login(
    operator: Visitor, card: LiveActivity
):
    page = operator.page
    page.goto(url("change", card.pk))
    Session.objects.all().delete()
    page.get_by_role("button", name="End now").click()
    log_in(page)
    expect(page.get_by_role("button", name="End now")).to_be_visible()
    assert not Operation.objects.filter(kind="end").exists()


@pytest.mark.parametrize("way", ["end", "change"])
def test_a_double_click_ends_once(
    way: str, operator: Visitor, card: LiveActivity, sandbox: Sandbox, delivery: Delivery
):
    page = operator.page
    page.goto(url(way, card.pk))
    button = end_button(page) if way == "end" else page.get_by_role("button", name="End now")
    delivery.start()
    button.dblclick()
    expect(state(page)).to_contain_text("Ended")
    assert_ended_once(sandbox)


def test_a_form_that_is_sent_again_with_the_back_button_ends_once(
    operator: Visitor, card: LiveActivity, sandbox: Sandbox, delivery: Delivery
):
    page = operator.page
    page.goto(url("end", card.pk))
    delivery.start()
    end_button(page).click()
    expect(state(page)).to_contain_text("Ended")
    page.go_back()
    if end_button(page).count():  # from the browser's memory, as it was; else made anew
        end_button(page).click()
    expect(page.locator("#content")).to_contain_text("ended")
    assert_ended_once(sandbox)


def test_the_second_of_two_operators_learns_that_the_first_has_ended_it(
    visit: Visit, card: LiveActivity, sandbox: Sandbox, delivery: Delivery
):
    ana, ben = (visit("view", "end", name=name).page for name in ("ana", "ben"))
    for page in (ana, ben):
        page.goto(url("end", card.pk))
        page.get_by_label("Reason").fill(REASON)
    delivery.start()
    end_button(ana).click()
    expect(state(ana)).to_contain_text("Ended")
    end_button(ben).click()
    expect(ben.locator("#content")).to_contain_text("ana")
    assert_ended_once(sandbox)
    assert Operation.objects.get(kind="end").actor == "ana"


def end_button(page: Page) -> Locator:
    """Return the button that ends the card."""
    return page.get_by_role("button", name="End live activity")


def state(page: Page) -> Locator:
    """Return what the card's page says of the card on the phone."""
    return page.locator("#liveactivity-summary .lockscreen-state").first


def log_in(page: Page) -> None:
    """Fill in the login page."""
    page.get_by_label("Username").fill("ana")
    page.get_by_label("Password").fill("ana")
    page.get_by_role("button", name="Log in").click()


def assert_ended_once(sandbox: Sandbox) -> None:
    """One end was asked for, and one was sent."""
    assert Operation.objects.filter(kind="end").count() == 1
    assert [call["method"] for call in sandbox.calls()] == ["PUT", "DELETE"]
