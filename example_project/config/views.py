"""The home page: deployments, orders, and their cards."""

from __future__ import annotations

from deployments.models import Deployment
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from shop.models import Order

from .cards import newest_cards, other_cards

NEWEST = 10


def home(request: HttpRequest) -> HttpResponse:
    sandbox = settings.ACTIVITYSMITH_BASE_URL.removesuffix("/api")
    return render(
        request,
        "home.html",
        {
            "deployments": newest_cards(Deployment.objects.order_by("-pk")[:NEWEST]),
            "orders": newest_cards(Order.objects.order_by("-pk")[:NEWEST]),
            "others": other_cards(NEWEST),
            "phone_url": f"{sandbox}/" if sandbox.startswith("http://") else "",
        },
    )
