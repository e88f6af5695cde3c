"""Two registries on one PostgreSQL that stays: a large one, and one of a hundredth of it."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from tests.live import (
    ADMIN_PASSWORD,
    RunningServer,
    log_of,
    server_environment,
    start_process,
    start_server,
)
from tests.private_postgres import installed_programs, kept_cluster

from .rows import link_bytes, multiply

OWNER: Final = "generated-owner"
MANY_TAGS: Final = "generated/many-tags"
STOP_SECONDS: Final = 60
SERVER_SETTINGS: Final = {
    "shared_preload_libraries": "pg_stat_statements",
    "shared_buffers": "2GB",
    "effective_cache_size": "8GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
}
_GIVE_PASSWORD: Final = f"""
from django.utils import timezone
from accounts.users.models import User
from accounts.users.services import change_password
owner = User.objects.get(username="{OWNER}")
change_password(user=owner, password="{ADMIN_PASSWORD}", now=timezone.now())
"""


@dataclass(frozen=True, slots=True)
class Registry:
    """``data`` is its folder; its database is found by that name (``tests.live``)."""

    name: str
    data: Path
    repositories: int
    tags: int  # of the repository that has many

    @property
    def environment(self) -> dict[str, str]:
        return server_environment(self.data)

    @property
    def uri(self) -> str:
        return self.environment["BERTH_DB_URI"]

    @contextmanager
    def running(self, *, only: str = "") -> Iterator[RunningServer]:
        server = start_server(self.data, only=only)
        try:
            yield server
        finally:
            server.stop()

    @contextmanager
    def at_work(self, *, only: str) -> Iterator[None]:
        """While a process runs that answers no requests: the worker, or the timetable."""
        process = start_process(self.environment, log=log_of(self.data), only=only)
        try:
            yield
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)

    def fill(self) -> None:
        """Unless that was done; what was begun and not ended has to be deleted by hand."""
        done = self.data / "filled"
        if done.exists():
            return
        clock = time.monotonic()

        def tell(what: str) -> None:
            print(f"{self.name}: {what}, {time.monotonic() - clock:.0f} s", file=sys.stderr)

        with self.running() as server:
            tell("an empty registry")
            server.manage(
                "generate_data", f"--repositories={self.repositories}", f"--tags={self.tags}"
            )
            server.manage("shell", "--no-imports", "--command", _GIVE_PASSWORD)
        tell("repositories")
        with psycopg.connect(self.uri, autocommit=True) as connection:
            for name in multiply(connection):
                tell(name)
            tell(f"{link_bytes(connection, self.data / 'blobs'):,} files")
        done.touch()


@contextmanager
def registries(folder: Path, *, repositories: int, tags: int) -> Iterator[list[Registry]]:
    """The small one and the large one, filled, while their PostgreSQL runs."""
    sizes = {"small": (repositories // 100, tags // 100), "large": (repositories, tags)}
    with kept_cluster(installed_programs(), folder / "postgresql", SERVER_SETTINGS) as uri:
        os.environ["BERTH_DB_URI"] = uri
        pair = [Registry(name, folder / name, *size) for name, size in sizes.items()]
        for registry in pair:
            registry.fill()
        yield pair
