"""A browser as far as the demo needs one: it loads a page, fills a form in and sends it."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import httpx


@dataclass
class Form:
    """A form as the page has it: what would be sent, and the choices by what they say."""

    values: dict[str, str] = field(default_factory=dict)
    choices: dict[str, str] = field(default_factory=dict)


class Browser:
    """Keeps the cookies of one visitor.

    Args:
        address: the site's.
    """

    def __init__(self, address: str) -> None:
        self._http = httpx.Client(base_url=address, follow_redirects=True, timeout=30)
        self._page: httpx.Response | None = None

    def open(self, path: str) -> None:
        """Load a page."""
        self._load(self._http.get(path))

    def send(self, having: str, **values: str) -> None:
        """Fill in and send the form that has this field; a value may be what a choice says."""
        form = self._form(having)
        named = {name: form.choices.get(value, value) for name, value in values.items()}
        self._load(self._http.post(self.page.url, data=form.values | named))

    @property
    def page(self) -> httpx.Response:
        """The page that was loaded last."""
        if self._page is None:
            raise LookupError("Open a page first.")
        return self._page

    def _load(self, page: httpx.Response) -> None:
        page.raise_for_status()
        self._page = page

    def _form(self, having: str) -> Form:
        for form in read_forms(self.page.text):
            if having in form.values:
                return form
        raise LookupError(f"{self.page.url} has no form with a field {having!r}.")


def read_forms(html: str) -> list[Form]:
    """Return the forms of a page with what they would send untouched."""
    reader = _FormReader()
    reader.feed(html)
    return reader.forms


class _FormReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._select = ""
        self._option: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form())
        elif self.forms and tag in ("input", "textarea", "button") and "name" in given:
            self._take(given, is_pressed="checked" in given)
        elif self.forms and tag == "select":
            self._select = given.get("name", "")
        elif self.forms and tag == "option":
            self._option = given.get("value", "")
            if "selected" in given or self._select not in self.forms[-1].values:
                self.forms[-1].values[self._select] = self._option

    def handle_data(self, data: str) -> None:
        if self._option is not None and data.strip():
            self.forms[-1].choices[data.strip()] = self._option
            self._option = None

    def _take(self, given: dict[str, str], *, is_pressed: bool) -> None:
        boxes = ("checkbox", "radio")
        if given.get("type") not in (*boxes, "submit") or is_pressed:
            self.forms[-1].values[given["name"]] = given.get("value", "")
