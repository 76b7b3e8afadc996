"""The staff's buttons for an order."""

from __future__ import annotations

from django.contrib.admin.views.decorators import staff_member_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from .models import Order


@require_POST
@staff_member_required
@transaction.atomic
def advance(_request: HttpRequest, pk: int) -> HttpResponse:
    get_object_or_404(Order.objects.select_for_update(), pk=pk).advance()
    return redirect("home")


@require_POST
@staff_member_required
@transaction.atomic
def cancel(_request: HttpRequest, pk: int) -> HttpResponse:
    get_object_or_404(Order, pk=pk).delete()
    return redirect("home")
