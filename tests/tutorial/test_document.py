"""A block that is gone is named by its page and heading."""

from __future__ import annotations

import pytest

from .document import block


def test_a_block_is_found_by_its_page_heading_language_and_number():
    assert "startproject" in block("tutorial.md", "A project", "shell").code
    assert "models.Model" in block("tutorial.md", "A project", "python", 2).code


@pytest.mark.parametrize("place", [("Gone", "python", 1), ("A project", "python", 9)])
def test_a_block_that_is_gone_is_named(place):
    with pytest.raises(LookupError, match=rf"tutorial\.md.*{place[0]}"):
        block("tutorial.md", *place)
