"""Starts the registries that are compared, each in a temporary folder.

Peers run without any login and without access log, and with what makes them fast: at their best.
"""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.live import ROOT, free_port, start_server
from tests.private_postgres import main_process

from .connection import Address, Connection
from .content import EMPTY, EMPTY_DIGEST, EMPTY_TYPE, MANIFEST_TYPE
from .targets import Target

REPOSITORY = "admin/bench"
GENERATED = "generated/many-tags"
START_SECONDS = 20.0
_PROGRAMS = ROOT / ".clients" / "bin"

Writer = Callable[[Path, int], None]

# With the cache of Debian's own configuration.
DISTRIBUTION_CONFIGURATION = """\
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
    """On PostgreSQL where ``BERTH_DB_URI`` names a private cluster, else on SQLite."""
    uri = os.environ.get("BERTH_DB_URI")
    server = start_server(folder)

    def make_tags(count: int) -> str:
        server.manage("generate_data", "--repositories", "1", "--tags", str(count), "--yes")
        return GENERATED

    try:
        yield Target(
            "berth",
            Address.of(server.url, ca_file=server.ca_file),
            REPOSITORY,
            user="admin",
            password=server.admin_password,
            pids={server.process.pid, *([main_process(uri)] if uri else [])},
            make_tags=make_tags,
        )
    finally:
        server.stop()


@dataclass(frozen=True, slots=True)
class Peer:
    """Another registry: its program, and how it is told where to keep what and to listen."""

    name: str
    program: str
    arguments: Callable[[Path, int], Sequence[str]]  # folder, port
    write_tags: Callable[[Path, int], None]
    environment: Mapping[str, str]
    how_to_install: str = "deploy/install-clients {}"

    @contextlib.contextmanager
    def start(self, folder: Path) -> Iterator[Target]:
        port = free_port()
        command = [self._installed(), *self.arguments(folder, port)]
        process = subprocess.Popen(
            command,
            env={**os.environ, **self.environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

        def make_tags(count: int) -> str:
            self.write_tags(folder, count)
            return GENERATED

        try:
            address = Address("127.0.0.1", port)
            _await(self.name, address)
            yield Target(self.name, address, REPOSITORY, pids={process.pid}, make_tags=make_tags)
        finally:
            process.terminate()
            process.wait()

    def _installed(self) -> str:
        """The path of the program, which is built first if Go has to and can."""
        path = os.pathsep.join([str(_PROGRAMS), os.environ.get("PATH", os.defpath)])
        if program := shutil.which(self.program, path=path):
            return program
        if self.program != DOCKER_REGISTRY:
            subprocess.run([ROOT / "deploy" / "install-clients", self.program], check=False)
        if program := shutil.which(self.program, path=path):
            return program
        how = self.how_to_install.format(self.program)
        raise StartError(f"{self.name} is not installed ({how})")


def _distribution(folder: Path, port: int) -> list[str]:
    configuration = folder / "config.yml"
    configuration.write_text(DISTRIBUTION_CONFIGURATION.format(root=folder / "storage", port=port))
    return ["serve", str(configuration)]


def _zot(folder: Path, port: int) -> list[str]:
    configuration = folder / "config.json"
    document = {
        "distSpecVersion": "1.1.1",
        # Made durable before it is acknowledged, as the others do.
        "storage": {"rootDirectory": str(folder / "storage"), "gc": False, "commit": True},
        "http": {"address": "127.0.0.1", "port": str(port)},
        "log": {"level": "error", "output": str(folder / "log")},
    }
    configuration.write_text(json.dumps(document))
    return ["serve", str(configuration)]


def _olareg(folder: Path, port: int) -> list[str]:
    place = ("--dir", str(folder / "storage"), "--gc-frequency", "-1s")
    return ["serve", "--addr", "127.0.0.1", "--port", str(port), *place, "--api-delete"]


def _links(folder: Path, count: int) -> None:
    """Tags as distribution keeps them: a folder and a file each."""
    repositories = folder / "storage" / "docker" / "registry" / "v2" / "repositories"
    tags = repositories / GENERATED / "_manifests" / "tags"
    for name in _tag_names(count):
        (tags / name / "current").mkdir(parents=True)
        (tags / name / "current" / "link").write_text(EMPTY_DIGEST)


def _image_layout(folder: Path, count: int) -> None:
    """Tags as an OCI image layout has them: one index of all."""
    layout = folder / "storage" / GENERATED
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    nothing = {"mediaType": EMPTY_TYPE, "digest": EMPTY_DIGEST, "size": len(EMPTY)}
    manifest = json.dumps(
        {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": nothing, "layers": [nothing]}
    ).encode()
    digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
    for name, content in ((digest, manifest), (EMPTY_DIGEST, EMPTY)):
        (blobs / name.removeprefix("sha256:")).write_bytes(content)
    described = {"mediaType": MANIFEST_TYPE, "digest": digest, "size": len(manifest)}
    entries = [
        {**described, "annotations": {"org.opencontainers.image.ref.name": name}}
        for name in _tag_names(count)
    ]
    (layout / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))


def _tag_names(count: int) -> Iterator[str]:
    return (f"v{number}" for number in range(count))


DOCKER_REGISTRY = "docker-registry"
_NO_TRACES = {"OTEL_TRACES_EXPORTER": "none"}
_DEBIAN = "Debian: apt install {}"
PEERS: Mapping[str, Peer] = {
    peer.name: peer
    for peer in (
        Peer(DOCKER_REGISTRY, DOCKER_REGISTRY, _distribution, _links, {}, _DEBIAN),
        Peer("distribution", "registry", _distribution, _links, _NO_TRACES),
        Peer("zot", "zot", _zot, _image_layout, {}),
        Peer("olareg", "olareg", _olareg, _image_layout, {}),
    )
}


def _await(name: str, address: Address) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), Connection(address) as connection:
            connection.request("GET", "/v2/")
            return
        time.sleep(0.1)
    raise StartError(f"{name} did not answer on port {address.port}")
