"""The example project's URLs, and a page of a host that draws its cards with the template tag."""

from __future__ import annotations

from config.urls import urlpatterns as of_the_example
from django.http import HttpRequest, HttpResponse
from django.template import Context, Template
from django.urls import path

from django_liveactivity.models import LiveActivity

LOCK_SCREEN = Template(
    """{% load liveactivity static %}<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>On our phones</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="{% static "site.css" %}">
<link rel="stylesheet" href="{% static "django_liveactivity/lockscreen.css" %}"></head>
<body><main><h1>On our phones</h1>
{% for card in cards %}{% lock_screen card %}{% endfor %}
</main></body></html>"""
)


def lock_screen(request: HttpRequest) -> HttpResponse:
    """Draw the newest seven cards."""
    cards = reversed(LiveActivity.objects.order_by("-pk")[:7])
    return HttpResponse(LOCK_SCREEN.render(Context({"cards": cards})))


urlpatterns = [*of_the_example, path("lock-screen/", lock_screen, name="lock-screen")]
