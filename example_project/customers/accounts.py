"""The account source: one account for each customer."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from django_liveactivity.account_source import AccountSource

from .models import Change, Customer


class CustomerAccounts(AccountSource):
    dispatcher = settings.LIVEACTIVITY["default"]["DISPATCHER"]

    def get(self, alias: str) -> dict[str, Any] | None:
        customer = Customer.objects.filter(slug=alias).first()
        if customer is None:
            return None
        return {
            "BACKEND": "django_liveactivity.backends.activitysmith.ActivitySmithBackend",
            "OPTIONS": {
                "api_key": customer.api_key,
                "base_url": settings.ACTIVITYSMITH_BASE_URL,
            },
            "CLOSING": customer.leaving,
        }

    def version(self) -> int | None:
        return Change.objects.values_list("number", flat=True).first()
