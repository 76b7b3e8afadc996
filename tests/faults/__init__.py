"""Real processes, real databases, real faults: delivery is judged by what reached the vendor.

    pytest -o addopts="" tests/faults -k row_13                    one row, on all its databases
    pytest -o addopts="" tests/faults -k "row_13 and postgres"     one cell
    pytest -o addopts="" -n 2 tests/faults -k mariadb              all cells of a database
    pytest -o addopts="" tests/faults/test_mutations.py            the engine, broken on purpose
    python -m tests.faults.soak --minutes 10 --database postgres --broker redis --seed 7

They need PostgreSQL, MariaDB, Redis and RabbitMQ on loopback, and the programs of the first two.
"""
