"""The pages of the project, its admin, the endpoint that ends live activities, its description."""

from __future__ import annotations

from deployments import views as deployments
from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView
from shop import views as shop

from .views import home

urlpatterns = [
    path("", home, name="home"),
    path("deployments/<int:pk>/advance/", deployments.advance, name="deployment-advance"),
    path("orders/<int:pk>/advance/", shop.advance, name="order-advance"),
    path("orders/<int:pk>/cancel/", shop.cancel, name="order-cancel"),
    path("admin/", admin.site.urls),
    path("api/liveactivity/", include("django_liveactivity.api.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
]
