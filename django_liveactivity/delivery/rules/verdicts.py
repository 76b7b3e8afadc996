"""What an answer means for the operation and for its account: one table, and how long each waits.

Each verdict is named by what follows from it. Pure.
"""

import enum
from dataclasses import dataclass, replace

from django_liveactivity.client.answer import ACKNOWLEDGED, Answer, Outcome
from django_liveactivity.conf import Timing
from django_liveactivity.content.endpoints import Endpoint
from django_liveactivity.models import Operation

State = Operation.State


class AccountEffect(enum.Enum):
    """What an answer means for the whole account."""

    OPEN = "a good answer opens it"
    FREEZE = "a 429: every call waits"
    BLOCK = "the key or the address is refused: one probe at a time"
    BILLING = "content waits, ends flow"
    LIMIT = "starts wait, everything else flows"
    FAILURE = "counts toward blocking"
    SAME = "nothing"


class Retry(enum.Enum):
    """When a pending operation is tried again."""

    BACKOFF = "after a growing, jittered pause"
    HOURLY = "in an hour"
    PROBE_CAP = "after the longest pause between two probes, so that others probe meanwhile"
    NOW = "as soon as the account admits a call"


@dataclass(frozen=True)
class Verdict:
    """What becomes of an operation after one call.

    Attributes:
        state: the operation's next state.
        effect: what the answer means for the account.
        retry: when the operation is tried again; None if it is finished.
        quarantines: the call may still be applied, so the lane is quarantined.
        strips: the next try sends the end without its content.
    """

    state: State
    effect: AccountEffect = AccountEffect.OPEN
    retry: Retry | None = None
    quarantines: bool = False
    strips: bool = False


DONE = Verdict(State.DONE)
FAIL = Verdict(State.FAILED)
RETRY = Verdict(State.PENDING, AccountEffect.FAILURE, Retry.BACKOFF)
RETRY_AND_QUARANTINE = replace(RETRY, quarantines=True)
RETRY_HOURLY = Verdict(State.PENDING, AccountEffect.SAME, Retry.HOURLY)
RETRY_WITH_NEW_KEY = Verdict(State.PENDING, AccountEffect.SAME, Retry.NOW)
RETRY_STRIPPED = Verdict(State.PENDING, retry=Retry.NOW, strips=True)
ASK_OPERATOR = Verdict(State.NEEDS_OPERATOR, retry=Retry.HOURLY)
FREEZE = Verdict(State.PENDING, AccountEffect.FREEZE, Retry.NOW)
BLOCK = Verdict(State.PENDING, AccountEffect.BLOCK, Retry.NOW)
BLOCK_AND_STEP_ASIDE = replace(BLOCK, retry=Retry.PROBE_CAP)
HOLD_CONTENT = Verdict(State.PENDING, AccountEffect.BILLING, Retry.NOW)
HOLD_STARTS = Verdict(State.PENDING, AccountEffect.LIMIT, Retry.NOW)

COLUMNS = (Endpoint.STREAM, Endpoint.UPDATE, Endpoint.END_STREAM, Endpoint.END)
TABLE: dict[Outcome, tuple[Verdict, Verdict, Verdict, Verdict]] = {
    # answer: PUT stream, POST update, DELETE stream, POST end
    Outcome.NOT_SENT: (RETRY, RETRY, RETRY, RETRY),
    Outcome.AMBIGUOUS: (RETRY_AND_QUARANTINE, RETRY, RETRY_AND_QUARANTINE, RETRY),
    Outcome.RATE_LIMITED: (FREEZE, FREEZE, FREEZE, FREEZE),
    Outcome.LIMIT_REACHED: (HOLD_STARTS, FREEZE, FREEZE, FREEZE),
    Outcome.BILLING_BLOCKED: (HOLD_CONTENT, HOLD_CONTENT, RETRY_HOURLY, RETRY_HOURLY),
    Outcome.NOT_FOUND: (FAIL, FAIL, DONE, ASK_OPERATOR),
    Outcome.NO_RECIPIENTS: (FAIL, FAIL, DONE, DONE),
    Outcome.FORBIDDEN: (FAIL, FAIL, ASK_OPERATOR, ASK_OPERATOR),
    Outcome.REJECTED: (FAIL, FAIL, RETRY_STRIPPED, RETRY_STRIPPED),
    Outcome.UNAUTHORIZED: (BLOCK, BLOCK, BLOCK, BLOCK),
    **dict.fromkeys(ACKNOWLEDGED, (DONE, DONE, DONE, DONE)),
}


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


def judge(
    endpoint: Endpoint,
    outcome: Outcome,
    *,
    stripped: bool,
    vague: bool = False,
    is_key_replaced: bool = False,
) -> Verdict:
    """Return what an outcome on an endpoint means.

    Args:
        endpoint: the endpoint that was called.
        outcome: what the answer was read as.
        stripped: the body had been stripped after an earlier rejection; it is stripped once only.
        vague: an end was answered by a 404 that may be another server's. If it is the vendor's
            after all, that end can never open the account, so content must get to probe as well.
        is_key_replaced: the account has another key by now than that of the call: that the older
            one is refused says nothing of it.
    """
    if is_key_replaced and outcome == Outcome.UNAUTHORIZED:
        return RETRY_WITH_NEW_KEY
    if vague:
        return BLOCK_AND_STEP_ASIDE
    verdict = TABLE[outcome][COLUMNS.index(endpoint)]
    return ASK_OPERATOR if verdict.strips and stripped else verdict


def retry_delay(tries: int, age: int, chance: float, timing: Timing) -> int:
    """Return the pause before the next try of an operation: full jitter under a doubling cap.

    Args:
        tries: the calls made so far, at least 1.
        age: milliseconds since the first of them.
        chance: a random number from 0 to 1.
        timing: the durations in force.

    Returns:
        Milliseconds. Jitter spreads the workers that failed together; the cap grows from one
        minute to fifteen when the failures have lasted ten.
    """
    long = age >= timing.backoff_long_after
    cap = timing.backoff_long_cap if long else timing.backoff_cap
    ceiling = min(cap, timing.backoff_first * 2 ** min(tries, 20))
    return timing.backoff_first + int(chance * max(0, ceiling - timing.backoff_first))


def freeze_delay(retry_after: float | None, freezes: int, window: int, timing: Timing) -> int:
    """Return how long an account rests after a 429, in milliseconds.

    Args:
        retry_after: the vendor's ``Retry-After`` in seconds, or None.
        freezes: how many 429 came in a row before this one.
        window: the account's rate window in milliseconds, 0 if it has none. Another program spends
            the limit, and a window that is full stays full until its end.
        timing: the durations in force.
    """
    if retry_after is not None:
        return max(timing.backoff_first, min(int(retry_after * 1000), timing.retry_after_cap))
    return max(window, min(timing.freeze_step * (freezes + 1), timing.freeze_cap))


def probe_delay(probes: int, first: int, cap: int) -> int:
    """Return the pause before the next probe: it doubles from ``first`` up to ``cap``."""
    return int(min(cap, first * 2 ** min(probes, 20)))
