"""Read a form out of a page as a browser would, and send it, with some fields changed."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from django.test import Client

FORM = "liveactivity-end-form"


class FormReader(HTMLParser):
    """Collects the successful controls of one form, by the rules of HTML."""

    def __init__(self, form_id: str) -> None:
        super().__init__()
        self._id = form_id
        self._inside = False
        self._select = self._area = ""
        self.action = ""
        self.fields: dict[str, str] = {}
        self.options: dict[str, list[str]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = given.get("id") == self._id
            self.action = given.get("action", "") if self._inside else self.action
        if not self._inside:
            return
        name, value = given.get("name", ""), given.get("value", "")
        if tag == "input" and given.get("type") == "radio":
            if "checked" in given:
                self.fields[name] = value
        elif tag == "input":
            text = given.get("type") in ("text", "number")
            self.fields[name] = value.replace("\r", "").replace("\n", "") if text else value
        elif tag == "select":
            self._select = name
            self.options[name] = []
        elif tag == "option":
            self.options[self._select].append(value)
            if "selected" in given or self._select not in self.fields:
                self.fields[self._select] = value
        elif tag == "textarea":
            self._area = name
            self.fields[name] = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self.fields[self._area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._area:
            text = self.fields[self._area].replace("\r\n", "\n").replace("\r", "\n")
            self.fields[self._area] = text.removeprefix("\n").replace("\n", "\r\n")
            self._area = ""
        if tag == "form":
            self._inside = False


def read_form(answer: Any, form_id: str = FORM) -> FormReader:
    """Return the form of a page."""
    reader = FormReader(form_id)
    reader.feed(answer.content.decode())
    assert reader.fields, "the page has no such form"
    return reader


def press(client: Client, answer: Any, form_id: str) -> Any:
    """Send another form of a page as it is, and follow the redirect."""
    form = read_form(answer, form_id)
    return client.post(form.action, form.fields, follow=True)


def send(client: Client, answer: Any, button: str = "end", **changed: str) -> Any:
    """Send the form of a page back as it came, but for what is given, and follow the redirect.

    A dot in a field's name is written as two underscores: ``icon__symbol``.
    """
    form = read_form(answer)
    named = {name.replace("__", "."): value for name, value in changed.items()}
    assert named.keys() <= form.fields.keys(), f"no such field: {named.keys() - form.fields.keys()}"
    for name, choices in form.options.items():
        assert named.get(name, form.fields[name]) in choices
    url = form.action or answer.wsgi_request.get_full_path()
    return client.post(url, {**form.fields, **named, "do": button}, follow=True)
