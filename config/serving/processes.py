"""The processes that make up a running Berth, and the arguments that start them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from config.keys.paths import data_folder

_BACKLOG = 2048  # connections that wait to be accepted
_HEAD_SECONDS = 30  # for the head of a request, and for the first byte of the next one
# For the head of a request, and of a body or an answer on its way, of each connection. What comes
# in one piece costs one step: with twice as much a blob of 1 GiB costs a fifth less, and a thousand
# readers who do not read keep 377 MB instead of 250.
_BUFFER_BYTES = 64 * 1024
_DRAIN_SECONDS = 20  # for requests under way, when the server is told to stop

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
    # jemalloc, Granian's allocator, has a heap for four threads on each processor otherwise, and
    # keeps what is free for ten seconds.
    "_RJEM_MALLOC_CONF": "narenas:2,dirty_decay_ms:1000,muzzy_decay_ms:0",
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


def web_arguments(
    options: Options, served: ServedCertificate | None, *, connections: int
) -> list[str]:
    """Granian's: HTTP/1.1, because Go's clients upload faster with it than with HTTP/2.

    Args:
        connections: as many as one process keeps.
    """
    arguments = [
        *("--interface", "asginl", "--http", "1", "--no-ws"),
        *("--host", options.host, "--port", str(options.port)),
        *("--workers", str(options.workers)),
        *("--backlog", str(_BACKLOG), "--backpressure", str(connections)),
        *("--http1-header-read-timeout", str(_HEAD_SECONDS * 1000)),
        *("--http1-buffer-size", str(_BUFFER_BYTES)),
        *("--workers-kill-timeout", str(_DRAIN_SECONDS), "--respawn-failed-workers"),
        *("--log-level", "error", "--no-access-log"),
    ]
    if served:
        arguments += ["--ssl-certificate", str(served.certificate)]
        arguments += ["--ssl-keyfile", str(served.key), "--ssl-protocol-min", "tls1.2"]
    return [*arguments, "config.asgi:application"]


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
