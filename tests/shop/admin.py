"""The shop in the admin, with the live activities of its objects."""

from __future__ import annotations

from django.apps import apps
from django.contrib import admin

from django_liveactivity.admin import LiveActivitiesInline, LiveActivitiesMixin

from .models import ExpressOrder, Machine, Order, Parcel, UrgentOrder

if apps.is_installed("unfold"):  # the tests of the themes
    from unfold.admin import ModelAdmin
else:
    from django.contrib.admin import ModelAdmin


@admin.register(Order, ExpressOrder, UrgentOrder, Parcel, Machine)
class ObjectAdmin(LiveActivitiesMixin, ModelAdmin):
    list_display = ("__str__", "live_activities")
    inlines = (LiveActivitiesInline,)
