"""containerd's ctr: push whole blobs, pull with and without a login."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.content import Image, untar, write_layout
from tests.clients.daemons import containerd_command, running
from tests.clients.raw import Login
from tests.clients.registry import PUBLIC_REPOSITORY, Registry
from tests.clients.run import Home, client


@dataclass(frozen=True)
class Ctr:
    """ctr and the daemon behind it; a login goes with each command."""

    home: Home
    socket: str
    registry: Registry

    def __call__(self, *arguments: str) -> str:
        return self.home.run(*self._command, *arguments)

    def refused(self, *arguments: str) -> str:
        return self.home.refused(*self._command, *arguments)

    def remote(self, login: Login | None) -> list[str]:
        """Options that reach the registry as somebody, or as nobody."""
        ca_file = self.registry.ca_file
        options = ["--plain-http"] if ca_file is None else [f"--hosts-dir={self._hosts(ca_file)}"]
        return [*options, f"--user={login.name}:{login.password}"] if login else options

    def create(self, name: str, folder: Path) -> Image:
        """Import an image under that name."""
        image = Image()
        layout = write_layout(folder, image)
        self.home.run("tar", "--create", f"--file={folder}.tar", f"--directory={layout}", ".")
        base, _, tag = name.rpartition(":")
        self("images", "import", "--no-unpack", f"--base-name={base}", f"{folder}.tar")
        assert tag == "v1"
        return image

    @property
    def _command(self) -> list[str]:
        return [client("ctr"), f"--address={self.socket}"]

    def _hosts(self, ca_file: Path) -> Path:
        """Without it, ctr takes every registry on this machine for one without TLS."""
        folder = self.home.folder / "hosts" / self.registry.host
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "hosts.toml").write_text(
            f'server = "{self.registry.url}"\n[host."{self.registry.url}"]\n'
            f'capabilities = ["resolve", "pull", "push"]\nca = "{ca_file}"\n'
        )
        return folder.parent


@pytest.fixture(scope="session")
def containerd_socket(short_folder: Callable[[], Home]) -> Iterator[str]:
    client("containerd")
    home = short_folder()
    socket = home.folder / "socket"
    with running(containerd_command(home.folder), home, socket):
        yield str(socket)


@pytest.fixture
def ctr(home: Home, containerd_socket: str, registry: Registry) -> Ctr:
    return Ctr(home, containerd_socket, registry)


PULLS = 12


def test_ctr_pulls_a_tag_that_moves_all_the_time(ctr: Ctr, repository: str) -> None:
    """It asks for the tag, then for the digest that it was told."""
    name = f"{ctr.registry}/{repository}:latest"
    registry, stop = ctr.registry, threading.Event()
    registry.push(repository, "latest", Image())

    def push_on() -> int:
        pushes = 0
        while not stop.is_set():
            registry.push(repository, "latest", Image())
            pushes += 1
        return pushes

    with ThreadPoolExecutor(max_workers=1) as pool:
        pushing = pool.submit(push_on)
        try:
            for _ in range(PULLS):
                ctr("images", "pull", "--snapshotter=native", *ctr.remote(registry.owner), name)
                ctr("images", "remove", "--sync", name)
        finally:
            stop.set()

    assert pushing.result() >= PULLS


def test_ctr_pulls_what_it_pushed(ctr: Ctr, repository: str, tmp_path: Path) -> None:
    name = f"{ctr.registry}/{repository}:v1"
    image = ctr.create(name, tmp_path / "image")
    owner = ctr.remote(ctr.registry.owner)

    ctr("images", "push", *owner, name)
    ctr("images", "remove", "--sync", name)
    ctr("images", "pull", "--snapshotter=native", *owner, name)

    assert ctr.registry.manifest(repository, "v1") == image.manifest
    ctr("images", "export", f"{tmp_path}/back.tar", name)
    exported = untar((tmp_path / "back.tar").read_bytes()).values()
    for part in (image.manifest, image.config, image.layer):
        assert part in exported


def test_ctr_pulls_a_public_image_without_a_login(ctr: Ctr, tmp_path: Path) -> None:
    name = f"{ctr.registry}/{PUBLIC_REPOSITORY}:v1"
    ctr.create(name, tmp_path / "image")
    ctr("images", "push", *ctr.remote(ctr.registry.owner), name)
    ctr("images", "remove", "--sync", name)

    ctr("images", "pull", "--snapshotter=native", *ctr.remote(None), name)

    assert name in ctr("images", "list", "--quiet").split()


def test_ctr_without_rights_is_refused(ctr: Ctr, repository: str, tmp_path: Path) -> None:
    name = f"{ctr.registry}/{repository}:v1"
    ctr.create(name, tmp_path / "image")

    for login in (ctr.registry.stranger, None):
        assert ctr.refused("images", "push", *ctr.remote(login), name)

    assert not ctr.registry.has(repository, "v1")
