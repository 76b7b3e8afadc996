"""A view that shows a card, and a dispatcher with a defect."""

from django.http import HttpResponse
from django.urls import path

from django_liveactivity import Progress, services
from django_liveactivity.backends.locmem import outbox


def stream(request):
    services.stream_activity("order-42", Progress(title="Order 42", percentage=1))
    return HttpResponse(f"sent in the view: {len(outbox)}")


wakes: list[str] = []


def counting_dispatcher(alias):
    wakes.append(alias)


def broken_dispatcher(alias):
    raise RuntimeError("broken")


urlpatterns = [path("stream/", stream)]
