"""System checks, each rule with a stable ID; docs/reference/checks.md lists them.

They are registered when Django starts; their modules are loaded when the checks run, which a web
server or a worker never does.
"""

from collections.abc import Callable, Iterable

from django.core.checks import CheckMessage, Tags, register
from django.utils.module_loading import import_string

TAG = "liveactivity"


def register_checks() -> None:
    register(_check("accounts.check_accounts"), TAG)
    register(_check("accounts.check_account_source"), TAG)
    register(_check("accounts.check_celery_app"), TAG)
    register(_check("accounts.check_tasks"), TAG)
    register(_check("tracking.check_tracking"), TAG)
    register(_check("tracking.check_subject_scope"), TAG)
    register(_check("tracking.check_tenants"), TAG)
    register(_check("deployment.check_endpoint"), TAG)
    register(_check("deployment.check_sqlite"), TAG, deploy=True)
    register(_check("deployment.check_heartbeat"), TAG, deploy=True)
    register(_check("deployment.check_migrations"), TAG, Tags.database, deploy=True)


def _check(path: str) -> Callable[..., Iterable[CheckMessage]]:
    def check(**options: object) -> Iterable[CheckMessage]:
        messages: Iterable[CheckMessage] = import_string(f"{__name__}.{path}")(**options)
        return messages

    return check
