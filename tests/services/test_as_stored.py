"""The ends that a service returns, read as they are stored."""

from __future__ import annotations

import pytest

from django_liveactivity import Progress, selectors, services
from tests.reads import statements

pytestmark = pytest.mark.django_db
CONTENT = Progress(title="Order", percentage=40)


def columns(end):
    return {field.attname: getattr(end, field.attname) for field in end._meta.concrete_fields}


@pytest.mark.parametrize("count", [0, 1, 3])
def test_ends_are_read_in_one_statement_with_their_cards(count):
    cards = [services.stream_activity(f"job-{n}", CONTENT) for n in range(count)]
    ends = [services.end_activity(card, CONTENT, reason="done") for card in cards]
    found = []

    assert len(statements(lambda: found.extend(selectors.as_stored(ends[::-1])))) == min(count, 1)
    assert statements(lambda: [end.activity.stream_key for end in found]) == []

    assert [end.activity for end in found] == cards
    assert [columns(end) for end in found] == [columns(end) for end in ends]


def test_an_end_that_stands_is_read_with_the_card_of_its_own():
    first = services.stream_activity("job", CONTENT)
    services.end_activity(first)
    standing = services.end_activity(stream_key="job")

    (found,) = selectors.as_stored([standing])

    assert (found, found.activity) == (standing, first)
