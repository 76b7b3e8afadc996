from django.http import HttpRequest, HttpResponse
from django.urls import path

from django_liveactivity import Progress, services


def show(request: HttpRequest) -> HttpResponse:
    services.stream_activity("from-a-view", Progress(title="Order 42", percentage=40))
    return HttpResponse("shown")


urlpatterns = [path("show/", show)]
