"""A host whose test settings are those of production; every way out of this machine is noted."""

import ipaddress
import multiprocessing
import os
import sys
from pathlib import Path

SECRET_KEY = "not-a-secret"
ROOT_URLCONF = "tests.testing.host.urls"
ALLOWED_HOSTS = ["*"]
STATIC_URL = "static/"
INSTALLED_APPS = ["django_liveactivity"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
PRODUCTION = {
    "BACKEND": "django_liveactivity.backends.activitysmith.ActivitySmithBackend",
    "DISPATCHER": "immediate",
    "OPTIONS": {
        "api_key": "ask_production",
        "base_url": "https://phones.invalid/api",
        "channels": ["shop"],
        "rate_limit": (1, 3600),
        "connect_timeout": 0.5,
    },
}
LIVEACTIVITY = {
    "default": PRODUCTION,
    "own": {"BACKEND": "tests.testing.host.backends.OwnBackend", "DISPATCHER": "immediate"},
}
SILENCED_SYSTEM_CHECKS = ["liveactivity.W001"]
NOTES = Path(os.environ["HOST_NOTES"])


def note_the_way_out(event: str, arguments: tuple[object, ...]) -> None:
    """Write down every name that is looked up and every address that is connected to."""
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    if not is_here(str(host)):
        with NOTES.open("a") as notes:
            notes.write(f"{host}\n")


def is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in ("localhost", "None", "")


sys.addaudithook(note_the_way_out)
if method := os.environ.get("HOST_START_METHOD"):
    multiprocessing.set_start_method(method, force=True)
