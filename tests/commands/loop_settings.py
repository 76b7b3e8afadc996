"""The settings of a loop in its own process: no more than it needs, as a dozen of them start."""

import os

SECRET_KEY = "not-a-secret"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django_liveactivity"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["LOOP_DATABASE"],
        "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
    }
}
ACCOUNT = {
    "BACKEND": "django_liveactivity.backends.activitysmith.ActivitySmithBackend",
    "OPTIONS": {
        "api_key": os.environ.get("LOOP_KEY", "ask_test"),
        "base_url": os.environ["LOOP_BASE_URL"],
        "rate_limit": (int(os.environ.get("LOOP_CALLS", "100")), 1),
    },
}
if "LOOP_BACKEND" in os.environ:
    ACCOUNT = {"BACKEND": os.environ["LOOP_BACKEND"]}
if "LOOP_OVERDUE" in os.environ:
    ACCOUNT["TIMING"] = {"overdue_after": int(os.environ["LOOP_OVERDUE"]), "sweep": 500}
LIVEACTIVITY = dict.fromkeys(os.environ.get("LOOP_ACCOUNTS", "default").split(), ACCOUNT)
SILENCED_SYSTEM_CHECKS = ["liveactivity.W003"]  # the sandbox is meant
if "LOOP_LOG_LEVEL" in os.environ:
    LOGGING = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"own": {"format": "of the project: %(message)s"}},
        "handlers": {"own": {"class": "logging.StreamHandler", "formatter": "own"}},
        "root": {"handlers": ["own"], "level": os.environ["LOOP_LOG_LEVEL"]},
    }
