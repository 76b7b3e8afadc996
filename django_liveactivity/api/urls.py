"""The routes; a host mounts them where it likes, or those of a class of its own."""

from django.urls import URLPattern, path

from .views import LiveActivityViewSet

app_name = "django_liveactivity"


def routes(views: type[LiveActivityViewSet]) -> list[URLPattern]:
    """Return the routes of a class of yours, in which methods confine its callers.

    Mount them with ``include((routes(Mine), "django_liveactivity"))``.
    """
    throttled = {"throttle_scope": "liveactivity_end"}
    end = views.as_view({"post": "end"}, **throttled)
    end_stream = views.as_view({"delete": "end_stream"}, **throttled)
    return [
        path("end/", end, name="end"),
        path("streams/<str:stream_key>/", end_stream, name="stream"),
        path("activities/", views.as_view({"get": "list"}), name="activities"),
        path("activities/<str:id>/", views.as_view({"get": "retrieve"}), name="activity"),
        path("operations/<str:id>/", views.as_view({"get": "operation"}), name="operation"),
    ]


urlpatterns = routes(LiveActivityViewSet)
