"""The admin of the deployments; saving one updates its card."""

from __future__ import annotations

from django.contrib import admin

from .models import Deployment


@admin.register(Deployment)
class DeploymentAdmin(admin.ModelAdmin):
    list_display = ("__str__", "phase", "status", "started_at")
    list_filter = ("status", "service")
