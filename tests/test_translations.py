"""The German catalog is complete, in step with the source, and what the pages say."""

from __future__ import annotations

import ast
import gettext
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import translation

import django_liveactivity
from django_liveactivity import Progress, services

PACKAGE = Path(django_liveactivity.__file__).parent
CATALOG = Path("locale/de/LC_MESSAGES/django.po")
GETTEXT = ("xgettext", "msgmerge", "msguniq", "msgattrib")
LINE = re.compile(r'(msgctxt|msgid_plural|msgid|msgstr(?:\[\d\])?)? ?(".*")')
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[-+ #0]*[\d.]*[a-zA-Z]|%%|\{\w*\}")


@dataclass
class Message:
    """An entry of a catalog: its texts by keyword, its flags, and whether it is obsolete."""

    texts: dict[str, str] = field(default_factory=dict)
    flags: str = ""
    is_obsolete: bool = False

    @property
    def name(self) -> tuple[str | None, str | None, str | None]:
        """What tells it from the others."""
        return tuple(map(self.texts.get, ("msgctxt", "msgid", "msgid_plural")))

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Each form of the message with its translation."""
        if "msgid_plural" not in self.texts:
            return [(self.texts["msgid"], self.texts["msgstr"])]
        forms = ("msgid", "msgstr[0]"), ("msgid_plural", "msgstr[1]")
        return [(self.texts[source], self.texts[target]) for source, target in forms]


def read(path: Path) -> list[Message]:
    """Return the entries of a catalog without its header."""
    blocks = path.read_text(encoding="utf-8").strip().split("\n\n")
    return [message for message in map(_message, blocks) if message.texts.get("msgid")]


def _message(block: str) -> Message:
    message, keyword = Message(), ""
    for line in block.splitlines():
        if line.startswith("#,"):
            message.flags += line
        message.is_obsolete |= line.startswith("#~")
        if found := LINE.fullmatch(line.removeprefix("#~ ")):
            keyword = found[1] or keyword
            text = ast.literal_eval(found[2])
            message.texts[keyword] = message.texts.get(keyword, "") + text
    return message


def placeholders(text: str) -> Counter[str]:
    """Return the placeholders of a text, of both styles, each as often as it is there."""
    return Counter(PLACEHOLDER.findall(text))


def compiled(messages: list[Message]) -> Iterator[tuple[object, str]]:
    """Yield what ``gettext`` reads of these messages once they are compiled."""
    for message in messages:
        source, pairs = message.texts["msgid"], message.pairs
        for number, (_form, target) in enumerate(pairs):
            yield (source, number) if len(pairs) > 1 else source, target


GERMAN = read(PACKAGE / CATALOG)


@pytest.mark.skipif(
    not all(map(shutil.which, GETTEXT)), reason="needs Debian's gettext, which reads the sources"
)
def test_the_catalog_has_the_messages_of_the_source_and_no_other(tmp_path, monkeypatch):
    copy = tmp_path / "copy"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "locale"))
    (copy / "locale").mkdir()
    monkeypatch.chdir(copy)
    call_command("makemessages", locale=["de"], verbosity=0)

    assert {each.name for each in GERMAN} == {each.name for each in read(copy / CATALOG)}
    assert not any(each.is_obsolete for each in GERMAN)


def test_each_message_is_translated_and_none_by_guess():
    assert [each.name for each in GERMAN if not all(target for _, target in each.pairs)] == []
    assert [each.name for each in GERMAN if "fuzzy" in each.flags] == []


def test_each_translation_has_the_placeholders_and_the_outer_spaces_of_its_message():
    pairs = [pair for each in GERMAN for pair in each.pairs]

    assert [pair for pair in pairs if placeholders(pair[0]) != placeholders(pair[1])] == []
    assert [pair for pair in pairs if _outer_spaces(pair[0]) != _outer_spaces(pair[1])] == []


def _outer_spaces(text: str) -> tuple[int, int]:
    return len(text) - len(text.lstrip()), len(text) - len(text.rstrip())


def test_the_compiled_catalog_is_this_one():
    with (PACKAGE / CATALOG).with_suffix(".mo").open("rb") as file:
        found = dict(gettext.GNUTranslations(file)._catalog)
    del found[""]  # the header

    assert found == dict(compiled(GERMAN))


@pytest.mark.django_db
def test_a_page_of_the_admin_is_german(admin_client: Client, settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"]
    card = services.stream_activity("deploy-42", Progress(title="checkout 2.4", percentage=40))
    services.end_activity(card)
    url = reverse("admin:django_liveactivity_liveactivity_end", args=[card.pk])

    with translation.override("en"):  # and whatever was active is active again afterwards
        page = admin_client.get(url, headers={"accept-language": "de"}).content.decode()

    assert "<h1>Live-Aktivität beenden</h1>" in page
    assert "Ein Ende ist unterwegs." in page
    assert (
        "Hier hat noch nie ein Worker zugestellt. Starten Sie einen: liveactivity_dispatch" in page
    )
    assert "Wie lange die beendete Karte bleibt" in page
