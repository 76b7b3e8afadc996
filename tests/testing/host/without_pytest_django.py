"""A host that sets Django up by hand."""

from __future__ import annotations

import django

django.setup()


def test_a_call_stays_in_memory():
    from . import suite

    suite.get_backend().send(suite.CALL)
    assert suite.outbox == [suite.CALL]


def test_so_it_does_before_pytest_8_2(monkeypatch):
    from . import suite

    monkeypatch.delenv("PYTEST_VERSION")
    suite.outbox.clear()
    suite.get_backend().send(suite.CALL)
    assert suite.outbox == [suite.CALL]
