"""Which processes of Berth live, on whichever machines: each says so from time to time."""

import os
import socket
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from django.db import connection

from accounts import statements
from accounts.origin import ignored, refused
from registry.blobs.transfers import transfers
from registry.statistics.models import ServerProcess

GONE_AFTER: Final = timedelta(minutes=2)  # without a word


@dataclass(frozen=True, slots=True)
class Presence:
    name: str
    kind: str
    version: str
    started_at: datetime

    @classmethod
    def of_this_process(cls, *, kind: str, version: str, now: datetime) -> Self:
        return cls(f"{socket.gethostname()}:{os.getpid()}", kind, version, now)


def clock_ahead() -> timedelta:
    """How far the clock of this machine is ahead of the database's. SQLite has none of its own."""
    if connection.vendor != "postgresql":
        return timedelta(0)
    began = time.time()
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
        (theirs,) = cursor.fetchone()
    return timedelta(seconds=(began + time.time()) / 2 - theirs)


def note_alive(presence: Presence, *, now: datetime) -> None:
    """By the database's clock, so that a process with a wrong one is still seen."""
    ahead = clock_ahead()
    now -= ahead
    with statements.commit_without_sync():
        ServerProcess.objects.update_or_create(
            name=presence.name,
            defaults={
                "kind": presence.kind,
                "version": presence.version,
                "started_at": presence.started_at,
                "seen_at": now,
                "uploads": transfers.uploads,
                "ignored_proxy": ignored.address,
                "refused_host": refused.host,
                "clock_ahead_seconds": ahead.total_seconds(),
            },
        )
        ServerProcess.objects.filter(seen_at__lt=now - GONE_AFTER).delete()


def are_any_alive(*, now: datetime) -> bool:
    """Whether a process said so of late. One of this machine that was ended with force did not
    say that it ended, but is seen not to be there."""
    processes = ServerProcess.objects.filter(seen_at__gte=now - GONE_AFTER)
    return not all(_has_ended(name) for name in processes.values_list("name", flat=True))


def _has_ended(name: str) -> bool:
    host, _, pid = name.rpartition(":")
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def note_end(presence: Presence) -> None:
    ServerProcess.objects.filter(name=presence.name).delete()
