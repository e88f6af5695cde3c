"""What an idle registry asks of its database: statements a minute of each kind of process."""

import time
from typing import Final

import psycopg

from .registries import Registry

MINUTES: Final = 2
REPLICAS: Final = 50
KINDS: Final = ("web", "worker", "beat")
_MOST_SHOWN: Final = 25
_SETTLED_SECONDS: Final = 20

_CALLS: Final = """
    SELECT query, calls, total_exec_time FROM pg_stat_statements
    WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND query NOT LIKE '%%pg_stat_statements%%'
    ORDER BY calls DESC
"""


def tell(registry: Registry) -> None:
    """Print the statements of one machine that runs one kind of process, and how many
    ``REPLICAS`` of them make."""
    with psycopg.connect(registry.uri, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        for kind in KINDS:
            running = registry.running if kind == "web" else registry.at_work
            with running(only=kind):
                time.sleep(_SETTLED_SECONDS)
                connection.execute("SELECT pg_stat_statements_reset()")
                time.sleep(60 * MINUTES)
                rows = connection.execute(_CALLS).fetchall()
            calls = sum(row[1] for row in rows) / MINUTES
            milliseconds = sum(row[2] for row in rows) / MINUTES
            print(
                f"{kind}: {calls:.0f} statements and {milliseconds:.0f} ms a minute;"
                f" {REPLICAS}: {calls * REPLICAS / 60:.0f} a second"
            )
            for query, count, took in rows[:_MOST_SHOWN]:
                print(
                    f"  {count / MINUTES:6.1f}  {took / count:8.2f} ms  {' '.join(query.split())}"
                )
