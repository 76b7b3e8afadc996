"""Look at every account: its heart beats, old rows go, and who has something due is kicked."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django_liveactivity import alerts, conf
from django_liveactivity.models import AccountState, Now
from django_liveactivity.printable import get_logger

from .acts import waiting_acts
from .candidates import next_wake
from .drain import read_state
from .prune import prune
from .step import fresh_session_after_error, step

logger = get_logger("django_liveactivity.delivery")


def sweep(kick: Callable[[str], None], aliases: Iterable[str] | None = None) -> list[str]:
    """Write each account's heartbeat, kick it if something is due, and prune its finished rows.

    What somebody has to look into is logged: an end that is overdue, a key that is refused.

    Args:
        kick: called with the alias of each account that has something due.
        aliases: the accounts to look at; by default all.

    Returns:
        The aliases that were kicked. Doubled sweeps do no harm: a kick without work is cheap.
    """
    return [alias for alias in (aliases or conf.accounts()) if _sweep(alias, kick)]


def _sweep(alias: str, kick: Callable[[str], None]) -> bool:
    """Sweep one account; what is wrong with it must not keep the others from their sweep."""
    kicked = False
    try:
        account = conf.account(alias)
        with fresh_session_after_error(account.database):
            state = read_state(account)
            _beat(account.database, state)
            wake_at = next_wake(account)
            due = wake_at is not None and wake_at <= state.now
            if due or waiting_acts(account).exists():
                kick(alias)
                kicked = True
            alerts.watch(account, state)
            prune(account)
    except Exception:
        logger.exception("Account %r could not be swept.", alias)
    return kicked


@step
def _beat(using: str, state: AccountState) -> None:
    AccountState.objects.using(using).filter(pk=state.pk).update(heartbeat_at=Now())
