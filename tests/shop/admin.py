"""Orders in the admin."""

from __future__ import annotations

from django.contrib import admin

from .models import Order

admin.site.register(Order)
