"""Django's database backends as a transaction pooler shows a server: a session per transaction.

Each transaction, and each statement outside of one, meets another session of the server, as behind
PgBouncer's ``pool_mode = transaction``. What a session was to remember is not there.
"""

from __future__ import annotations

from typing import Any

SESSIONS = 3


class PooledMixin:
    """A DatabaseWrapper that changes the session whenever no transaction is open."""

    def connect(self) -> None:
        """Open the first session; the others follow when they are needed."""
        self._idle: list[Any] = []
        super().connect()  # type: ignore[misc]

    def create_cursor(self, name: str | None = None) -> Any:
        """Return a cursor of the next session."""
        if self.autocommit and not self.in_atomic_block:  # type: ignore[attr-defined]
            self._rotate()
        return super().create_cursor(name)  # type: ignore[misc]

    def _rotate(self) -> None:
        if len(self._idle) < SESSIONS - 1:
            session = self.get_new_connection(self.get_connection_params())  # type: ignore[attr-defined]
            self._idle.append(self._ready(session))
        self._idle.append(self.connection)
        self.connection = self._idle.pop(0)

    @staticmethod
    def _ready(session: Any) -> Any:
        """Return a new session that commits each statement, in the words of its driver."""
        if callable(session.autocommit):
            session.autocommit(True)
        else:
            session.autocommit = True
        return session

    def close(self) -> None:
        """Close every session."""
        for session in getattr(self, "_idle", []):
            session.close()
        self._idle = []
        super().close()  # type: ignore[misc]
