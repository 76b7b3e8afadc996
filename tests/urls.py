"""The URLs of the test project."""

from importlib.util import find_spec

from django.contrib import admin
from django.urls import include, path

urlpatterns = [path("admin/", admin.site.urls)]
if find_spec("rest_framework"):
    urlpatterns.append(path("liveactivity/", include("django_liveactivity.api.urls")))
