"""End the cards that a request's body names, in the caller's transaction."""

import datetime
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.db.models import Model
from rest_framework import exceptions

from django_liveactivity import conf, selectors, services
from django_liveactivity.content.parsing import parse_content, take_dismissal
from django_liveactivity.exceptions import FieldError, InvalidInputError
from django_liveactivity.models import LiveActivity, Operation, Subject

from .serializers import OPTIONS, EndSerializer

NOT_FOUND = "There is no such live activity, or no such account, among those that you may see."
"""The same message for a card that does not exist and for one that the caller may not see."""
OWN_PATHS = frozenset({*EndSerializer().fields, "actor", "body"}) - {"content"}
CONTENT_FIELDS = frozenset({"content", "content_state", *OPTIONS})
"""The fields that need the permission ``give_content_liveactivity``; the others only end."""


def end_cards(account: conf.Account, body: Mapping[str, Any], *, actor: object) -> list[Operation]:
    """End the cards that a body names, and return the new ends and those already in force.

    Args:
        account: whose cards.
        body: the values of ``EndSerializer``.
        actor: the caller.

    Raises:
        InvalidInputError: with the paths of the body; nothing was stored.
        NotFound: the body names a row or a model that does not exist.
    """
    values = {**body, "account": account.alias, "actor": actor}
    for name in values.keys() & {"dismiss_after", "after"}:
        values[name] = datetime.timedelta(seconds=values[name])
    content_name = "content_state" if "content_state" in values else "content"
    if content_name in values:
        values["content"] = values.pop(content_name)
        with _paths(lambda path: _in_content(path, content_name)):
            # Refuse what no content type takes; the service knows the type of the card.
            parse_content(take_dismissal(values["content"], None)[0])
    with _paths(lambda path: _in_body(path, content_name)):
        if "subject" in values:
            return _end_subject(account, _subject(**values.pop("subject")), values)
        if "id" in values:
            values["activity"] = _card(account, values.pop("id"))
        return [services.end_activity(**values, again=False)]


def find_cards(account: conf.Account, body: Mapping[str, Any]) -> list[LiveActivity]:
    """Return the cards that a body names, or an unsaved card if it names none that exists.

    Raises:
        NotFound: the body names a row or a model that does not exist.
    """
    found: list[LiveActivity | None] = []
    if "id" in body:
        found = [_card(account, body["id"])]
    elif "stream_key" in body:
        found = [selectors.newest_by_stream_key(account, body["stream_key"])]
    elif "activity_id" in body:
        found = [selectors.newest_by_activity_id(account, body["activity_id"])]
    elif "subject" in body:
        found = list(_cards_of(account, _subject(**body["subject"])))
    known = [card for card in found if card is not None]
    return known or [unsaved_card({**body, "account": account.alias})]


def unsaved_card(body: Mapping[str, Any]) -> LiveActivity:
    """Return an unsaved card with the names in a body."""
    names = {name: body.get(name) or "" for name in ("account", "stream_key", "activity_id")}
    subject = body.get("subject") or {}
    return LiveActivity(
        **names, subject_model=subject.get("model", ""), subject_pk=subject.get("pk", "")
    )


def _end_subject(
    account: conf.Account, subject: Subject, values: dict[str, Any]
) -> list[Operation]:
    """End the live cards of an object; a repeat finds the ends that are not acknowledged yet."""
    unsettled = _cards_of(account, subject).exclude(status__in=LiveActivity.OVER)
    standing = selectors.due_ends([card for card in unsettled if card.is_closed])
    return [*standing.values(), *services.end_activities(subject=subject, **values)]


def _cards_of(account: conf.Account, subject: Subject) -> selectors.Cards:
    """Return the cards of an object, as by ``described``."""
    return selectors.described(selectors.of_subject(selectors.activities(account), subject))


def _card(account: conf.Account, pk: int) -> LiveActivity:
    card = selectors.activities(account).filter(pk=pk).first()
    if card is None:
        raise exceptions.NotFound(NOT_FOUND)
    return card


def _subject(model: str, pk: str) -> Subject:
    """Return the subject by its name: the object may be deleted while its cards still live."""
    found = find_model(model)
    with _paths(lambda _: "subject.pk"):
        return Subject.named(found, pk)


def find_model(label: str) -> type[Model]:
    """Return the model of a label.

    Raises:
        NotFound: there is none.
    """
    try:
        return apps.get_model(label)
    except (LookupError, ValueError):
        raise exceptions.NotFound("There is no such model.") from None


@contextmanager
def _paths(in_body: Callable[[str], str]) -> Iterator[None]:
    """Raise the block's InvalidInputError with the paths that its fields have in the body."""
    try:
        yield
    except InvalidInputError as error:
        errors = (FieldError(in_body(path), message) for path, message in error.errors)
        raise InvalidInputError(*errors) from None


def _in_body(path: str, content_name: str) -> str:
    """Return the path in the body; services leave out the name of the content."""
    return path if path.partition(".")[0] in OWN_PATHS else _in_content(path, content_name)


def _in_content(path: str, name: str) -> str:
    return name if path in ("content", "") else f"{name}.{path}"
