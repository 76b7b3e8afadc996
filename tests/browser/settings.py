"""The example project under a strict policy, in every language, with a database in a file.

The server, the delivery loop and the test are threads of one process, each with a connection of
its own: SQLite in memory would have one for all of them, and one transaction.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "example_project"))

from config.settings import *  # noqa: F403
from config.settings import MIDDLEWARE

DEBUG = False
ROOT_URLCONF = "tests.browser.urls"
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
MIDDLEWARE = [
    "tests.browser.policy.ContentSecurityPolicy",
    *MIDDLEWARE,
    "django.middleware.locale.LocaleMiddleware",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": "never-made.sqlite3",  # environment.py says where the file of the tests is
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode = wal; PRAGMA synchronous = off",
        },
    }
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
