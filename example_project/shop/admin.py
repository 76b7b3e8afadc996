"""The admin of the orders; saving or deleting one updates or ends its card."""

from __future__ import annotations

from django.contrib import admin

from .models import Order


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):
    list_display = ("__str__", "status", "placed_at")
    list_filter = ("status",)
