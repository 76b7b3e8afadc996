"""Live activities in Django's admin: look at them, end them, and decide on failed operations.

``LiveActivitiesMixin`` and ``LiveActivitiesInline`` are for the ``admin.py`` of your own models;
they are imported on first use.
"""

from typing import TYPE_CHECKING

from django_liveactivity.lazy import lazy_names

from .activity_admin import LiveActivityAdmin

if TYPE_CHECKING:
    from .subject_admin import LiveActivitiesInline, LiveActivitiesMixin

__all__ = ["LiveActivitiesInline", "LiveActivitiesMixin", "LiveActivityAdmin"]

__getattr__, __dir__ = lazy_names(__name__, __all__, "subject_admin")
