"""Claim a lane, plan it, take a slot, send, record: one short durable step each."""

from .drain import Drained, drain
from .step import discard_session
from .sweep import sweep

__all__ = ["Drained", "discard_session", "drain", "sweep"]
