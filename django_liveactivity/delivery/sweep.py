"""Look at every account: who has something due is kicked, and everybody's heart beats."""

from __future__ import annotations

from collections.abc import Callable

from django_liveactivity import conf
from django_liveactivity.models import AccountState, Now

from .candidates import next_wake
from .drain import read_state


def sweep(kick: Callable[[str], None]) -> list[str]:
    """Kick each account that has something due, and write its heartbeat.

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
        wake_at = next_wake(account)
        if wake_at is not None and wake_at <= state.now:
            kick(alias)
            kicked.append(alias)
    return kicked
