"""Claim a lane, plan it, take a slot, send, record: one short durable step each."""

from .drain import Drained, drain
from .lanes.candidates import due_accounts
from .sweep import sweep
from .transaction import discard_session

__all__ = ["Drained", "discard_session", "drain", "due_accounts", "sweep"]
