"""Look at every account: its heart beats, old rows go, and who has something due is kicked."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django_liveactivity import conf
from django_liveactivity.models import AccountState, Now

from .acts import waiting_acts
from .candidates import next_wake
from .drain import read_state
from .prune import prune

logger = logging.getLogger("django_liveactivity.delivery")


def sweep(kick: Callable[[str], None]) -> list[str]:
    """Write each account's heartbeat, prune its finished rows, and kick it if something is due.

    Args:
        kick: called with the alias of each account that has something due.

    Returns:
        The aliases that were kicked. Doubled sweeps do no harm: a kick without work is cheap.
    """
    return [alias for alias in conf.accounts() if _sweep(alias, kick)]


def _sweep(alias: str, kick: Callable[[str], None]) -> bool:
    """Sweep one account; what is wrong with it must not keep the others from their sweep."""
    try:
        account = conf.account(alias)
        state = read_state(account)
        rows = AccountState.objects.using(account.database).filter(pk=state.pk)
        rows.update(heartbeat_at=Now())
        prune(account)
        wake_at = next_wake(account)
        due = wake_at is not None and wake_at <= state.now
        if due or waiting_acts(account).exists():
            kick(alias)
            return True
    except Exception:
        logger.exception("Account %r could not be swept.", alias)
    return False
