"""Follow one save or one delete, in the transaction of your own code."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Model

from django_liveactivity import conf, selectors
from django_liveactivity.exceptions import InvalidInputError, LiveActivityError
from django_liveactivity.models import LiveActivity, Source, Subject, root_model
from django_liveactivity.printable import get_logger

from .activity import AnyActivity
from .decision import Decision, apply_decision, decide, log_hook_errors, writers

logger = get_logger("django_liveactivity.tracking")


@dataclass(frozen=True)
class Save:
    """A save that a signal reported.

    Args:
        created: whether the row is new.
        partial: whether only some fields were written: the others may be older than the row.
    """

    created: bool
    partial: bool


def follow(activity: AnyActivity, instance: Model, using: str, save: Save | None) -> None:
    """Show, update or end the card of an object that was saved, or end that of a deleted one.

    Args:
        activity: how the card lives.
        instance: what was saved or deleted.
        using: where.
        save: how it was saved; None if it was deleted: its card ends with the last content.
    """
    account = _account(activity, using)
    if account is None:
        return
    unscoped = Subject(root_model(activity.model)._meta.label, str(instance.pk))
    with log_hook_errors(activity, account, unscoped):
        subject = _subject(activity, instance)
        cards = _cards_of(activity, account, subject)
        decision = Decision(None, ends=cards)
        if save is not None:
            decision = _decide(activity, account, instance, save, subject, cards)
        if decision.writes:
            apply_decision(activity, writers(Source.SIGNAL), decision)


def _account(activity: AnyActivity, using: str) -> conf.Account | None:
    """Return the account if the object is in its database: elsewhere its key is another's."""
    try:
        if activity.chooses_account and using not in conf.databases():
            return None
        account = account_of(activity, using)
    except (LiveActivityError, ImproperlyConfigured):
        logger.exception("%s: nothing can be followed.", activity.name)
        return None
    return account if account.database == using else None


def account_of(activity: AnyActivity, using: str) -> conf.Account:
    """Return the account of a class, or a stand-in for those of a database that it chooses among.

    Raises:
        UnknownAccountError: at ``account``, if there is no such account.
        AccountSourceError: if the account source does not answer.
    """
    if not activity.chooses_account:
        return conf.account(activity.account)
    account = conf.find_stand_in(activity.account)
    if account is None or account.database != using:
        return conf.Account(activity.account, backend="", database=using)
    return account


def _cards_of(activity: AnyActivity, account: conf.Account, subject: Subject) -> list[LiveActivity]:
    """Return the open cards of an object, on every account if its class chooses among them.

    An instance may spell its key in another way than its row, and a card as its row once did.
    """
    if activity.chooses_account:
        cards = selectors.followed_cards(account, [subject], activity.name, anywhere=True)
    else:
        cards = selectors.followed_cards_of(account, subject, activity.name)
    keys = {subject.pk, *(card.subject_pk for card in cards)}
    if len(keys) == 1:
        return cards
    # With an object that was deleted end all cards whose object is gone.
    stored = selectors.stored_keys(root_model(activity.model), account.database, sorted(keys))
    same = {key for key in keys if stored.get(key) == stored.get(subject.pk)}
    return [card for card in cards if card.subject_pk in same]


def _subject(activity: AnyActivity, instance: Model) -> Subject:
    model = root_model(activity.model)
    try:
        return Subject.named(model, instance.pk)
    except InvalidInputError:  # its save goes on, and a new card is refused
        return Subject(model._meta.label, str(instance.pk), conf.subject_scope())


def _decide(
    activity: AnyActivity,
    account: conf.Account,
    instance: Model,
    save: Save,
    subject: Subject,
    cards: list[LiveActivity],
) -> Decision:
    """Decide by the instance, and where it may be older than its row, once more by the row."""
    using = account.database
    if isinstance(instance, activity.model) and not _holds_expressions(instance):
        decision = decide(activity, using, instance, cards)
        again = save.partial or (decision.starts and not save.created)
        may_be_hidden = activity.hidden_is_gone and decision.lives
        if not (may_be_hidden or (again and decision.writes)):
            return decision
    if hasattr(instance.pk, "resolve_expression"):
        return Decision(None)  # the database has computed its key, which is not known here
    row = read_objects(activity, using, [subject.pk]).get(subject.pk)
    if row is not None and str(row.pk) != subject.pk:
        of_row = _cards_of(activity, account, Subject.of(row))
        cards = sorted({*cards, *of_row}, key=lambda card: card.pk)
    return decide(activity, using, row, cards)


def _holds_expressions(instance: Model) -> bool:
    """Tell whether a field was set to an expression, such as ``F("progress") + 1``."""
    values = map(instance.__dict__.get, (f.attname for f in instance._meta.concrete_fields))
    return any(hasattr(value, "resolve_expression") for value in values)


def read_objects(activity: AnyActivity, using: str, keys: Sequence[str]) -> dict[str, Model]:
    """Return the objects by their primary keys as text; those that are missing are gone."""
    return selectors.look_up(partial(_read, activity, using), keys)


def _read(activity: AnyActivity, using: str, keys: Sequence[str]) -> dict[str, Model]:
    pks = selectors.of_field(activity.model, keys)
    rows = activity.get_queryset().using(using).filter(pk__in=pks).order_by()
    found = {str(row.pk): row for row in rows}
    if not (activity.hidden_is_gone and found):
        return found
    # Not as a subquery: some managers filter only when their rows are read.
    shown = activity.model._default_manager.using(using).filter(pk__in=pks).order_by()
    return {key: found[key] for key in map(str, shown.values_list("pk", flat=True)) if key in found}
