"""Real clients with a registry whose blobs are in S3, and which sends readers there."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.containers_tools import ContainersTool
from tests.clients.content import Image, folder_content, write_layout
from tests.clients.registry import Registry, populate
from tests.clients.run import Home, client
from tests.live import start_server
from tests.s3_server import S3Server


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, s3_server: S3Server) -> Iterator[Registry]:
    data = tmp_path_factory.mktemp("s3-clients") / "data"
    server = start_server(data, environment=s3_server.environment())
    yield populate(server)
    server.stop()


@pytest.fixture
def image() -> Image:
    """With a layer of more than one part."""
    return Image(files={"hello.txt": b"hello", "data.bin": os.urandom(11 * 1024**2)})


def test_podman_pulls_what_it_pushed(
    home: Home, registry: Registry, repository: str, image: Image, tmp_path: Path
) -> None:
    podman = ContainersTool("podman", home, registry)
    podman.login(registry.owner)
    name = f"{registry}/{repository}:v1"
    loaded = podman("pull", "--quiet", f"oci:{write_layout(tmp_path / 'in', image)}:v1")
    podman("push", "--quiet", *podman.trust(), loaded, name)
    podman("rmi", "--all", "--force")

    podman("pull", "--quiet", *podman.trust(), name)

    mounted = podman("image", "mount", name)
    assert folder_content(Path(mounted)) == image.files


def test_skopeo_copies_an_image_in_and_out(
    home: Home, registry: Registry, repository: str, image: Image, tmp_path: Path
) -> None:
    skopeo = ContainersTool("skopeo", home, registry)
    skopeo.login(registry.owner)
    name = f"docker://{registry}/{repository}:v1"

    layout = write_layout(tmp_path / "in", image)
    skopeo("copy", *skopeo.trust("dest-"), f"oci:{layout}:v1", name)
    skopeo("copy", *skopeo.trust("src-"), name, f"oci:{tmp_path / 'out'}:v1")

    assert _blobs(tmp_path / "out") == _blobs(layout)


def test_crane_copies_an_image_in_and_out(
    home: Home, registry: Registry, repository: str, image: Image, tmp_path: Path
) -> None:
    crane, name = client("crane"), f"{registry}/{repository}:v1"
    login = ["--username", registry.owner.name, "--password-stdin"]
    home.run(crane, "auth", "login", registry.host, *login, stdin=registry.owner.password)

    layout = write_layout(tmp_path / "in", image)
    home.run(crane, "push", "--insecure", layout, name)
    home.run(crane, "pull", "--insecure", "--format=oci", name, tmp_path / "out")

    assert _blobs(tmp_path / "out") == _blobs(layout)


def test_regctl_pushes_in_chunks_and_gets_the_blob_back(
    home: Home, registry: Registry, repository: str, image: Image, tmp_path: Path
) -> None:
    regctl, name = client("regctl"), f"{registry}/{repository}"
    # Without a login there is nothing that a check could open.
    options = ["--tls=disabled", "--blob-chunk=3000000", "--skip-check"]
    home.run(regctl, "registry", "set", registry.host, *options)
    login = ["--user", registry.owner.name, "--pass-stdin"]
    home.run(regctl, "registry", "login", registry.host, *login, stdin=registry.owner.password)

    layout = write_layout(tmp_path / "in", image)
    home.run(regctl, "image", "copy", f"ocidir://{layout}:v1", f"{name}:v1")
    home.run(regctl, "image", "copy", f"{name}:v1", f"ocidir://{tmp_path / 'out'}:v1")

    assert _blobs(tmp_path / "out") == _blobs(layout)


def _blobs(layout: Path) -> dict[str, bytes]:
    folder = layout / "blobs" / "sha256"
    return {path.name: path.read_bytes() for path in folder.iterdir()}
