"""Look at every account: its heart beats, old rows go, and who has something due is kicked."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django_liveactivity import conf
from django_liveactivity.health import alerts
from django_liveactivity.models import AccountState, Heartbeat, Now, with_now
from django_liveactivity.printable import get_logger

from .lanes.candidates import next_due_at
from .operator_actions import pending_operator_actions
from .prune import prune
from .transaction import durable_transaction, fresh_session_after_error

logger = get_logger("django_liveactivity.delivery")


def sweep(wake: Callable[[str], None], aliases: Iterable[str] | None = None) -> list[str]:
    """Write each account's heartbeat, kick it if something is due, and prune its finished rows.

    What somebody has to look into is logged: an end that is overdue, a key that is refused.

    Args:
        wake: called with the alias of each account that has something due.
        aliases: the accounts to look at; by default all.

    Returns:
        The aliases that were kicked. Doubled sweeps do no harm: a kick without work is cheap.
    """
    return [alias for alias in (aliases or conf.accounts()) if _sweep(alias, wake)]


def _sweep(alias: str, wake: Callable[[str], None]) -> bool:
    """Sweep one account; what is wrong with it must not keep the others from their sweep."""
    woken = False
    try:
        account = conf.account(alias)
        with fresh_session_after_error(account.database):
            state = _state(account)
            _beat(account.database)
            deadline_at = next_due_at(account)
            due = deadline_at is not None and deadline_at <= state.now
            if due or pending_operator_actions(account).exists():
                wake(alias)
                woken = True
            alerts.watch(account, state)
            prune(account)
    except Exception:
        logger.exception("Account %r could not be swept.", alias)
    return woken


def _state(account: conf.Account) -> AccountState:
    states = AccountState.objects.using(account.database)
    states.get_or_create(account=account.alias)
    return with_now(states.filter(account=account.alias)).get()


@durable_transaction
def _beat(using: str) -> None:
    Heartbeat.objects.using(using).update_or_create(pk=1, defaults={"beat_at": Now()})
