"""Claim a lane, plan it, take a slot, send, record: one short durable step each."""

from .drain import Drained, drain
from .sweep import sweep

__all__ = ["Drained", "drain", "sweep"]
