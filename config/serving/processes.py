"""The processes that make up a running Berth, and the arguments that start them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from config.keys.paths import data_folder

# The environment in which the allocators give memory back. It must be there when a process begins.
FRUGAL = {
    # glibc keeps a heap per thread otherwise, and each keeps its own leftovers.
    "MALLOC_ARENA_MAX": "2",
    # Pieces of blobs are taken from what was free before: each page that the system gives anew is
    # cleared first, which took a third of the time of a pull. What is large goes straight back to
    # it, and the rest every round (``give_memory_back``). glibc raises both limits otherwise, the
    # more comes, until large things lie among what stays.
    "MALLOC_MMAP_THRESHOLD_": "2097152",
    "MALLOC_TRIM_THRESHOLD_": "8388608",
}

# Where the local certificates stand in the data folder.
ROOT_CERTIFICATE = "rootCA.pem"  # for clients: helm --ca-file
CLIENT_FOLDER = "tls/client"  # for clients: podman --cert-dir
ROOT_KEY = "tls/rootCA.key"
SERVER_CERTIFICATE = "tls/server.pem"
SERVER_KEY = "tls/server.key"


# What a machine does: it answers requests, does jobs, or sends the periodic ones.
ROLES = ("web", "worker", "beat")


class OptionRefused(Exception):
    """An option in the environment that makes no sense. One sentence for a person."""


@dataclass(frozen=True, slots=True)
class Options:
    """What ``make serve`` is told by environment variables."""

    host: str
    port: int
    workers: int
    data: Path
    is_scratch: bool  # whether ``data`` lasts no longer than this start
    server_hostname: str  # as clients write it; empty: host and port
    wants_tls: bool
    roles: tuple[str, ...]

    @classmethod
    def read(cls, environ: Mapping[str, str], *, only: str = "", is_scratch: bool = False) -> Self:
        """Raises ``OptionRefused``.

        Args:
            only: one of ``ROLES``; all of them without.
            is_scratch: whether ``BERTH_DATA`` names what ``scratch`` made.
        """
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2
        return cls(
            host=environ.get("HOST") or "127.0.0.1",
            port=_number(environ, "PORT", default=8080, most=65535),
            workers=_number(environ, "WORKERS", default=min(cores, 2), most=256),
            data=data_folder(environ),
            is_scratch=is_scratch,
            server_hostname=environ.get("SERVER_HOSTNAME")
            or environ.get("BERTH_SERVER_HOSTNAME", ""),
            wants_tls=_switch(environ, "TLS"),
            roles=(only,) if only else ROLES,
        )

    @property
    def address(self) -> str:
        """Host and port for a client on this machine, or as the administrator named them."""
        host = "localhost" if self.host in {"0.0.0.0", "::", ""} else self.host  # noqa: S104
        return self.server_hostname or f"{f'[{host}]' if ':' in host else host}:{self.port}"


@dataclass(frozen=True, slots=True)
class ServedCertificate:
    certificate: Path
    key: Path


def jobs_arguments(*, with_timetable: bool) -> list[str]:
    """Celery's, for a worker.

    Args:
        with_timetable: whether it also sends the periodic jobs.
    """
    return [
        *("--quiet", "-A", "config.celery", "worker"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        *(["--with-timetable"] if with_timetable else []),
    ]


def _number(environ: Mapping[str, str], name: str, *, default: int, most: int) -> int:
    text = environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
        raise OptionRefused(f"{name} must be a number from 1 to {most}, not {text!r}.")
    return int(text)


def _switch(environ: Mapping[str, str], name: str) -> bool:
    text = environ.get(name, "").lower()
    if text not in {"", "0", "1", "no", "yes", "false", "true"}:
        raise OptionRefused(f"{name} must be 1 or 0, not {text!r}.")
    return text in {"1", "yes", "true"}
