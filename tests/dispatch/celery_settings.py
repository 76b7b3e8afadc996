"""The settings of a host that delivers through Celery."""

import json
import os

from tests.commands.loop_settings import *  # noqa: F403
from tests.commands.loop_settings import DATABASES, LIVEACTIVITY

for account in LIVEACTIVITY.values():
    account["DISPATCHER"] = "celery"
if "HOST_DATABASE" in os.environ:
    DATABASES["default"] = json.loads(os.environ["HOST_DATABASE"])
