"""The three databases at once; the servers' own, which every server has, are only asked."""

from __future__ import annotations

from tests.settings import *  # noqa: F403
from tests.settings import SERVERS

DATABASES = {
    "default": SERVERS["sqlite"],
    "postgres": SERVERS["postgres"] | {"NAME": "postgres"},
    "mariadb": SERVERS["mariadb"] | {"NAME": "mysql"},
}
