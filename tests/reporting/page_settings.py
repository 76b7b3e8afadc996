"""The settings of a host with Celery, and those that the page ``PAGE_OF_SETTINGS`` adds to them."""

import os

from tests.commands.loop_settings import *  # noqa: F403
from tests.tutorial.document import block

CELERY_BROKER_URL = "memory://"
LIVEACTIVITY["default"]["DISPATCHER"] = "celery"  # noqa: F405
exec(block(*os.environ["PAGE_OF_SETTINGS"].split("#"), "python").code)
