"""System checks, one stable id for each rule; docs/reference/checks.md lists them."""

from . import accounts, celery, deployment, endpoint, tracking

__all__ = ["accounts", "celery", "deployment", "endpoint", "tracking"]
