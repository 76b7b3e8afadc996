"""Found by autodiscovery, as admin.py is."""

from django.apps import apps

FOUND_BY_AUTODISCOVERY = apps.models_ready
