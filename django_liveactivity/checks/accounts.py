"""Check the accounts, and that their wake-ups reach a worker: Celery's app, Django's tasks."""

from collections.abc import Iterator

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from django_liveactivity import conf
from django_liveactivity.account_entry import contradictions
from django_liveactivity.backends import MissingKeyError, configured_backend
from django_liveactivity.dispatch import SHORT_NAMES, MissingExtraError, dispatcher_of

IDS = {
    MissingKeyError: "liveactivity.E005",
    conf.UnknownKeyError: "liveactivity.E006",
    MissingExtraError: "liveactivity.E007",
}
"""The errors that have an ID of their own."""
CELERY_HINT = (
    "Import the project's Celery app in the __init__.py of the project's package, as Celery's "
    "'First steps with Django' shows, and give it a broker_url."
)


def check_accounts(**_: object) -> list[checks.CheckMessage]:
    """Check every account of ``LIVEACTIVITY``.

    * ``liveactivity.E001``: the setting is wrong.
    * ``liveactivity.E002``: an account's backend or one of its options is wrong.
    * ``liveactivity.E003``: an account's dispatcher is wrong.
    * ``liveactivity.E004``: an account's database is not in ``DATABASES``.
    * ``liveactivity.E005``: an account has no API key.
    * ``liveactivity.E006``: an account has an unknown key or option.
    * ``liveactivity.E007``: the extra of an account's dispatcher is missing.
    * ``liveactivity.E019``: two durations of an account's ``TIMING`` cannot both hold.
    * ``liveactivity.W001``: the immediate dispatcher with ``DEBUG=False``.
    """
    try:
        accounts = conf.accounts()
    except ImproperlyConfigured as error:
        return [_error(error, "liveactivity.E001")]
    return [message for account in accounts.values() for message in _check(account)]


def check_account_source(**_: object) -> list[checks.CheckMessage]:
    """Check what all accounts of the account source have in common; none is asked for.

    * ``liveactivity.E011``: ``LIVEACTIVITY_ACCOUNTS`` names no account source, or its timing is
      wrong.
    * ``liveactivity.E003``, ``liveactivity.E004``, ``liveactivity.E007``, ``liveactivity.E019``,
      ``liveactivity.W001``: as for an account of ``LIVEACTIVITY``.
    """
    try:
        if conf.account_source() is None:
            return []
        account = conf.of_source(conf.ANY_OF_SOURCE)
    except ImproperlyConfigured as error:
        return [_error(error, "liveactivity.E011")]
    return list(_check_delivery(account))


def _check(account: conf.Account) -> Iterator[checks.CheckMessage]:
    try:
        yield from configured_backend(account.alias).check()
    except ImproperlyConfigured as error:
        yield _error(error, "liveactivity.E002")
    yield from _check_delivery(account)


def _check_delivery(account: conf.Account) -> Iterator[checks.CheckMessage]:
    """Check where the rows of an account are, how its wake-ups travel, and its durations."""
    try:
        dispatcher_of(account)
    except ImproperlyConfigured as error:
        yield _error(error, "liveactivity.E003")
    if account.database not in connections:
        message = f"{account.name}['DATABASE']: {account.database!r} is not in DATABASES."
        yield checks.Error(message, id="liveactivity.E004")
    for words in contradictions(account.timing):
        yield checks.Error(f"{account.name}['TIMING']: {words}", id="liveactivity.E019")
    if account.dispatcher == "immediate" and not settings.DEBUG:
        yield checks.Warning(
            f"{account.name}['DISPATCHER'] is 'immediate': requests wait for the vendor.",
            hint="Use 'celery', 'tasks', or 'none' with manage.py liveactivity_dispatch.",
            id="liveactivity.W001",
        )


def _error(error: ImproperlyConfigured, otherwise: str) -> checks.Error:
    return checks.Error(str(error), id=IDS.get(type(error), otherwise))


def check_celery_app(**_: object) -> list[checks.CheckMessage]:
    """Check that wake-ups go to the project's broker, from every thread.

    * ``liveactivity.W007``: no Celery app of the project, or one without a broker.
    * ``liveactivity.W008``: the threads of requests use another app than this one.
    """
    if not _uses("celery"):
        return []
    from django_liveactivity.dispatch import celery  # noqa: PLC0415 - an extra

    here, elsewhere = celery.app_here(), celery.app_elsewhere()
    if here is None or not (here.conf.broker_write_url or here.conf.task_always_eager):
        message = "The dispatcher 'celery' has no broker: wake-ups go to amqp://localhost."
        return [checks.Warning(message, hint=CELERY_HINT, id="liveactivity.W007")]
    if here is elsewhere:
        return []
    other = "Celery's default, amqp://localhost" if elsewhere is None else repr(elsewhere.main)
    return [
        checks.Warning(
            f"The Celery app here is {here.main!r}, but in the threads of requests it is {other}: "
            "their wake-ups, and their delay() of shared tasks, go to another broker.",
            hint="Call app.set_default() where the project's Celery app is made.",
            id="liveactivity.W008",
        )
    ]


def check_tasks(**_: object) -> list[checks.CheckMessage]:
    """Check that Django's task framework can bring back what has to wait.

    * ``liveactivity.W013``: the backend of the dispatcher ``tasks`` cannot run a task later.
    """
    if not _uses("tasks"):
        return []
    from django_liveactivity.dispatch import tasks  # noqa: PLC0415 - an extra on Django 5.2

    try:
        if tasks.can_defer():
            return []
    except ImproperlyConfigured as error:
        return [_error(error, "liveactivity.E003")]
    return [
        checks.Warning(
            f"TASKS[{tasks.backend_alias()!r}] cannot run a task later (supports_defer is False): "
            "no worker retries an end, sends a scheduled one, or sweeps.",
            hint="Use a backend that can, such as django_tasks_db.DatabaseBackend, or run "
            "manage.py liveactivity_dispatch beside it.",
            id="liveactivity.W013",
        )
    ]


def _uses(dispatcher: str) -> bool:
    names = {dispatcher, SHORT_NAMES[dispatcher]}
    try:
        found = [each for each in conf.with_stand_in() if each.dispatcher in names]
        return any(map(dispatcher_of, found))
    except ImproperlyConfigured:
        return False  # check_accounts reports it
