"""One process at a time: a row that says who is at it spares the others the work."""

from datetime import datetime, timedelta

from registry.gc.models import Lease
from registry.repositories import sql

_TAKE = """
    INSERT INTO gc_lease (name, held_until) VALUES (%s, %s)
    ON CONFLICT (name) DO UPDATE SET held_until = excluded.held_until
    WHERE gc_lease.held_until <= %s
"""


def take_lease(name: str, *, now: datetime, lasting: timedelta) -> bool:
    """Take a lease for so long; ``False`` when somebody holds it."""
    return sql.execute(_TAKE, [name, now + lasting, now]) == 1


def give_back(name: str, *, now: datetime, lasting: timedelta) -> None:
    """End a lease that was taken at ``now``, unless it ran out and another has it."""
    Lease.objects.filter(name=name, held_until=now + lasting).update(held_until=now)
