"""From a checked body to a call of the services, in one transaction."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any

from django.apps import apps
from django.db import transaction
from rest_framework.exceptions import NotFound

from django_liveactivity import conf, selectors, services
from django_liveactivity.content import parse_content, take_dismissal
from django_liveactivity.exceptions import FieldError, InvalidInputError
from django_liveactivity.models import LiveActivity, Operation, Source, Subject
from django_liveactivity.services.writer import recorded_as

from .serializers import EndSerializer

SECONDS = ("dismiss_after", "after")
OWN_PATHS = frozenset({*EndSerializer().fields, "actor", "body"}) - {"content"}


def end_cards(asked: Mapping[str, Any], *, actor: Any) -> list[Operation]:
    """End what a body names.

    Args:
        asked: the values of ``EndSerializer``.
        actor: the user who asks.

    Returns:
        The ends as they are stored, each with its card.

    Raises:
        InvalidInputError: with the paths of the body; nothing was stored.
        NotFound: the body names a row or a model that there is not.
    """
    values = dict(asked)
    account = conf.account(values.pop("account", conf.DEFAULT_ACCOUNT))
    values |= {n: datetime.timedelta(seconds=values[n]) for n in SECONDS if n in values}
    values |= {"account": account.alias, "actor": actor}
    name = "content_state" if "content_state" in values else "content"
    if name in values:
        values["content"] = values.pop(name)
        _check_content(values["content"], name)
    with transaction.atomic(using=account.database), recorded_as(Source.ENDPOINT):
        ends = _with_paths_of_body(lambda: _end(account, values), name)
        rows = Operation.objects.using(account.database).filter(pk__in=[end.pk for end in ends])
        return list(rows.select_related("activity").order_by("pk"))


def _end(account: conf.Account, values: dict[str, Any]) -> list[Operation]:
    if "subject" in values:
        subject = _subject(**values.pop("subject"))
        return services.end_activities(subject=subject, **values)
    if "id" in values:
        values["activity"] = _card(account, values.pop("id"))
    return [services.end_activity(**values)]


def _card(account: conf.Account, pk: int) -> LiveActivity:
    card = selectors.activities(account).filter(pk=pk).first()
    if card is None:
        raise NotFound(f"Account {account.alias!r} has no live activity {pk}.")
    return card


def _subject(model: str, pk: str) -> Subject:
    """Return the object's name: it may be gone, its cards still live, and no instance is made."""
    try:
        found = apps.get_model(model)
    except (LookupError, ValueError):
        raise NotFound("There is no such model.") from None
    try:
        return Subject.named(found, pk)
    except InvalidInputError as error:
        raise InvalidInputError(
            *(FieldError("subject.pk", e.message) for e in error.errors)
        ) from None


def _check_content(content: Any, name: str) -> None:
    """Refuse what no content type takes; the service knows the card's own type besides."""
    try:
        parse_content(take_dismissal(content, None)[0])
    except InvalidInputError as error:
        raise InvalidInputError(*(_in_content(e, name) for e in error.errors)) from None


def _with_paths_of_body(call: Callable[[], list[Operation]], name: str) -> list[Operation]:
    """Call a service, whose paths within content do not begin with the body's name of it."""
    try:
        return call()
    except InvalidInputError as error:
        raise InvalidInputError(*(_in_body(e, name) for e in error.errors)) from None


def _in_body(error: FieldError, name: str) -> FieldError:
    own = error.path.partition(".")[0] in OWN_PATHS
    return error if own else _in_content(error, name)


def _in_content(error: FieldError, name: str) -> FieldError:
    path = name if error.path in ("content", "") else f"{name}.{error.path}"
    return FieldError(path, error.message)
