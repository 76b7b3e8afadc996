"""The app: ``INSTALLED_APPS = [..., "django_liveactivity"]``."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _

from .checks import register_checks


class LiveActivityConfig(AppConfig):
    """Finds every ``liveactivities.py``, as the admin finds every ``admin.py``."""

    name = "django_liveactivity"
    label = "django_liveactivity"
    verbose_name = _("Live Activities")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks and what the installed apps track."""
        register_checks()
        autodiscover_modules("liveactivities")
