"""A check for django-health-check: whether delivery works, on the page that a project has."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from asgiref.sync import sync_to_async

try:
    from health_check.base import HealthCheck
    from health_check.exceptions import ServiceUnavailable
except ImportError as error:
    raise ImportError(
        "The check for django-health-check needs version 4 of it: "
        "pip install 'django-liveactivity[health-check]'"
    ) from error

from .health import Problem, check_health

NAMED = 5
"""How many accounts are named at most."""


@dataclass
class LiveActivityDelivery(HealthCheck):  # type: ignore[misc]  # it has no types
    """Fails while ``check_health`` finds a problem, and says which account has which.

    The page may be open to many, so that it has the codes of the problems alone; the texts, which
    ``liveactivity_status`` prints, may quote the database.

    Args:
        accounts: aliases; by default all accounts, as ``check_health`` chooses them.
    """

    accounts: Collection[str] | None = None

    async def run(self) -> None:
        """Raise ServiceUnavailable if delivery has a problem."""
        # In the thread of the request, where Django closes the connections to the databases.
        health = await sync_to_async(check_health)(self.accounts)
        if not health.ok:
            raise ServiceUnavailable(summary(health.problems))


def summary(problems: Collection[Problem]) -> str:
    """Return what is wrong with which account, in one line: ``default: overdue, silent``."""
    codes: defaultdict[str, list[str]] = defaultdict(list)
    for problem in problems:
        codes[problem.account].append(problem.code)
    accounts = [f"{alias}: {', '.join(found)}" for alias, found in codes.items()]
    more = [f"and {len(accounts) - NAMED} more"] if len(accounts) > NAMED else []
    return "; ".join([*accounts[:NAMED], *more])
