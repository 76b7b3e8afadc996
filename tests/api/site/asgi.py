"""The site for a ASGI server."""

import os

from django.core.asgi import get_asgi_application

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.api.site.settings"
application = get_asgi_application()
