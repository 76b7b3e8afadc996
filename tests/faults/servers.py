"""Database servers of a run's own, for the rows that restart one, and a pooler before one."""

from __future__ import annotations

import signal
import subprocess
import time
from typing import Any, ClassVar

from . import requirements
from .databases import mariadb_server, postgres_server
from .own_servers import Server

PROGRAMS = "usr/lib/postgresql/*/bin"


class Postgres(Server):
    """A PostgreSQL server; it ends in immediate mode, so every session dies and it recovers."""

    owner = "postgres"
    ending = signal.SIGQUIT

    @property
    def settings(self) -> dict[str, Any]:
        """Django's settings for it, without the name of a database."""
        return postgres_server(self.port)

    def prepare(self) -> None:
        initdb = requirements.program("initdb", "postgresql", PROGRAMS)
        self.run(initdb, "-D", str(self.folder / "data"), "-A", "trust", "-U", "root", "--no-sync")

    def command(self) -> list[str]:
        program = requirements.program("postgres", "postgresql", PROGRAMS)
        options = ["-p", str(self.port), "-k", str(self.folder), "-D", str(self.folder / "data")]
        return [program, *options, "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=100"]

    def wait_until_ready(self) -> None:
        """Wait for the end of the recovery too."""
        program = requirements.program("pg_isready", "postgresql-client", PROGRAMS)
        command = [program, "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        limit = time.monotonic() + 30
        while subprocess.run(command).returncode:
            assert time.monotonic() < limit, (self.folder / "log").read_text()
            time.sleep(0.05)


class Mariadb(Server):
    """A MariaDB server; it ends by kill -9."""

    owner = "mysql"
    shared: ClassVar = ["--no-defaults", "--skip-name-resolve"]

    @property
    def settings(self) -> dict[str, Any]:
        """Django's settings for it, without the name of a database."""
        return mariadb_server(self.port)

    def prepare(self) -> None:
        program = requirements.program("mariadb-install-db", "mariadb-server")
        normal = ["--auth-root-authentication-method=normal", "--skip-test-db"]
        self.run(program, *self.shared, f"--datadir={self.folder / 'data'}", *normal)

    def command(self) -> list[str]:
        program = requirements.program("mariadbd", "mariadb-server")
        places = [f"--{name}={self.folder / name}" for name in ("socket", "pid-file")]
        small = ["--bind-address=127.0.0.1", "--innodb-buffer-pool-size=32M"]
        data = [f"--datadir={self.folder / 'data'}", f"--port={self.port}"]
        return [program, *self.shared, *data, *places, *small]


class Pgbouncer(Server):
    """PgBouncer before the machine's PostgreSQL: each transaction may have another session."""

    owner = "postgres"
    pool: ClassVar = {"pool_mode": "transaction", "default_pool_size": "3"}

    def prepare(self) -> None:
        server = postgres_server()
        target = f"* = host={server['HOST']} port={server['PORT']} user={server['USER']}"
        here = {"listen_addr": "127.0.0.1", "listen_port": str(self.port), "unix_socket_dir": ""}
        lines = [f"{key} = {value}" for key, value in (here | self.pool).items()]
        text = ["[databases]", target, "[pgbouncer]", "auth_type = any", *lines, ""]
        (self.folder / "pgbouncer.ini").write_text("\n".join(text))

    def command(self) -> list[str]:
        return [requirements.program("pgbouncer", "pgbouncer"), "-q", "pgbouncer.ini"]
