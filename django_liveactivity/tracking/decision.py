"""What happens to the cards of an object: hooks decide, and an error in one breaks no save."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import DatabaseError, Error, transaction
from django.db.models import Model

from django_liveactivity import conf
from django_liveactivity.content.endpoints import Endpoint
from django_liveactivity.content.parsing import check_stream_key
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import LiveActivity, Source, Subject
from django_liveactivity.printable import get_logger
from django_liveactivity.services import streams
from django_liveactivity.services.end_request import EndRequest
from django_liveactivity.services.ends import end_card
from django_liveactivity.services.streams import CheckedContent
from django_liveactivity.services.writer import Writer, recorded_as

from .activity import AnyActivity

logger = get_logger("django_liveactivity.tracking")


@dataclass(frozen=True)
class Decision:
    """What is to happen to the cards of one object.

    Args:
        subject: the object that was asked, or None if it is gone.
        show: what the card is to show, or None if it shows that already, or is to end.
        card: the open card that it goes to, or None for a new one.
        ends: the open cards that end.
        account: the alias of the account that shows it, or "" if nothing is shown.
    """

    subject: Model | None
    show: CheckedContent | None = None
    card: LiveActivity | None = None
    ends: Sequence[LiveActivity] = ()
    account: str = ""

    @property
    def writes(self) -> bool:
        """Tell whether anything is to be written."""
        return self.show is not None or bool(self.ends)

    @property
    def lives(self) -> bool:
        """Tell whether the object has a card, or gets one."""
        return self.show is not None or self.card is not None

    @property
    def starts(self) -> bool:
        """Tell whether a new card is shown."""
        return self.show is not None and self.card is None


def decide(
    activity: AnyActivity,
    using: str,
    subject: Model | None,
    cards: Sequence[LiveActivity],
) -> Decision:
    """Return what the cards of an object need.

    Args:
        activity: how they live.
        using: the database of the object and its cards.
        subject: the object, or None if it is gone.
        cards: its open cards, the oldest first; those of other accounts end, as the object has
            moved. Two transactions that did not see each other leave more than one of the account:
            the newest stays.

    Raises:
        UnknownAccountError: at ``account``, if the account that is to show it does not exist.
        InvalidInputError: at ``account``, if that lives in another database; at other paths, if the
            content is wrong.
        AccountSourceError: if the account source does not answer.
    """
    if subject is None or not activity.is_live(subject):
        return Decision(subject, ends=cards)
    account = _account_of(activity, subject, using)
    if account.closing:
        return Decision(subject, ends=cards)
    own = [card for card in cards if card.account == account.alias]
    card = own[-1] if own else None
    ends = [each for each in cards if card is None or _lane(each) != _lane(card)]
    show = streams.check(Endpoint.STREAM, activity.content(subject), activity.options(subject))
    if card is not None and _is_shown(card, show):
        return Decision(subject, card=card, ends=ends)
    return Decision(subject, show, card, ends, account.alias)


def _account_of(activity: AnyActivity, subject: Model, using: str) -> conf.Account:
    account = conf.account(activity.get_account(subject))
    if account.database != using:
        message = f"Account {account.alias!r} of {activity.name} is not in database {using!r}."
        raise InvalidInputError.at("account", message)
    return account


def _lane(card: LiveActivity) -> tuple[str, str]:
    return card.account, card.lane_digest


def _is_shown(card: LiveActivity, show: CheckedContent) -> bool:
    if card.newest_content != show["content"]:
        return False
    return all(card.newest_options.get(k) == value for k, value in show["options"].items())


def writers(source: Source, reason: str = "") -> Callable[[str], Writer]:
    """Return what makes the writer of an account's alias."""

    def writer_for(alias: str) -> Writer:
        with recorded_as(source):
            return Writer.for_account(alias, reason=reason)

    return writer_for


def apply_decision(
    activity: AnyActivity, writer_for: Callable[[str], Writer], decision: Decision
) -> None:
    """INSERT the rows of a decision."""
    # Beside a card that stays or comes, another one ends and not the object: it keeps its content.
    final_subject = None if decision.card or decision.show else decision.subject
    for card in decision.ends:
        _end(activity, writer_for(card.account), card, final_subject)
    subject, show = decision.subject, decision.show
    if subject is None or show is None:
        return
    writer = writer_for(decision.account)
    ttl_ms = streams.time_to_live_ms(writer, activity.time_to_live)
    if decision.card is not None:
        streams.add_content(writer, decision.card, show, ttl_ms)
    else:
        key, named = check_stream_key(activity.key(subject)), Subject.of(subject)
        streams.insert_card(writer, key, show, ttl_ms, subject=named, tracked_by=activity.name)


def _end(activity: AnyActivity, writer: Writer, card: LiveActivity, subject: Model | None) -> None:
    """End a card with its final content; if a hook raises, with the last content, or none.

    Args:
        activity: how the card lives.
        writer: writes the end.
        card: an open card.
        subject: the object that names the final content; None for the last content.
    """
    named = card.named_subject
    for request in _ways_to_end(activity, subject):
        with log_hook_errors(activity, writer.account, named):
            end_card(writer, card, request())
            return


def _ways_to_end(
    activity: AnyActivity, subject: Model | None
) -> Iterator[Callable[[], EndRequest]]:
    dismiss_after = activity.dismiss_after
    if subject is not None:
        yield lambda: EndRequest(activity.final_content(subject), dismiss_after=dismiss_after)
    yield lambda: EndRequest(dismiss_after=dismiss_after)
    yield lambda: EndRequest(dismiss_after=None)


@contextmanager
def log_hook_errors(
    activity: AnyActivity, account: conf.Account, subject: Subject, *, counted: bool = True
) -> Iterator[None]:
    """Catch and log what a hook of a ``ModelActivity`` raises in the block.

    An error of the database inside a transaction is raised: that transaction is broken, and your
    code has to know why.

    Args:
        activity: whose hooks are called.
        account: the account of the cards.
        subject: the object that the hooks are asked about.
        counted: whether a row counts the error; without one it is logged only.
    """
    try:
        yield
    except Exception as error:
        connection = transaction.get_connection(account.database)
        broken = isinstance(error, DatabaseError) and connection.in_atomic_block
        if broken or account.raise_tracking_errors:
            raise
        logger.exception("%s: a hook raised for %s.", activity.name, str(subject))
        if counted and not connection.needs_rollback:
            _count(activity, account, subject, error)


def _count(
    activity: AnyActivity, account: conf.Account, subject: Subject, error: Exception
) -> None:
    try:
        with transaction.atomic(using=account.database):
            writer = Writer(account, Source.SIGNAL, actor="", reason="")
            writer.insert_tracking_failure(activity.name, subject, error)
    except Error:
        logger.exception("%s: the failure could not be counted.", activity.name)
