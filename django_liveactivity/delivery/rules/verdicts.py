"""What an answer means for the operation and for its account: one table, pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from django_liveactivity.client.answer import ACKNOWLEDGED, Answer, Outcome
from django_liveactivity.content import Endpoint
from django_liveactivity.models import Operation

State = Operation.State


class AccountEffect(enum.Enum):
    """What an answer says of the whole account."""

    OPEN = "a good answer opens it"
    FREEZE = "a 429: every call waits"
    BLOCK = "the key or the address is refused: one probe at a time"
    BILLING = "content waits, ends flow"
    LIMIT = "starts wait, everything else flows"
    FAILURE = "counts towards blocking"
    SAME = "says nothing"


class Retry(enum.Enum):
    """When a pending operation is tried again."""

    BACKOFF = "after a growing, jittered pause"
    HOURLY = "in an hour"
    PROBE_CAP = "after the longest pause between two probes, so that others probe meanwhile"
    NOW = "at once, as far as the account's gates allow"


@dataclass(frozen=True)
class Verdict:
    """What becomes of an operation after one call."""

    state: str
    effect: AccountEffect = AccountEffect.OPEN
    retry: Retry | None = None
    quarantine_changes: bool = False
    stripped: bool = False


DONE = Verdict(State.DONE)
FAILED = Verdict(State.FAILED)
OPERATOR = Verdict(State.NEEDS_OPERATOR, retry=Retry.HOURLY)
BARE = Verdict(State.PENDING, retry=Retry.NOW, stripped=True)
AGAIN = Verdict(State.PENDING, effect=AccountEffect.FAILURE, retry=Retry.BACKOFF)
DOUBT = replace(AGAIN, quarantine_changes=True)
FROZEN = Verdict(State.PENDING, effect=AccountEffect.FREEZE, retry=Retry.NOW)
BLOCKED = Verdict(State.PENDING, effect=AccountEffect.BLOCK, retry=Retry.NOW)
VAGUE = replace(BLOCKED, retry=Retry.PROBE_CAP)
UNPAID = Verdict(State.PENDING, effect=AccountEffect.BILLING, retry=Retry.NOW)
UNPAID_END = Verdict(State.PENDING, effect=AccountEffect.SAME, retry=Retry.HOURLY)
FULL = Verdict(State.PENDING, effect=AccountEffect.LIMIT, retry=Retry.NOW)

COLUMNS = (Endpoint.STREAM, Endpoint.UPDATE, Endpoint.END_STREAM, Endpoint.END)
TABLE: dict[Outcome, tuple[Verdict, Verdict, Verdict, Verdict]] = {
    # answer                PUT stream  POST update  DELETE stream  POST end
    Outcome.NOT_SENT:       (AGAIN,     AGAIN,       AGAIN,         AGAIN),
    Outcome.AMBIGUOUS:      (DOUBT,     AGAIN,       DOUBT,         AGAIN),
    Outcome.RATE_LIMITED:   (FROZEN,    FROZEN,      FROZEN,        FROZEN),
    Outcome.LIMIT_REACHED:  (FULL,      FROZEN,      FROZEN,        FROZEN),
    Outcome.BILLING_BLOCKED: (UNPAID,   UNPAID,      UNPAID_END,    UNPAID_END),
    Outcome.NOT_FOUND:      (FAILED,    FAILED,      DONE,          OPERATOR),
    Outcome.NO_RECIPIENTS:  (FAILED,    FAILED,      DONE,          DONE),
    Outcome.FORBIDDEN:      (FAILED,    FAILED,      OPERATOR,      OPERATOR),
    Outcome.REJECTED:       (FAILED,    FAILED,      BARE,          BARE),
    Outcome.UNAUTHORIZED:   (BLOCKED,   BLOCKED,     BLOCKED,       BLOCKED),
    **dict.fromkeys(ACKNOWLEDGED, (DONE, DONE, DONE, DONE)),
}  # fmt: skip


def resolve(answer: Answer, known_address: str) -> Answer:
    """Return the answer, a vague 404 as ``not_found`` if its address is known to be the vendor's.

    A wrong ``base_url`` leads to servers that answer 404 to every path: that must not end a card.

    Args:
        answer: as the backend read it.
        known_address: the digest of the address that has answered this account well before.
    """
    if answer.is_vague and answer.address and answer.address == known_address:
        return replace(answer, outcome=Outcome.NOT_FOUND)
    return answer


def judge(endpoint: Endpoint, outcome: Outcome, *, stripped: bool, vague: bool = False) -> Verdict:
    """Return what an outcome on an endpoint means.

    Args:
        endpoint: the endpoint that was called.
        outcome: what the answer was read as.
        stripped: the body had been stripped after an earlier rejection; it is stripped once only.
        vague: an end was answered by a 404 that may be another server's. If it is the vendor's
            after all, that end can never open the account, so content must get to probe as well.
    """
    verdict = TABLE[outcome][COLUMNS.index(endpoint)]
    if vague:
        return VAGUE
    return OPERATOR if verdict is BARE and stripped else verdict
