"""What one delivered end costs the database; what a service call costs the host is in services."""

from __future__ import annotations

from collections.abc import Callable

from django_liveactivity import services
from django_liveactivity.models import Operation
from tests.clock import advance
from tests.reads import statements

from .vocabulary import deliver, progress

PER_END = 12
LOOKS_BEFORE_UNKNOWN = 3
"""For fresh ends, for retried ones, and for a slot of the quarter that both may use."""
CARDS = 4
"""As many as the vendor lets live at once."""


def statements_per_end(end: Callable[[int], object]) -> float:
    """Deliver one end, then three; what the two more cost is what an end costs."""
    deliver()  # the account's first drain makes its rows
    end(0)
    one = statements(deliver)
    for number in range(1, CARDS):
        end(number)
    three = statements(deliver)
    assert Operation.objects.filter(state="done", kind="end").count() == CARDS
    return (len(three) - len(one)) / 2


def test_an_end_of_a_shown_card_costs_12_statements_at_most(paced):
    cards = [services.stream_activity(f"card-{n}", progress(n)) for n in range(CARDS)]
    for _ in cards:  # content is spaced
        deliver()
        advance(2)
    assert statements_per_end(lambda n: services.end_activity(cards[n])) <= PER_END


def test_an_end_of_an_unknown_key_costs_the_looks_for_what_goes_before_it(paced):
    per_end = statements_per_end(lambda n: services.end_activity(stream_key=f"theirs-{n}"))
    assert per_end <= PER_END + LOOKS_BEFORE_UNKNOWN
