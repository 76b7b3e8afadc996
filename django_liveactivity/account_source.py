"""Accounts from your own database: the base class of a source, and a cache of its accounts."""

import math
import queue
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, close_old_connections, connections
from django.utils.connection import ConnectionDoesNotExist

from .account_entry import Account
from .exceptions import AccountSourceError
from .printable import get_logger

VERSION_KEPT = 2.0
"""Seconds for which a process does not ask for the version again."""
PATIENCE = 1.0
"""Seconds that a caller waits for news of an account that it knows already."""
STALE_AFTER = 5.0
"""Seconds since the last answer, after which what is known may be old: so long it is waited for.

Within it every process sees a change of an account.
"""
LONGEST_ANSWER = 10.0
"""Seconds that a caller waits for an account that it does not know."""
KNOWN_AT_MOST = 10_000
"""Accounts that a process remembers; beyond, the one that it has known for longest goes."""
IDLE = 5.0
"""Seconds without a question, after which the thread that asks ends."""

logger = get_logger("django_liveactivity.accounts")


class AccountSource:
    """Where your accounts are: subclass it, and name the class in ``LIVEACTIVITY_ACCOUNTS``.

    One instance answers for a process. Outside of a transaction it is asked in a thread of its own,
    so that one which is down or slow holds nothing up that is known already.

    Attributes:
        database: the database alias of all accounts: their cards and their rate limits live there.
        dispatcher: how their wake-ups travel, as ``DISPATCHER`` in ``LIVEACTIVITY``.
        timing: their durations in milliseconds, as ``TIMING`` in ``LIVEACTIVITY``.
    """

    database: ClassVar[str] = "default"
    dispatcher: ClassVar[str] = "none"
    timing: ClassVar[Mapping[str, int]] = {}

    def get(self, alias: str) -> Mapping[str, Any] | None:
        """Return an account as an entry of ``LIVEACTIVITY``, or None if there is none.

        Args:
            alias: 1 to 64 characters out of a-z, 0-9, ``_``, ``-`` and ``.``.

        Returns:
            A new dict. ``DATABASE``, ``DISPATCHER`` and ``TIMING`` are those of this class; leave
            them out. ``CLOSING`` says that the account is about to be removed.
        """
        raise NotImplementedError

    def version(self) -> object:
        """Return a value that is another one after each change: a key added, rotated or removed.

        A process asks for it at most every 2 s, and asks for an account again when it has changed.
        The newest time of change is no such value: of two transactions the later may commit first.
        A row with a number does, which each change adds one to.
        """
        raise NotImplementedError


T = TypeVar("T")


@dataclass(frozen=True)
class _Known:
    """An account as it was read, which is valid until the next change, or for a moment."""

    account: Account
    changes: int
    valid_until: float = math.inf

    def is_valid(self, changes: int) -> bool:
        """Tell whether the source need not be asked."""
        return self.changes == changes and time.monotonic() < self.valid_until


