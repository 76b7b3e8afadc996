"""The settings of a loop in its own process."""

import os

from tests.settings import *  # noqa: F403

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["LOOP_DATABASE"],
        "OPTIONS": {"timeout": 20},
    }
}
LIVEACTIVITY = {
    "default": {
        "BACKEND": "django_liveactivity.backends.activitysmith.ActivitySmithBackend",
        "OPTIONS": {"api_key": "ask_test", "base_url": os.environ["LOOP_BASE_URL"]},
    }
}
