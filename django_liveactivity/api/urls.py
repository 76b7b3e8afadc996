"""The endpoint's URLs; include them under a prefix of your own."""

from __future__ import annotations

from django.urls import path

from .views import EndView

app_name = "django_liveactivity"

urlpatterns = [path("end/", EndView.as_view(), name="end")]
