"""The cards in Django's admin: to look at, and to end."""

from .activity import LiveActivityAdmin

__all__ = ["LiveActivityAdmin"]
