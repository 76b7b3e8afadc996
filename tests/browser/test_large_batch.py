"""Two thousand cards end across the pages of the list, and the list says how far they are."""

from __future__ import annotations

import re

from django.db import transaction
from playwright.sync_api import expect

from django_liveactivity import Progress, services
from django_liveactivity.models import Operation
from django_liveactivity.sandbox import Sandbox

from .environment import Delivery
from .pages import url
from .visitor import Visitor

MANY = 2_000
ALL, SOME = "2,?000", "1?,?[0-9]{1,3}"


def test_two_thousand_cards_end_across_pages(
    operator: Visitor, sandbox: Sandbox, delivery: Delivery
):
    with transaction.atomic():
        for number in range(MANY):
            services.stream_activity(f"job-{number}", Progress(title=f"Job {number}", percentage=9))
    page = operator.page
    page.goto(url("changelist"))
    page.locator("#action-toggle").check()
    page.get_by_role("button", name=re.compile(f"Select all {ALL}")).click()
    page.get_by_label("Action:").select_option("end_selected")
    page.locator("button[name=index]").click()
    expect(page.locator("#content")).to_contain_text(re.compile(ALL))
    page.get_by_label("Reason").fill("The runner is gone.")
    page.get_by_role("button", name="End them").click()
    line = page.locator("#liveactivity-batch")
    expect(line).to_contain_text(re.compile(f"^0 of {ALL} ended"))
    ends = Operation.objects.filter(kind="end")
    assert ends.count() == MANY
    delivery.start()
    expect(line).to_contain_text(re.compile(f"^{SOME} of {ALL} ended"))
    expect(line).to_contain_text(re.compile(f"^{ALL} of {ALL} ended"), timeout=120_000)
    assert set(ends.values_list("state", "reason")) == {("done", "The runner is gone.")}
