"""buildah: an image made step by step, pushed, and used as the base of another."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.containers_tools import ContainersTool
from tests.clients.content import Image, folder_content, untar
from tests.clients.registry import Registry
from tests.clients.run import Home


@pytest.fixture
def buildah(home: Home, registry: Registry) -> ContainersTool:
    tool = ContainersTool("buildah", home, registry)
    tool.login(registry.owner)
    return tool


def test_buildah_pushes_what_it_made(
    buildah: ContainersTool, repository: str, tmp_path: Path
) -> None:
    files = Image().files
    name = f"{buildah.registry}/{repository}:v1"

    _commit(buildah, "scratch", files, name, tmp_path)
    buildah("push", *buildah.trust(), name)

    layers = buildah.registry.document(repository, "v1")["layers"]
    assert untar(buildah.registry.blob(repository, layers[-1]["digest"])) == files


def test_buildah_builds_on_an_image_it_pulls(
    buildah: ContainersTool, new_repository: Callable[[], str], tmp_path: Path
) -> None:
    below, above = Image(files={"below": b"1"}).files, Image(files={"above": b"2"}).files
    base, name = (f"{buildah.registry}/{new_repository()}:v1" for _ in range(2))
    _commit(buildah, "scratch", below, base, tmp_path / "below")
    buildah("push", *buildah.trust(), base)
    buildah("rmi", base)

    container = _commit(buildah, base, above, name, tmp_path / "above")
    buildah("push", *buildah.trust(), name)

    assert folder_content(Path(buildah("mount", container))) == below | above


def _commit(
    buildah: ContainersTool, base: str, files: dict[str, bytes], name: str, folder: Path
) -> str:
    """Commit ``files`` on top of ``base`` as ``name``; answer the working container."""
    folder.mkdir(exist_ok=True)
    for path, data in files.items():
        (folder / path).write_bytes(data)
    container = buildah("from", *buildah.trust(), base)
    buildah("copy", "--quiet", container, str(folder), "/")
    buildah("commit", "--quiet", container, name)
    return container
