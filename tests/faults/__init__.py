"""Real processes, real databases, real faults: delivery is judged by what reached the vendor.

    pip install -e ".[test,servers]"
    pytest tests/faults -k row_13                    one row, on all its databases
    pytest tests/faults -k "row_13 and postgres"     one cell
    pytest tests/faults -n 2 -k mariadb              all cells of a database
    pytest tests/faults/test_mutations.py            the engine, broken on purpose
    python -m tests.faults.soak --minutes 10 --database postgres --broker redis --seed 7

The cells share the machine's PostgreSQL and MariaDB on loopback, each in a database of its own.
What is stopped, restarted or pooled is a server of the run's own: its program is enough. On Debian:

    apt install postgresql mariadb-server redis-server rabbitmq-server pgbouncer faketime git

Where one of them is missing, the cells that need it skip and name it.
"""
