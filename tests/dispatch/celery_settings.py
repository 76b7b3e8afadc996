"""The settings of a host that delivers through Celery."""

from tests.commands.loop_settings import *  # noqa: F403
from tests.commands.loop_settings import LIVEACTIVITY

LIVEACTIVITY["default"]["DISPATCHER"] = "celery"
