"""The same for tests in the style of ``unittest``: a mixin for Django's test cases."""

from __future__ import annotations

import unittest
from typing import TYPE_CHECKING

from django.test import override_settings

from django_liveactivity.backends.locmem import outbox

from .accounts import locmem_accounts
from .assertions import assert_activity_ended, assert_activity_streamed, assert_no_activities
from .capture import capture_activities

if TYPE_CHECKING:
    from django.test import SimpleTestCase as Base
else:
    Base = object


class LiveActivityTestMixin(Base):
    """Keeps every account in memory for the tests of a class, and each begins with no call sent.

    It stands before Django's class: ``class OrderTests(LiveActivityTestMixin, TestCase)``.
    """

    captureActivities = staticmethod(capture_activities)  # noqa: N815 - as Django names them
    assertActivityStreamed = staticmethod(assert_activity_streamed)  # noqa: N815
    assertActivityEnded = staticmethod(assert_activity_ended)  # noqa: N815
    assertNoActivities = staticmethod(assert_no_activities)  # noqa: N815

    @classmethod
    def setUpClass(cls) -> None:
        """Keep the calls of every account in memory."""
        cls.enterClassContext(override_settings(LIVEACTIVITY=locmem_accounts()))
        super().setUpClass()

    def run(self, result: unittest.TestResult | None = None) -> unittest.TestResult | None:
        """Run the test with an empty outbox; not in setUp, which a test may replace."""
        outbox.clear()
        try:
            return super().run(result)
        finally:
            outbox.clear()
