"""The browser of a reader who follows a document: links, forms and buttons by their words."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
from django.test.html import Element, parse_html


class Browser:
    """One tab: the page that is open, and what has been filled in on it."""

    def __init__(self) -> None:
        # Certificates take a while to load, and there is no TLS on loopback.
        self.client = httpx.Client(follow_redirects=True, verify=False, timeout=30)
        self.filled: dict[str, str] = {}

    def open(self, url: str) -> None:
        self._show(self.client.get(url))

    def reload(self) -> None:
        self.open(str(self.page.url))

    @property
    def text(self) -> str:
        """What the page says."""
        return " ".join(words(self.root).split())

    def fill(self, label: str, value: str) -> None:
        """Write or choose something in the field of a label."""
        target = next(e for e in walk(self.root) if e.name == "label" and label in words(e))
        field = next(e for e in walk(self.root) if given(e, "id") == given(target, "for"))
        options = {words(o): given(o, "value") for o in walk(field) if o.name == "option"}
        self.filled[given(field, "name")] = options.get(value, value)

    def choose(self, option: str) -> None:
        """Choose an option, in whichever list it is."""
        for field in (e for e in walk(self.root) if e.name == "select"):
            values = {words(o): given(o, "value") for o in walk(field) if o.name == "option"}
            if option in values:
                self.filled[given(field, "name")] = values[option]
                return
        raise AssertionError(f"nothing offers {option!r}: {self.text}")

    def tick(self, text: str) -> None:
        """Tick the box of a row."""
        row = next(e for e in walk(self.root) if e.name == "tr" and text in words(e))
        box = next(e for e in walk(row) if given(e, "type") == "checkbox")
        self.filled[given(box, "name")] = given(box, "value")

    def press(self, *labels: str) -> None:
        """Press the button, or follow the link, that says one of these."""
        for form in (e for e in walk(self.root) if e.name == "form"):
            for each in walk(form):
                submits = each.name == "button" or given(each, "type") == "submit"
                if submits and (words(each) or given(each, "value")) in labels:
                    self._send(form, each)
                    return
        links = [e for e in walk(self.root) if e.name == "a" and words(e) in labels]
        assert links, f"nothing to press says {labels}: {self.text}"
        self._show(self.client.get(self.page.url.join(given(links[0], "href"))))

    def _send(self, form: Element, button: Element) -> None:
        fields = dict(controls(form)) | self.filled
        if name := given(button, "name"):
            fields[name] = given(button, "value")
        url = self.page.url.join(given(form, "action"))
        self._show(self.client.post(url, data=fields))

    def _show(self, page: httpx.Response) -> None:
        assert page.status_code == 200, f"{page.url}: {page.status_code}"
        self.page, self.root, self.filled = page, parse_html(page.text), {}


def walk(element: Element) -> Iterator[Element]:
    """Yield an element and all that is in it."""
    yield element
    for child in element.children:
        if isinstance(child, Element):
            yield from walk(child)


def given(element: Element, name: str) -> str:
    """Return an attribute, or nothing."""
    return dict(element.attributes).get(name) or ""


def words(element: Element) -> str:
    """Return the text of an element."""
    if element.name in ("script", "style"):
        return ""
    parts = (c if isinstance(c, str) else words(c) for c in element.children)
    return " ".join(" ".join(parts).split())


def controls(form: Element) -> Iterator[tuple[str, str]]:
    """Yield what a form sends as it stands."""
    for each in walk(form):
        name, kind = given(each, "name"), given(each, "type")
        attributes = dict(each.attributes)
        if each.name == "textarea":
            yield name, words(each)
        elif each.name == "select":
            options = [o for o in walk(each) if o.name == "option"]
            chosen = [o for o in options if "selected" in dict(o.attributes)] or options[:1]
            yield from ((name, given(o, "value")) for o in chosen)
        elif each.name == "input" and name and kind not in ("submit", "checkbox", "radio"):
            yield name, given(each, "value")
        elif kind in ("checkbox", "radio") and "checked" in attributes:
            yield name, given(each, "value") or "on"
