"""Show cards: streams of ours, and cards that were started elsewhere."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

from django.db.models import Model

from django_liveactivity import conf, selectors
from django_liveactivity.content import (
    Content,
    Endpoint,
    check_activity_id,
    check_content,
    check_options,
    check_stream_key,
)
from django_liveactivity.models import LiveActivity, Operation, Subject
from django_liveactivity.models.schema import names_missing_migration

from .writer import UNSET, OptionFields, Unset, Writer, as_content, as_options, enter, milliseconds


@names_missing_migration
def stream_activity(
    stream_key: str,
    content: Content | Mapping[str, Any],
    *,
    subject: Model | None = None,
    time_to_live: datetime.timedelta | Unset | None = UNSET,
    account: str = conf.DEFAULT_ACCOUNT,
    actor: Any = "",
    reason: str = "",
    **options: Unpack[OptionFields],
) -> LiveActivity:
    """Show a card, or show new content on it.

    Args:
        stream_key: names the card: 1 to 255 letters, digits, underscores and hyphens.
        content: what the card shows.
        subject: the saved object that the card tells of.
        time_to_live: the card ends by itself when no content came for so long; None for never, by
            default the account's (8 h).
        account: the alias in ``LIVEACTIVITY``.
        actor: a user, another principal, or a name of at most 255 characters, for the history.
        reason: why, for the history.
        **options: ``action``, ``secondary_action``, ``alert``, ``channels``, ``tags``,
            ``metadata``; what is omitted stays as it is on the card.

    Returns:
        The card's row. The content is sent after the commit, unless newer content comes first.

    Raises:
        InvalidInputError: names the field; nothing was written.
    """
    key = check_stream_key(stream_key)
    door = enter(account, actor=actor, reason=reason)
    values = check_shown(Endpoint.STREAM, content, options)
    lasts = time_to_live_ms(door, time_to_live)
    told = Subject.of(subject)
    card = selectors.newest_by_stream_key(door.account, key)
    if card is not None and not card.is_closed:
        return add_content(door, card, values, lasts)
    return insert_card(door, key, values, lasts, subject=told)


@names_missing_migration
def track_activity(
    activity_id: str,
    content: Content | Mapping[str, Any],
    *,
    subject: Model | None = None,
    time_to_live: datetime.timedelta | Unset | None = UNSET,
    account: str = conf.DEFAULT_ACCOUNT,
    actor: Any = "",
    reason: str = "",
    **options: Unpack[OptionFields],
) -> LiveActivity:
    """Follow a card that was started elsewhere, and show new content on it.

    Args:
        activity_id: the vendor's id of the card. The id of a stream leads to that stream.
        content: what the card shows; it is sent as an update, and kept for the end.
        subject: the saved object that the card tells of.
        time_to_live: as for ``stream_activity``.
        account: the alias in ``LIVEACTIVITY``.
        actor: a user, another principal, or a name of at most 255 characters, for the history.
        reason: why, for the history.
        **options: ``action``, ``secondary_action``, ``tags``, ``metadata``.

    Returns:
        The card's row.

    Raises:
        InvalidInputError: names the field; nothing was written.
    """
    identity = check_activity_id(activity_id)
    door = enter(account, actor=actor, reason=reason)
    told = Subject.of(subject)
    card = selectors.newest_by_activity_id(door.account, identity)
    stream = card is not None and bool(card.stream_key)
    values = check_shown(Endpoint.STREAM if stream else Endpoint.UPDATE, content, options)
    lasts = time_to_live_ms(door, time_to_live)
    if card is not None and not card.is_closed:
        return add_content(door, card, values, lasts)
    key = card.stream_key if card is not None else ""
    channels = card.channels if card is not None else None
    with door.atomic():
        new = door.insert_activity(
            stream_key=key,
            activity_id="" if key else identity,
            subject=told,
            channels=channels,
        )
        return add_content(door, new, values, lasts)


class CheckedContent(TypedDict):
    """What a card is meant to show, checked and ready for JSON."""

    content: dict[str, Any]
    options: dict[str, Any]


def check_shown(endpoint: Endpoint, content: Any, options: Mapping[str, Any]) -> CheckedContent:
    """Return content and options as an operation stores them.

    Raises:
        InvalidInputError: names the field.
    """
    checked, beside = as_content(content), as_options(options)
    wire = check_content(endpoint, checked)
    check_options(endpoint, checked.type, beside)
    return {"content": wire, "options": beside.to_json()}


def insert_card(
    door: Writer,
    stream_key: str,
    values: CheckedContent,
    lasts: int | None,
    *,
    subject: Subject,
    tracked_by: str = "",
) -> LiveActivity:
    """INSERT a card and its first content."""
    channels = values["options"].get("channels") or door.backend.channels
    with door.atomic():
        card = door.insert_activity(
            stream_key=stream_key, subject=subject, tracked_by=tracked_by, channels=channels
        )
        return add_content(door, card, values, lasts)


def add_content(
    door: Writer, card: LiveActivity, values: CheckedContent, lasts: int | None
) -> LiveActivity:
    """INSERT content for an open card; a stream's channels go with all its content."""
    kind, options = Operation.Kind.UPDATE, values["options"]
    if card.stream_key:
        kind = Operation.Kind.STREAM
        options = ({"channels": card.channels} if card.channels else {}) | options
    door.insert_operation(
        card, kind, content=values["content"], options=options, time_to_live=lasts
    )
    return card


def time_to_live_ms(door: Writer, value: datetime.timedelta | Unset | None) -> int | None:
    """Return a time to live in milliseconds, by default the account's; None for no end.

    Raises:
        InvalidInputError: at ``time_to_live``.
    """
    chosen = door.backend.time_to_live if isinstance(value, Unset) else value
    return None if chosen is None else milliseconds("time_to_live", chosen)
