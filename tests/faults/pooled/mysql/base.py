"""The backend, one session per transaction."""

from django.db.backends.mysql import base

from tests.faults.pooled import PooledMixin


class DatabaseWrapper(PooledMixin, base.DatabaseWrapper):
    """Another session for each transaction."""
