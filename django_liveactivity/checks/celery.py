"""Check which Celery app, and so which broker, the wake-ups of the dispatcher ``celery`` go to."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Warning  # noqa: A004 - Django's name
from django.core.exceptions import ImproperlyConfigured

from django_liveactivity import conf
from django_liveactivity.dispatch import SHORT_NAMES, get_dispatcher

HINT = (
    "Import the project's Celery app in the __init__.py of the project's package, as Celery's "
    "'First steps with Django' shows, and give it a broker_url."
)


def check_celery_app(**_: Any) -> list[CheckMessage]:
    """Check that wake-ups go to the project's broker, from every thread.

    * ``liveactivity.W007``: no Celery app of the project, or one without a broker.
    * ``liveactivity.W008``: the threads of requests use another app than this one.
    """
    if not _is_used():
        return []
    # Celery is an extra; where it is in use, it is there.
    from django_liveactivity.dispatch.celery import app_elsewhere, app_here  # noqa: PLC0415

    here, elsewhere = app_here(), app_elsewhere()
    if here is None or not (here.conf.broker_write_url or here.conf.task_always_eager):
        message = "The dispatcher 'celery' has no broker: wake-ups go to amqp://localhost."
        return [Warning(message, hint=HINT, id="liveactivity.W007")]
    if here is elsewhere:
        return []
    other = "Celery's default, amqp://localhost" if elsewhere is None else repr(elsewhere.main)
    return [
        Warning(
            f"The Celery app here is {here.main!r}, but in the threads of requests it is {other}: "
            "their wake-ups, and their delay() of shared tasks, go to another broker.",
            hint="Call app.set_default() where the project's Celery app is made.",
            id="liveactivity.W008",
        )
    ]


def _is_used() -> bool:
    try:
        aliases = [
            account.alias
            for account in conf.accounts().values()
            if account.dispatcher in {"celery", SHORT_NAMES["celery"]}
        ]
        return bool([get_dispatcher(alias) for alias in aliases])
    except ImproperlyConfigured:
        return False  # check_accounts says so
