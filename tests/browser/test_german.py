"""An operator whose browser asks for German reads German."""

from __future__ import annotations

import pytest
from django.utils import translation

from django_liveactivity.sandbox import Sandbox

from .conftest import Visit
from .pages import PAGES

VISIBLE_TEXTS = """() => [
    ...document.body.innerText.split(/[\\n\\t]/),
    ...[...document.querySelectorAll("input[type=submit]")].map(node => node.value),
    ...[...document.querySelectorAll("[aria-label]")].map(node => node.ariaLabel),
]"""
IN_ADMIN = [name for name in PAGES if not name.startswith("phone")]
"""The sandbox is a tool for developers, and speaks English."""


@pytest.mark.parametrize("name", IN_ADMIN)
def test_a_page_speaks_german(name: str, visit: Visit, sandbox: Sandbox):
    visitor = visit("view", "end", "operate", locale="de-DE")
    PAGES[name](visitor, sandbox)
    texts = {text.strip().rstrip(":") for text in visitor.page.evaluate(VISIBLE_TEXTS)}
    with translation.override("de"):
        english = {text: german for text in texts if (german := translation.gettext(text)) != text}
    assert english == {}
