"""The settings of a host that has turned authentication off in Django REST framework."""

from tests.settings import *  # noqa: F403

REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": []}
