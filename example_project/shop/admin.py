"""The admin of the orders, with their cards and a button that ends them."""

from __future__ import annotations

from django.contrib import admin

from django_liveactivity.admin import LiveActivitiesInline, LiveActivitiesMixin

from .models import Order


@admin.register(Order)
class OrderAdmin(LiveActivitiesMixin, admin.ModelAdmin):
    list_display = ("__str__", "status", "placed_at", "live_activities")
    list_filter = ("status",)
    inlines = (LiveActivitiesInline,)
