"""The pages of the host's objects, and users who may see them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import Permission, User
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from django_liveactivity import Progress, services
from django_liveactivity.models import LiveActivity
from tests.shop.models import Order

EnterShop = Callable[..., Client]


def shop_client(*may: str, name: str = "ada") -> Client:
    """Log a user in with these permissions: ``shop_client("view_order")``."""
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=may))
    client = Client()
    client.force_login(user)
    return client


def url_of(page: str, instance: Model | type[Model], site: str = "admin") -> str:
    """Return the address of a page of the host's admin: ``url_of("change", order)``."""
    name = f"{site}:{instance._meta.app_label}_{instance._meta.model_name}_{page}"
    return reverse(name, args=[instance.pk] if isinstance(instance, Model) else [])


def show(subject: Model | None, key: str = "card-1", **options: Any) -> LiveActivity:
    content = Progress(title=f"Title of {key}", percentage=40)
    return services.stream_activity(key, content, subject=subject, **options)


def select(client: Client, *objects: Model, model: type[Model] = Order, **fields: Any) -> Any:
    """Select objects in their list, and choose the action."""
    chosen = {"action": "end_live_activities", "_selected_action": [each.pk for each in objects]}
    return client.post(url_of("changelist", model), chosen | fields, follow=True)


def press(client: Client, instance: Model, **fields: Any) -> Any:
    """Confirm on the page behind the button."""
    url = url_of("end_live_activities", instance)
    return client.post(url, {"post": "yes", **fields}, follow=True)
