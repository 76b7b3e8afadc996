"""The host's account source: a table of customers, which a fault can take down or make slow."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django_liveactivity.account_source import AccountSource
from tests.faults.settings import RUN, account

from .models import Change, Customer

SLOW = 3.0
"""Seconds that an answer of a slow source takes."""
COMMON = account(RUN)


class HostAccounts(AccountSource):
    """Reads one customer at a time. The run names a file in which its fault is written."""

    database = "default"
    dispatcher = COMMON["DISPATCHER"]
    timing = COMMON["TIMING"]

    def get(self, alias: str) -> Mapping[str, Any] | None:
        """Return the customer's entry, a key of its own in it."""
        self._suffer()
        customer = Customer.objects.filter(alias=alias).first()
        if customer is None:
            return None
        own = account(RUN | {"api_key": customer.api_key})
        return {
            "BACKEND": own["BACKEND"],
            "OPTIONS": own["OPTIONS"],
            "CLOSING": customer.closing,
        }

    def version(self) -> object:
        """Return the number of changes."""
        self._suffer()
        return Change.objects.values_list("number", flat=True).first()

    @staticmethod
    def _suffer() -> None:
        fault = Path(RUN["source"])
        match fault.read_text() if fault.exists() else "":
            case "down":
                raise OSError("The source of the accounts is down.")
            case "slow":
                time.sleep(SLOW)
