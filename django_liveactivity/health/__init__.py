"""The health of delivery: the condition of each account, its status and its problems."""

from .condition import Condition, is_open, is_silent, why_ends_wait, why_nothing_drains
from .problems import Health, Problem, ProblemCode, check_health, source_accounts, troubled
from .status import AccountStatus, statuses

__all__ = [
    "AccountStatus",
    "Condition",
    "Health",
    "Problem",
    "ProblemCode",
    "check_health",
    "is_open",
    "is_silent",
    "source_accounts",
    "statuses",
    "troubled",
    "why_ends_wait",
    "why_nothing_drains",
]