class KnownAccounts:
    """The accounts of a source, as far as this process has asked for them.

    Args:
        source: the source.
        read: asks it for an account, and returns it as the settings have it; None if there is none.
    """

    def __init__(self, source: AccountSource, read: Callable[[str], Account | None]) -> None:
        self._source, self._read = source, read
        self._known: dict[str, _Known] = {}
        self._version: object = None
        self._changes = 0
        self._check_at = 0.0
        self._read_at = -math.inf
        self._is_down = self._is_slow = False
        self._lock = threading.Lock()
        self._thread = _AskingThread()

    @property
    def changes(self) -> int:
        """How often the version has changed since this process began, as far as it has asked."""
        self._check_version()
        return self._changes

    def get(self, alias: str) -> Account | None:
        """Return an account, or None if the source has none of this alias.

        Raises:
            AccountSourceError: the source does not answer, and the account is not known here.
        """
        self._check_version()
        known = self._known.get(alias)
        if known is not None and known.is_valid(self._changes):
            return known.account
        try:
            return self._ask(lambda: self._update(alias), PATIENCE if known else LONGEST_ANSWER)
        except Exception as error:
            if self._breaks_transaction(error):
                raise
            self._report(error)
            if known is None and isinstance(error, ImproperlyConfigured):
                raise  # it does answer, with what is no account
            if known is None:
                raise AccountSourceError from error
            # It goes on with what is known; the source is spared for a moment.
            self._known[alias] = _Known(known.account, self._changes, _in_a_moment())
            return known.account

    def forget_version(self) -> None:
        """Have the version read anew when an account is asked for next."""
        self._check_at = 0.0

    def _check_version(self) -> None:
        now = time.monotonic()
        with self._lock:
            if now < self._check_at:
                return
            self._check_at = _in_a_moment()  # the other threads go on meanwhile
        is_fresh = time.monotonic() - self._read_at <= STALE_AFTER
        try:
            self._ask(self._update_version, PATIENCE if is_fresh else STALE_AFTER)
        except Exception as error:
            if self._breaks_transaction(error):
                raise
            self._report(error)
        finally:
            self._check_at = _in_a_moment()  # from now on: the answer may have taken long

    def _update_version(self) -> None:
        asked_at, version = time.monotonic(), self._source.version()
        self._recovered()
        with self._lock:
            self._read_at = asked_at
            if version != self._version:
                self._version = version
                self._changes += 1

    def _update(self, alias: str) -> Account | None:
        # By the number from before: what changes while the source answers is asked for again.
        changes, account = self._changes, self._read(alias)
        self._recovered()
        before = self._known.get(alias)
        if account is None:
            self._known.pop(alias, None)
            return None
        if before is not None and before.account.is_same(account):
            account = before.account  # and what was made from it
        # What a transaction has seen may never be committed.
        until = _in_a_moment() if self._is_in_transaction() else math.inf
        self._known[alias] = _Known(account, changes, until)
        if len(self._known) > KNOWN_AT_MOST:
            self._known.pop(next(iter(self._known)), None)
        return account

    def _ask(self, question: Callable[[], T], patience: float) -> T:
        """Return the answer to a question, asked in a thread of its own outside of a transaction.

        Inside of one, only the caller's own session sees what it has written. But a source that has
        been slow is not waited for there, either, where something is known already.
        """
        is_known = patience < LONGEST_ANSWER
        if self._is_in_transaction() and not (is_known and self._is_slow):
            return self._timed(question)
        return self._thread.ask(lambda: self._timed(question), patience)

    def _timed(self, question: Callable[[], T]) -> T:
        begun = time.monotonic()
        try:
            return question()
        finally:
            self._is_slow = time.monotonic() - begun > PATIENCE

    def _is_in_transaction(self) -> bool:
        try:
            connection = connections[self._source.database]
        except ConnectionDoesNotExist:
            return False
        # Not get_autocommit(), which opens a connection, and which an event loop refuses.
        by_hand = connection.connection is not None and not connection.autocommit
        return connection.in_atomic_block or by_hand

    def _breaks_transaction(self, error: Exception) -> bool:
        """Tell whether the caller's transaction is broken: then its owner has to know why."""
        return isinstance(error, DatabaseError) and self._is_in_transaction()

    def _report(self, error: Exception) -> None:
        if not self._is_down:
            self._is_down = True
            what = f"{type(error).__name__}: {error}".rstrip(": ")
            logger.error("The account source does not answer (%s); known accounts go on.", what)

    def _recovered(self) -> None:
        if self._is_down:
            self._is_down = False
            logger.info("The account source answers again.")


def _in_a_moment() -> float:
    return time.monotonic() + VERSION_KEPT


class _AskingThread:
    """A daemon thread that asks one question after the other, and ends when there are none."""

    def __init__(self) -> None:
        self._questions: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._runs = False
        self._busy_since: float | None = None

    def ask(self, question: Callable[[], T], patience: float) -> T:
        """Return the answer, or raise TimeoutError after *patience* seconds.

        A question that is not waited for any longer is asked all the same. While one takes longer
        than ``PATIENCE``, none is added.
        """
        busy_since = self._busy_since
        if busy_since is not None and time.monotonic() - busy_since > PATIENCE:
            raise TimeoutError("an earlier question is not answered yet")
        answer: Future[T] = Future()
        with self._lock:
            self._questions.put(lambda: _answer(question, answer))
            if not self._runs:
                self._runs = True
                threading.Thread(target=self._run, name="account-source", daemon=True).start()
        try:
            return answer.result(patience)
        except FutureTimeoutError:
            if answer.done():  # it was raised by the source
                raise
            raise TimeoutError(f"no answer within {patience:.0f} s") from None

    def _run(self) -> None:
        while True:
            try:
                ask = self._questions.get(timeout=IDLE)
            except queue.Empty:
                with self._lock:
                    if self._questions.empty():
                        self._runs = False
                        connections.close_all()  # this thread's own
                        return
                continue
            self._busy_since = time.monotonic()
            ask()
            _close_old_connections()
            self._busy_since = None


def _close_old_connections() -> None:
    """Close those of this thread, which goes on if that fails: later questions wait for it."""
    try:
        close_old_connections()
    except Exception:  # of any driver; Django has forgotten the connection
        logger.exception("The account source's connection was not closed.")


def _answer(question: Callable[[], T], answer: Future[T]) -> None:
    try:
        answer.set_result(question())
    except BaseException as error:  # noqa: BLE001 - the caller's thread raises it
        answer.set_exception(error)
