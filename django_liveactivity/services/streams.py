"""Show cards: streams of ours, and cards that were started elsewhere."""

import datetime
from collections.abc import Mapping
from typing import TypedDict, Unpack

from django.db.models import Model

from django_liveactivity import conf, selectors
from django_liveactivity.content import parsing
from django_liveactivity.content.encoding import JSONObject
from django_liveactivity.content.endpoints import Endpoint, check_content, check_options
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import LiveActivity, Operation, Subject, names_missing_migration

from .writer import UNSET, Unset, Writer, checked_options, milliseconds


@names_missing_migration
def stream_activity(
    stream_key: str,
    content: parsing.ContentInput,
    *,
    subject: Model | None = None,
    time_to_live: datetime.timedelta | Unset | None = UNSET,
    account: str = conf.DEFAULT_ACCOUNT,
    actor: object = "",
    reason: str = "",
    **options: Unpack[parsing.OptionFields],
) -> LiveActivity:
    """Show a card, or show new content on it.

    Args:
        stream_key: names the card: 1 to 255 letters, digits, underscores and hyphens.
        content: what the card shows.
        subject: the saved object that the card represents.
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
    key = parsing.check_stream_key(stream_key)
    writer = Writer.for_account(account, actor=actor, reason=reason)
    _refuse_closing(writer)
    shown = check(Endpoint.STREAM, content, options)
    ttl_ms = time_to_live_ms(writer, time_to_live)
    represented = Subject.of(subject)
    card = selectors.newest_by_stream_key(writer.account, key)
    if card is not None and not card.is_closed:
        return add_content(writer, card, shown, ttl_ms)
    return insert_card(writer, key, shown, ttl_ms, subject=represented)


@names_missing_migration
def track_activity(
    activity_id: str,
    content: parsing.ContentInput,
    *,
    subject: Model | None = None,
    time_to_live: datetime.timedelta | Unset | None = UNSET,
    account: str = conf.DEFAULT_ACCOUNT,
    actor: object = "",
    reason: str = "",
    **options: Unpack[parsing.OptionFields],
) -> LiveActivity:
    """Follow a card that was started elsewhere, and show new content on it.

    Args:
        activity_id: the vendor's id of the card. The id of a stream leads to that stream.
        content: what the card shows; it is sent as an update, and kept for the end.
        subject: the saved object that the card represents.
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
    identity = parsing.check_activity_id(activity_id)
    writer = Writer.for_account(account, actor=actor, reason=reason)
    _refuse_closing(writer)
    represented = Subject.of(subject)
    card = selectors.newest_by_activity_id(writer.account, identity)
    key = card.stream_key if card is not None else ""
    shown = check(Endpoint.STREAM if key else Endpoint.UPDATE, content, options)
    ttl_ms = time_to_live_ms(writer, time_to_live)
    if card is not None and not card.is_closed:
        return add_content(writer, card, shown, ttl_ms)
    with writer.atomic():
        new = writer.insert_activity(
            stream_key=key,
            activity_id="" if key else identity,
            subject=represented,
            channels=card.channels if card is not None else None,
            content=shown["content"],
        )
        return add_content(writer, new, shown, ttl_ms)


def _refuse_closing(writer: Writer) -> None:
    if writer.account.closing:
        message = f"Account {writer.account.alias!r} is closing: it shows nothing more."
        raise InvalidInputError.at("account", message)


class CheckedContent(TypedDict):
    """Content and options of a card, checked and ready for JSON."""

    content: JSONObject
    options: JSONObject


def check(
    endpoint: Endpoint, content: parsing.ContentInput, options: Mapping[str, object]
) -> CheckedContent:
    """Return content and options as an operation stores them.

    Raises:
        InvalidInputError: names the field.
    """
    parsed, beside = parsing.parse_content(content), checked_options(options)
    shown = check_content(endpoint, parsed)
    check_options(endpoint, parsed.type, beside)
    return {"content": shown, "options": beside.to_json()}


def insert_card(
    writer: Writer,
    stream_key: str,
    shown: CheckedContent,
    time_to_live: int | None,
    *,
    subject: Subject,
    tracked_by: str = "",
) -> LiveActivity:
    """INSERT a card and its first content; *time_to_live* is in milliseconds."""
    with writer.atomic():
        card = writer.insert_activity(
            stream_key=stream_key,
            subject=subject,
            tracked_by=tracked_by,
            channels=shown["options"].get("channels") or writer.backend.channels,
            content=shown["content"],
        )
        return add_content(writer, card, shown, time_to_live)


def add_content(
    writer: Writer, card: LiveActivity, shown: CheckedContent, time_to_live: int | None
) -> LiveActivity:
    """INSERT content for an open card; a stream's channels go with all its content."""
    kind, options = Operation.Kind.UPDATE, shown["options"]
    if card.stream_key:
        kind = Operation.Kind.STREAM
        options = ({"channels": card.channels} if card.channels else {}) | options
    writer.insert_operation(
        card, kind, content=shown["content"], options=options, time_to_live=time_to_live
    )
    return card


def time_to_live_ms(writer: Writer, value: datetime.timedelta | Unset | None) -> int | None:
    """Return a time to live in milliseconds, by default the account's; None for no end.

    Raises:
        InvalidInputError: at ``time_to_live``.
    """
    chosen = writer.backend.time_to_live if isinstance(value, Unset) else value
    return None if chosen is None else milliseconds("time_to_live", chosen)
