"""Deliver what is due for an account.

The road of one drain: ``limits.permits`` lets a few drains of an account run at once;
``operator_actions`` are applied; ``limits.rate`` reads the account's state and a free slot, and
``limits.admission`` tells from when on calls may be made. Then, call by call:

- ``lanes.candidates`` finds the lane to serve next, ends first;
- ``lanes.snapshot`` reads it, and ``rules.plan`` decides its next step;
- ``lanes.claim`` leases the lane, takes the slot and stores the open attempt, with the body from
  ``rules.bodies``, while ``lanes.apply`` writes what the plan decides without a call;
- the account's backend makes the call;
- ``lanes.record`` stores the answer and what follows from it by ``rules.verdicts``;
- ``notify`` logs the call and sends the public signals.

``drain`` holds this together, and ``transaction`` makes each step durable. ``sweep`` is the
periodic housekeeping: it wakes accounts, has ``totals`` count the calls and ``prune`` delete old
rows.
"""

from .drain import Drained, drain
from .lanes.candidates import due_accounts, due_of_source
from .sweep import schedule_sweep, sweep
from .transaction import discard_session

__all__ = [
    "Drained",
    "discard_session",
    "drain",
    "due_accounts",
    "due_of_source",
    "schedule_sweep",
    "sweep",
]
