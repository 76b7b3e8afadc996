"""The URLs of the endpoint, for the host to include under a prefix of its own."""

from __future__ import annotations

from django.urls import path

from .views import EndView

app_name = "django_liveactivity"

urlpatterns = [path("end/", EndView.as_view(), name="end")]
