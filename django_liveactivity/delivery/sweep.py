"""Look at every account: its heart beats, old rows go, and who has something due is kicked."""

from __future__ import annotations

from collections.abc import Callable

from django_liveactivity import conf
from django_liveactivity.models import AccountState, Now

from .candidates import next_wake
from .drain import read_state
from .prune import prune


def sweep(kick: Callable[[str], None]) -> list[str]:
    """Write each account's heartbeat, prune its finished rows, and kick it if something is due.

    Args:
        kick: called with the alias of each account that has something due.

    Returns:
        The aliases that were kicked. Doubled sweeps do no harm: a kick without work is cheap.
    """
    kicked = []
    for alias, account in conf.accounts().items():
        state = read_state(account)
        rows = AccountState.objects.using(account.database).filter(pk=state.pk)
        rows.update(heartbeat_at=Now())
        prune(account)
        wake_at = next_wake(account)
        if wake_at is not None and wake_at <= state.now:
            kick(alias)
            kicked.append(alias)
    return kicked
