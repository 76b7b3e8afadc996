"""An HTTP endpoint that ends cards, built on Django REST framework.

Mount it where you like: ``path("cards/", include("django_liveactivity.api.urls"))`` gives
``POST …/cards/end/``.
"""

from importlib.util import find_spec

if not (find_spec("rest_framework") and find_spec("drf_spectacular")):
    raise ImportError(
        "django_liveactivity.api needs Django REST framework and drf-spectacular: "
        "pip install 'django-liveactivity[drf]'"
    )
