"""The backend as such a pooler shows a server: a session per transaction.

Each transaction, and each statement outside of one, meets another session of the server, as behind
PgBouncer's ``pool_mode = transaction``. What a session was to remember is not there.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.mysql import base

SESSIONS = 3


class DatabaseWrapper(base.DatabaseWrapper):
    """Changes the session whenever no transaction is open."""

    def connect(self) -> None:
        """Open the first session; the others follow when they are needed."""
        self._idle: list[Any] = []
        super().connect()

    def create_cursor(self, name: str | None = None) -> Any:
        """Return a cursor of the next session."""
        if self.autocommit and not self.in_atomic_block:
            self._rotate()
        return super().create_cursor(name)

    def _rotate(self) -> None:
        if len(self._idle) < SESSIONS - 1:
            session = self.get_new_connection(self.get_connection_params())
            session.autocommit(True)
            self._idle.append(session)
        self._idle.append(self.connection)
        self.connection = self._idle.pop(0)

    def close(self) -> None:
        """Close every session."""
        for session in getattr(self, "_idle", []):
            session.close()
        self._idle = []
        super().close()
