"""Live activities in Django's admin: look at them, end them, and decide on failed operations."""

from .activity import LiveActivityAdmin

__all__ = ["LiveActivityAdmin"]
