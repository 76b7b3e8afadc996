"""Tests of a project that has our plugin in its environment, and nothing to do with Django."""

import sys


def test_nothing_is_imported():
    assert "django" not in sys.modules
    assert "httpx" not in sys.modules
    assert "pydantic" not in sys.modules
