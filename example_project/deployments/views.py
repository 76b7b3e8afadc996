"""The staff's buttons for a deployment."""

from __future__ import annotations

from django.contrib.admin.views.decorators import staff_member_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from .models import Deployment


@require_POST
@staff_member_required
@transaction.atomic
def advance(_request: HttpRequest, pk: int) -> HttpResponse:
    running = Deployment.objects.select_for_update().filter(status=Deployment.Status.RUNNING)
    get_object_or_404(running, pk=pk).advance()
    return redirect("home")
