"""System checks, each rule with a stable ID; docs/reference/checks.md lists them."""

from . import accounts, deployment, endpoint

__all__ = ["accounts", "deployment", "endpoint"]
