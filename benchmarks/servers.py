"""Starts the two registries that are compared, each in a temporary folder."""

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.live import start_server

from .connection import Address, Connection
from .targets import Target

PEER = "docker-registry"
REPOSITORY = "admin/bench"
START_SECONDS = 20.0

# Without access log, and with the cache of Debian's own configuration: the peer at its best.
PEER_CONFIGURATION = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {root}}}
  delete: {{enabled: true}}
  cache: {{blobdescriptor: inmemory}}
http: {{addr: "127.0.0.1:{port}"}}
"""


class StartError(Exception):
    """A registry is not installed, or did not answer."""


@contextlib.contextmanager
def berth(folder: Path) -> Iterator[Target]:
    server = start_server(folder)
    try:
        yield Target(
            "berth",
            Address.of(server.url, ca_file=server.ca_file),
            REPOSITORY,
            user="admin",
            password=server.admin_password,
            pids={server.process.pid},
        )
    finally:
        server.stop()


@contextlib.contextmanager
def docker_registry(folder: Path) -> Iterator[Target]:
    if (program := shutil.which(PEER)) is None:
        raise StartError(f"{PEER} is not installed (Debian: apt install docker-registry)")
    port = _free_port()
    configuration = folder / "config.yml"
    configuration.write_text(PEER_CONFIGURATION.format(root=folder / "storage", port=port))
    process = subprocess.Popen([program, "serve", configuration], stderr=subprocess.DEVNULL)
    try:
        address = Address("127.0.0.1", port)
        _await(address)
        yield Target(PEER, address, REPOSITORY, pids={process.pid})
    finally:
        process.terminate()
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _await(address: Address) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), Connection(address) as connection:
            connection.request("GET", "/v2/")
            return
        time.sleep(0.1)
    raise StartError(f"{PEER} did not answer on port {address.port}")
