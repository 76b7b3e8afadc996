"""The admin of the deployments, with their cards and a button that ends them."""

from __future__ import annotations

from django.contrib import admin

from django_liveactivity.admin import LiveActivitiesInline, LiveActivitiesMixin

from .models import Deployment


@admin.register(Deployment)
class DeploymentAdmin(LiveActivitiesMixin, admin.ModelAdmin):
    list_display = ("__str__", "phase", "status", "started_at", "live_activities")
    list_filter = ("status", "service")
    inlines = (LiveActivitiesInline,)
