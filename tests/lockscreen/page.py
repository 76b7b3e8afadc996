"""Read a drawing as a browser would: balanced elements, their texts, classes and attributes."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"circle", "path"}


class Page(HTMLParser):
    """A drawing, parsed; an element that is not closed in order raises.

    ``elements`` are pairs of a tag and its attributes, ``texts`` the pieces of text.
    """

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(markup)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs), f"{tag} has an attribute twice"
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in VOID
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if data.strip():
            self.texts.append(data.strip())

    @property
    def text(self) -> str:
        return " ".join(self.texts)

    @property
    def names(self) -> list[str]:
        """The labels for screen readers."""
        return [each["aria-label"] for _, each in self.elements if "aria-label" in each]

    def classes(self, name: str) -> list[list[str]]:
        """The classes of the elements that have this one."""
        found = [attributes.get("class", "").split() for _, attributes in self.elements]
        return [each for each in found if name in each]

    def of(self, tag: str) -> list[dict[str, str]]:
        """The attributes of the elements of this tag."""
        return [attributes for each, attributes in self.elements if each == tag]
