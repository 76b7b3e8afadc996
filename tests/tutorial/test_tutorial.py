"""A project built from an empty folder by following the tutorial word by word."""

from __future__ import annotations

import pytest

from .following import check, follower

pytestmark = pytest.mark.long


def test_the_tutorial_on_sqlite(tmp_path):
    with follower(tmp_path) as reader:
        reader.follow("tutorial.md")
        check(reader)
