"""Explain a card's state in one sentence: why it is so, and what happens next.

``explain`` is pure. ``explanations`` reads the facts, in as many statements for 500 cards as for
one.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _, ngettext

from django_liveactivity import selectors
from django_liveactivity.health import AccountStatus, Condition
from django_liveactivity.models import Attempt, Lane, LiveActivity, Operation, OperatorAction
from django_liveactivity.selectors import batched

from .accounts import condition_sentence, read_accounts, silence
from .display import newest_of
from .labels import SECOND, duration, moment, outcome_words

Kind, State, Status = Operation.Kind, Operation.State, LiveActivity.Status
HOLDS_ENDS = (Condition.FROZEN, Condition.BLOCKED, Condition.UNREADABLE)
HOLDS_CONTENT = (*HOLDS_ENDS, Condition.BILLING, Condition.LIMIT)
NEVER_STARTED, NOT_SENT = "never_started", "not_sent"  # outcomes
VENDORS_DISMISSAL_MS = 3 * 60 * SECOND
"""How long the vendor keeps an ended card on the phone at most, unless the end sets it."""


@dataclass(frozen=True)
class Facts:
    """What an explanation is made from.

    Args:
        card: the row; read with ``is_closed``.
        now: the database's clock, in milliseconds.
        end: the end that counts (``selectors.newest_operations``), or None.
        content: the newest content, if it is not finished, or None.
        attempts: the calls made for the end, or for the content, the newest first.
        account: the account's status, or None if ``LIVEACTIVITY`` no longer has it.
        silence: that no worker drains the account, in words, or "".
        deadline_at: when the card's time to live ends it, or None.
        evictor_operation: the one for which the vendor ended the card, with its card, or None.
        decision: the operator action that gave the end up, or None.
    """

    card: LiveActivity
    now: int
    end: Operation | None = None
    content: Operation | None = None
    attempts: Sequence[Attempt] = ()
    account: AccountStatus | None = None
    silence: str = ""
    deadline_at: int | None = None
    evictor_operation: Operation | None = None
    decision: OperatorAction | None = None


def explain(facts: Facts) -> str:
    """Return why the card is in its state, and what happens next."""
    end = facts.end
    if end is not None and end.state in Operation.UNFINISHED:
        return _of_pending_end(facts, end)
    if end is not None and end.state == State.GIVEN_UP and not facts.card.is_over:
        return _of_given_up_end(facts)
    if facts.card.status == Status.ENDED:
        return _of_ended(facts)
    if facts.card.status == Status.FAILED:
        return _("The card was never shown: %(outcome)s.") % {"outcome": _last_outcome(facts)}
    if facts.content is not None and facts.card.status == Status.PENDING:
        return _of_waiting_content(facts, facts.content)
    return _of_open(facts)


def _of_pending_end(facts: Facts, end: Operation) -> str:
    due_for = facts.now - end.due_at
    if due_for < 0:
        words = {"at": moment(end.due_at), "wait": duration(-due_for)}
        return _("The end is scheduled for %(at)s, in %(wait)s.") % words
    if end.state == State.NEEDS_OPERATOR:
        return _of_refused_end(facts, end)
    if end.acknowledged_at is not None:
        text = _(
            "The vendor has accepted the end; a second one confirms it in %(wait)s, because an "
            "earlier call may still arrive."
        )
        return text % {"wait": _wait(facts, end)}
    return _held_up(facts, HOLDS_ENDS) or _of_due_end(facts, end, duration(due_for))


def _of_due_end(facts: Facts, end: Operation, age: str) -> str:
    answered, times = _answered(facts.attempts)
    if not answered:
        return _("The end has been due for %(age)s and is about to be sent.") % {"age": age}
    text = ngettext(
        "The end has been due for %(age)s; %(answer)s; next try in %(wait)s.",
        "The end has been due for %(age)s; %(answer)s (%(count)d times); next try in %(wait)s.",
        times,
    )
    return text % {"age": age, "answer": answered, "count": times, "wait": _wait(facts, end)}


def _of_refused_end(facts: Facts, end: Operation) -> str:
    said = vendor_words(facts.attempts[0]) if facts.attempts else ""
    text = _(
        "The vendor refuses the end: %(said)s. It is tried again in %(wait)s. Retry it when the "
        "cause is gone, or give it up."
    )
    return text % {"said": said or _last_outcome(facts), "wait": _wait(facts, end)}


def _of_given_up_end(facts: Facts) -> str:
    decision = facts.decision
    if decision is None:
        return _("The end was given up. The card may still be on the phones.")
    text = _("%(actor)s gave the end up: %(reason)s. The card may still be on the phones.")
    return text % {"actor": decision.actor, "reason": decision.reason.rstrip(".")}


def _of_ended(facts: Facts) -> str:
    card, end = facts.card, facts.end
    words = {
        "ago": duration(facts.now - (card.ended_at or facts.now)),
        "outcome": _last_outcome(facts),
    }
    if card.needs_attention and facts.attempts:
        words["said"] = vendor_words(facts.attempts[0]) or words["outcome"]
        text = _(
            "Ended %(ago)s ago, but not on every device: %(said)s. Look at the phones, then "
            "press “Seen”."
        )
        return text % words
    left = _left_on_phone(facts, end)
    if end is None or end.outcome == NEVER_STARTED:
        return _("Ended %(ago)s ago, before anything was sent.") % words
    if left > 0:
        text = _("Ended %(ago)s ago: %(outcome)s. iOS removes it within %(left)s.")
        return text % {**words, "left": duration(left)}
    return _("Ended %(ago)s ago: %(outcome)s. iOS has removed it.") % words


def _left_on_phone(facts: Facts, end: Operation | None) -> int:
    """Return for how many milliseconds the phone still shows the ended card."""
    asked = None if end is None else end.dismiss_seconds
    stays = VENDORS_DISMISSAL_MS if asked is None else asked * SECOND
    return (facts.card.ended_at or 0) + stays - facts.now


def _of_waiting_content(facts: Facts, content: Operation) -> str:
    held = _held_up(facts, HOLDS_CONTENT)
    if held:
        return held
    answered, times = _answered(facts.attempts)
    if not answered:
        return _("The card is about to be shown.")
    text = ngettext(
        "The card is not shown yet; %(answer)s; next try in %(wait)s.",
        "The card is not shown yet; %(answer)s (%(count)d times); next try in %(wait)s.",
        times,
    )
    return text % {"answer": answered, "count": times, "wait": _wait(facts, content)}


def _of_open(facts: Facts) -> str:
    card = facts.card
    age = {"age": duration(facts.now - card.created_at)}
    if selectors.is_expired(card, facts.now):
        return _("No end was asked for in %(age)s; iOS has removed the card by itself.") % age
    if card.status == Status.EVICTED:
        text = _("The vendor ended it to make room for %(evictor)s.")
        evicting = facts.evictor_operation
        return text % {"evictor": evicting.activity if evicting else _("another card")}
    if card.status == Status.PAUSED:
        return _("The user has paused it on the phone; an end is still sent.")
    if facts.deadline_at is not None:
        words = {**age, "left": duration(max(0, facts.deadline_at - facts.now))}
        text = _("No end has been asked for in %(age)s; its time to live ends it in %(left)s.")
        return text % words
    return _("No end has been asked for in %(age)s.") % age


def _held_up(facts: Facts, conditions: Iterable[Condition]) -> str:
    """Return why the account sends nothing now, or ""."""
    status = facts.account
    if status is None:
        return _("LIVEACTIVITY has no account of this name any more, so nothing is sent.")
    if status.condition in conditions:
        return condition_sentence(status, facts.now)
    return facts.silence


def _answered(attempts: Sequence[Attempt]) -> tuple[str, int]:
    """Return the result of the newest call in words, and how many in a row had the same."""
    done = [attempt for attempt in attempts if attempt.outcome]
    if not done:
        return "", 0
    newest = (done[0].outcome, done[0].status)
    same = 0
    for attempt in done:
        if (attempt.outcome, attempt.status) != newest:
            break
        same += 1
    if done[0].status is not None:
        return _("the vendor answered %(status)d") % {"status": done[0].status}, same
    if done[0].outcome == NOT_SENT:
        return _("no connection could be made"), same
    return _("no answer came"), same


def vendor_words(attempt: Attempt) -> str:
    """Return the vendor's message in an answer, or the error of the call, or ""."""
    try:
        body = json.loads(attempt.answer)
    except ValueError:
        body = None
    said = body.get("message") if isinstance(body, dict) else None
    return said.strip().rstrip(".") if isinstance(said, str) and said else attempt.error


