"""Cards that wait to be shown, for many accounts: a host writes one account's, the rest copy."""

from __future__ import annotations

from contextlib import closing

from tests.faults.databases import Database, Mariadb
from tests.faults.generator import show, transaction
from tests.faults.harness import OPERATIONS, Host

CARDS = "django_liveactivity_liveactivity"


def fill(host: Host, accounts: list[str], cards: int) -> None:
    """Let cards wait for each account, under the same keys.

    Args:
        host: whose services write those of the first account.
        accounts: the aliases.
        cards: how many each account has.
    """
    first, *others = accounts
    host.must(transaction(*(show(f"card-{number}", account=first) for number in range(cards))))
    if others:
        copy_account(host.system.database, first, others)


def copy_account(database: Database, source: str, targets: list[str]) -> None:
    """Write an account's cards and operations for others, as if hosts had inserted the same."""
    aliases = " UNION ALL ".join(["SELECT %s AS alias"] * len(targets))
    _copy(
        database,
        CARDS,
        {"account": "t.alias"},
        f"CROSS JOIN ({aliases}) t WHERE o.account = %s",
        *targets,
        source,
    )
    _copy(
        database,
        OPERATIONS,
        {"account": "c.account", "activity_id": "c.id"},
        f"JOIN {CARDS} c ON c.lane_digest = o.lane_digest AND c.account <> o.account "
        "WHERE o.account = %s ORDER BY o.id",
        source,
    )


def _copy(
    database: Database, table: str, changed: dict[str, str], rest: str, *parameters: str
) -> None:
    """Insert rows of a table again, with some columns changed."""
    with closing(database.connect()) as connection:
        cursor = connection.cursor()
        cursor.execute(f"SELECT * FROM {table} WHERE id = 0")
        names = [name for name, *_ in cursor.description if name != "id"]
    quote = "`" if isinstance(database, Mariadb) else '"'
    columns = {name: f"{quote}{name}{quote}" for name in names}
    values = ", ".join(changed.get(name, f"o.{column}") for name, column in columns.items())
    into = f"INSERT INTO {table} ({', '.join(columns.values())})"
    database.execute(f"{into} SELECT {values} FROM {table} o {rest}", *parameters)
