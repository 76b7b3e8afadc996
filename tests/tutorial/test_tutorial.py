"""A project built from an empty folder by following the tutorial word by word."""

from __future__ import annotations

import pytest

from .project import check, start_reader

pytestmark = pytest.mark.long


QUICK_LOGIN = 'PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]'


def test_the_tutorial_on_sqlite(tmp_path):
    with start_reader(tmp_path, settings=QUICK_LOGIN) as reader:
        reader.follow("tutorial.md")
        check(reader)