def _last_outcome(facts: Facts) -> str:
    newest = facts.end or facts.content
    outcome = newest.outcome if newest is not None else ""
    if not outcome and facts.attempts:
        outcome = facts.attempts[0].outcome
    return outcome_words(outcome) or _("nothing was sent")


def _wait(facts: Facts, operation: Operation) -> str:
    return duration(max(SECOND, (operation.next_try_at or facts.now) - facts.now))


def explanations(
    cards: Sequence[LiveActivity], accounts: Mapping[str, AccountStatus] | None = None
) -> dict[int, str]:
    """Return the explanation of each card, by its primary key.

    Args:
        cards: of one database, read with ``now`` and ``is_closed``; up to a page of them.
        accounts: the status of their accounts, by alias; None to read it.
    """
    return {facts.card.pk: explain(facts) for facts in read_facts(cards, accounts)}


def read_facts(
    cards: Sequence[LiveActivity], accounts: Mapping[str, AccountStatus] | None = None
) -> list[Facts]:
    """Return the facts of cards, in at most six statements and those of their accounts' health.

    Of more than 500 cards, it is six for each 500.
    """
    if not cards:
        return []
    health = read_accounts(cards) if accounts is None else accounts
    return [facts for some in batched(cards) for facts in _read_facts(some, health)]


