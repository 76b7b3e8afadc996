"""The project's own site on a free port, and the users of the demo."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.contrib.auth.models import Permission, User
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from rest_framework.authtoken.models import Token


@dataclass(frozen=True)
class Login:
    """A user and a password."""

    name: str
    password: str


class QuietHandler(WSGIRequestHandler):
    """Logs no requests."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""


@contextmanager
def serve() -> Iterator[str]:
    """Serve the project over HTTP for the time of the block, and yield its address."""
    server = ThreadedWSGIServer(("127.0.0.1", 0), QuietHandler)
    server.daemon_threads = True
    server.set_app(StaticFilesHandler(get_wsgi_application()))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def admin_login() -> Login:
    """Return a superuser with a new password."""
    login = Login("demo-admin", secrets.token_urlsafe(9))
    user, _ = User.objects.update_or_create(
        username=login.name, defaults={"is_staff": True, "is_superuser": True}
    )
    user.set_password(login.password)
    user.save()
    return login


def robot_token() -> str:
    """Return the API token of a user who may end live activities with content, and no more."""
    robot, _ = User.objects.get_or_create(username="demo-robot")
    names = ["end_liveactivity", "give_content_liveactivity"]
    robot.user_permissions.set(Permission.objects.filter(codename__in=names))
    return str(Token.objects.get_or_create(user=robot)[0].key)
