"""The pure rules hold in every order of a few events, and a broken rule does not."""

from __future__ import annotations

import pytest

from .broken_rules import BROKEN_RULES, Breaking, BrokenRule
from .walk import BrokenRuleError, walk

pytestmark = pytest.mark.long

DEPTH = 4
"""In seconds; ``python -m tests.delivery.walk --depth 6`` takes minutes."""


def test_the_rules_hold_in_every_order_of_four_events():
    walked = walk(DEPTH)
    print(walked)
    assert walked.interleavings > 15_000
    assert len(walked.by_depth) == DEPTH + 1


@pytest.mark.parametrize("broken", BROKEN_RULES, ids=lambda broken: broken.apply.__name__)
def test_a_broken_rule_is_found(broken: BrokenRule, monkeypatch: pytest.MonkeyPatch):
    broken.apply(Breaking(monkeypatch))
    with pytest.raises(BrokenRuleError, match=broken.found_as):
        walk(broken.depth, broken.events)


@pytest.mark.parametrize(
    "events", {broken.events for broken in BROKEN_RULES if broken.depth > DEPTH}
)
def test_the_rules_hold_where_a_broken_one_is_looked_for(events: tuple[str, ...]):
    walk(5, events)