def _read_facts(
    cards: Sequence[LiveActivity], accounts: Mapping[str, AccountStatus]
) -> list[Facts]:
    using = cards[0]._state.db or "default"
    newest = newest_of(cards)
    ends = {pk: each.end for pk, each in newest.items() if each.end is not None}
    contents = {
        pk: each.content
        for pk, each in newest.items()
        if each.content is not None and each.content.state in Operation.UNFINISHED
    }
    wanted = contents | ends
    attempts = _attempts(using, [each.pk for each in wanted.values()])
    deadlines, evictors = _deadlines(using, cards), _evictors(using, cards)
    decisions = _decisions(using, ends.values())
    return [
        Facts(
            card,
            card.now,  # type: ignore[attr-defined] # annotated where the cards are read
            end=ends.get(card.pk),
            content=contents.get(card.pk),
            attempts=attempts[each.pk] if (each := wanted.get(card.pk)) else (),
            account=accounts.get(card.account),
            silence=silence(accounts.get(card.account)),
            deadline_at=deadlines.get((card.account, card.lane_digest)),
            evictor_operation=evictors.get(card.evicted_by or 0),
            decision=decisions.get(each.pk) if (each := ends.get(card.pk)) else None,
        )
        for card in cards
    ]


def _attempts(using: str, operations: Sequence[int]) -> dict[int, list[Attempt]]:
    """Return the calls of operations, the newest first; delivery keeps at most 25 of each."""
    found: dict[int, list[Attempt]] = defaultdict(list)
    rows = Attempt.objects.using(using).filter(operation__in=operations)
    for attempt in rows.order_by("operation", "-number"):
        found[attempt.operation_id].append(attempt)
    return found


def _deadlines(using: str, cards: Sequence[LiveActivity]) -> dict[tuple[str, str], int]:
    lanes = Lane.objects.using(using).filter(
        account__in={card.account for card in cards},
        digest__in={card.lane_digest for card in cards if not card.is_over},
        deadline_at__isnull=False,
    )
    return {(lane.account, lane.digest): lane.deadline_at or 0 for lane in lanes}


def _evictors(using: str, cards: Iterable[LiveActivity]) -> dict[int, Operation]:
    """Return the operations for which the vendor has ended cards, each with its own card."""
    ids = {card.evicted_by for card in cards if card.evicted_by}
    return {each.pk: each for each in selectors.operations(using, ids, with_cards=True)}


def _decisions(using: str, ends: Iterable[Operation]) -> dict[int, OperatorAction]:
    given_up = [end.pk for end in ends if end.state == State.GIVEN_UP]
    if not given_up:
        return {}
    actions = OperatorAction.objects.using(using).filter(
        operation__in=given_up, kind=OperatorAction.Kind.GIVE_UP
    )
    return {action.operation_id or 0: action for action in actions.order_by("pk")}
