"""The URLs of the site."""

from django.urls import include, path

urlpatterns = [path("", include("django_liveactivity.api.urls"))]
