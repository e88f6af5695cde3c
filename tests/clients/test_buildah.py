"""buildah: an image made step by step, pushed, and used as the base of another."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from artifacts.images.files import list_files
from artifacts.images.tree import Tree
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


def test_layers_are_merged_as_buildah_unpacks_them(
    buildah: ContainersTool, repository: str
) -> None:
    """Whiteouts, folders made anew, files and folders in one another's place, links."""
    container = buildah("from", "scratch").strip()
    root = Path(buildah("mount", container).strip())
    for path in ("etc/gone", "etc/kept", "opt/old/deep", "usr/lib/a", "file", "folder/inner"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)
    (root / "lib").symlink_to("usr/lib")
    (root / "again").hardlink_to(root / "etc/kept")
    below = f"{buildah.registry}/{repository}:below"
    buildah("commit", "--quiet", container, below)

    container = buildah("from", "--pull=never", below).strip()
    root = Path(buildah("mount", container).strip())
    (root / "etc/gone").unlink()
    shutil.rmtree(root / "opt")
    (root / "opt").mkdir()
    (root / "opt/new").write_text("new")
    (root / "file").unlink()
    (root / "file").mkdir()
    (root / "file/inner").write_text("inner")
    shutil.rmtree(root / "folder")
    (root / "folder").write_text("now a file")
    (root / "usr/lib/b").write_text("b")
    name = f"{buildah.registry}/{repository}:above"
    buildah("commit", "--quiet", container, name)
    buildah("push", *buildah.trust(), name)

    tree = Tree()
    for number, layer in enumerate(buildah.registry.document(repository, "above")["layers"], 1):
        listing = list_files([buildah.registry.blob(repository, layer["digest"])])
        assert listing.problem == ""
        tree.add(listing.files, number)
    merged = {path for path, node in tree.root.below() if not node.is_folder}
    assert merged == {
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }
