"""The example project on the database of ``TEST_DATABASE``, without a vendor."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "example_project"))

from config.settings import *  # noqa: F403

from tests.settings import IN_MEMORY, SERVER

DEBUG = False
FILE = os.environ.get("TEST_FILE", "")  # in memory each thread would have a database of its own
DATABASES = {"default": {**SERVER, "TEST": {"NAME": FILE}} if IN_MEMORY else SERVER}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
LIVEACTIVITY_ACCOUNTS = None
LIVEACTIVITY = {
    "default": {
        "BACKEND": "django_liveactivity.backends.locmem.LocmemBackend",
        "DISPATCHER": "immediate",
    }
}
