"""crane: push, pull, copy, list, tag, append, index, delete."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.content import Image, digest, folder_content, image_index, tar, write_layout
from tests.clients.raw import Login
from tests.clients.registry import Registry
from tests.clients.run import Home, client


@dataclass(frozen=True)
class Crane:
    """crane on a system that trusts the registry."""

    home: Home
    registry: Registry

    def __call__(self, *arguments: str) -> str:
        return self.home.run(client("crane"), *arguments)

    def refused(self, *arguments: str) -> str:
        return self.home.refused(client("crane"), *arguments)

    def login(self, login: Login) -> str:
        options = ["--username", login.name, "--password-stdin", self.registry.host]
        return self.home.run(client("crane"), "auth", "login", *options, stdin=login.password)


@pytest.fixture
def crane(trusting_home: Home, registry: Registry) -> Crane:
    tool = Crane(trusting_home, registry)
    tool.login(registry.owner)
    return tool


def test_crane_with_a_wrong_password_reads_the_registrys_own_words(
    crane: Crane, repository: str
) -> None:
    crane.login(Login(crane.registry.owner.name, "wrong"))

    answer = crane.refused("ls", f"{crane.registry}/{repository}")

    assert "UNAUTHORIZED" in answer
    assert "password" in answer


def test_crane_without_rights_reads_who_may_not_do_what(crane: Crane, repository: str) -> None:
    stranger = crane.registry.stranger
    crane.login(stranger)

    answer = crane.refused("ls", f"{crane.registry}/{repository}")

    assert f"{stranger.name} may not pull from {repository}" in answer


def test_crane_pulls_the_layout_it_pushed(crane: Crane, repository: str, tmp_path: Path) -> None:
    layout = write_layout(tmp_path / "out", Image())
    name = f"{crane.registry}/{repository}:v1"

    crane("push", str(layout), name)
    crane("pull", "--format=oci", name, str(tmp_path / "back"))

    assert folder_content(tmp_path / "back" / "blobs") == folder_content(layout / "blobs")
    crane("validate", f"--remote={name}")


def test_crane_pushes_an_index_with_its_images(
    crane: Crane, repository: str, tmp_path: Path
) -> None:
    images = (Image(), Image(architecture="arm64"))
    layout = write_layout(tmp_path / "out", *images)
    name = f"{crane.registry}/{repository}:v1"

    crane("push", "--index", str(layout), name)

    top = crane.registry.document(repository, "v1")
    assert digest(image_index(*images)) in [entry["digest"] for entry in top["manifests"]]
    for image in images:
        assert crane.registry.manifest(repository, image.digest) == image.manifest
        assert crane.registry.blob(repository, digest(image.layer)) == image.layer


def test_crane_copies_an_index_to_another_repository(
    crane: Crane, new_repository: Callable[[], str], tmp_path: Path
) -> None:
    images = (Image(), Image(architecture="arm64"))
    first, second = (new_repository() for _ in range(2))
    layout = write_layout(tmp_path / "out", *images)
    crane("push", "--index", str(layout), f"{crane.registry}/{first}:v1")

    crane("copy", f"{crane.registry}/{first}:v1", f"{crane.registry}/{second}:v1")

    assert crane.registry.manifest(second, "v1") == crane.registry.manifest(first, "v1")
    for image in images:
        assert crane.registry.blob(second, digest(image.layer)) == image.layer


def test_crane_appends_a_layer_to_an_image(crane: Crane, repository: str, tmp_path: Path) -> None:
    base = Image()
    name = f"{crane.registry}/{repository}"
    crane("push", str(write_layout(tmp_path / "out", base)), f"{name}:base")
    (tmp_path / "layer.tar").write_bytes(tar({"more": b"and more"}))

    layer = str(tmp_path / "layer.tar")
    crane("append", f"--base={name}:base", f"--new_layer={layer}", f"--new_tag={name}:more")

    crane("export", f"{name}:more", str(tmp_path / "all.tar"))
    exported = tmp_path / "all.tar"
    for data in [*base.files.values(), b"and more"]:
        assert data in exported.read_bytes()


def test_crane_appends_images_to_an_index(crane: Crane, repository: str, tmp_path: Path) -> None:
    image = Image()
    name = f"{crane.registry}/{repository}"
    crane("push", str(write_layout(tmp_path / "out", image)), f"{name}:v1")

    crane("index", "append", f"--manifest={name}:v1", f"--tag={name}:all")

    entries = crane.registry.document(repository, "all")["manifests"]
    assert [entry["digest"] for entry in entries] == [image.digest]


def test_crane_sees_the_tags_and_repositories_it_made(
    crane: Crane, repository: str, tmp_path: Path
) -> None:
    name = f"{crane.registry}/{repository}"
    crane("push", str(write_layout(tmp_path / "out", Image())), f"{name}:v1")

    crane("tag", f"{name}:v1", "v2")

    assert crane("ls", name).split() == ["v1", "v2"]
    assert repository in crane("catalog", crane.registry.host).split()


def test_crane_deletes_a_tag_and_leaves_the_other(
    crane: Crane, repository: str, tmp_path: Path
) -> None:
    image = Image()
    name = f"{crane.registry}/{repository}"
    crane("push", str(write_layout(tmp_path / "out", image)), f"{name}:v1")
    crane("tag", f"{name}:v1", "v2")

    crane("delete", f"{name}:v1")

    assert crane("ls", name).split() == ["v2"]
    assert crane("digest", f"{name}:v2") == image.digest


def test_crane_deletes_a_manifest_by_digest(crane: Crane, repository: str, tmp_path: Path) -> None:
    image = Image()
    name = f"{crane.registry}/{repository}"
    crane("push", str(write_layout(tmp_path / "out", image)), f"{name}:v1")

    crane("delete", f"{name}@{image.digest}")

    assert not crane.registry.has(repository, image.digest)
    assert crane("ls", name) == ""
