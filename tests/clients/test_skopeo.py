"""skopeo: copy one image or all of an index, inspect, list tags, sync, delete."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.containers_tools import ContainersTool
from tests.clients.content import Image, image_index, write_layout
from tests.clients.registry import Registry
from tests.clients.run import Home


@pytest.fixture
def skopeo(home: Home, registry: Registry) -> ContainersTool:
    tool = ContainersTool("skopeo", home, registry)
    tool.login(registry.owner)
    return tool


def test_skopeo_copies_a_large_image_there_and_back_unchanged(
    skopeo: ContainersTool, repository: str, tmp_path: Path
) -> None:
    image = Image({"large": os.urandom(20_000_000)})
    name = f"docker://{skopeo.registry}/{repository}:v1"

    _push(skopeo, f"oci:{write_layout(tmp_path / 'out', image)}:v1", name)
    _pull(skopeo, name, f"dir:{tmp_path / 'back'}")

    back = {path.name: path.read_bytes() for path in (tmp_path / "back").iterdir()}
    assert back["manifest.json"] == image.manifest
    for part in (image.layer, image.config):
        assert part in back.values()


def test_skopeo_pushes_a_folder_it_pulled(
    skopeo: ContainersTool, new_repository: Callable[[], str], tmp_path: Path
) -> None:
    image = Image()
    first, second = new_repository(), new_repository()
    layout = write_layout(tmp_path / "out", image)
    _push(skopeo, f"oci:{layout}:v1", f"docker://{skopeo.registry}/{first}:v1")
    _pull(skopeo, f"docker://{skopeo.registry}/{first}:v1", f"dir:{tmp_path / 'back'}")

    _push(skopeo, f"dir:{tmp_path / 'back'}", f"docker://{skopeo.registry}/{second}:v1")

    assert skopeo.registry.manifest(second, "v1") == image.manifest


def test_skopeo_copies_every_image_of_an_index(
    skopeo: ContainersTool, new_repository: Callable[[], str], tmp_path: Path
) -> None:
    images = (Image(), Image(architecture="arm64"))
    first, second = new_repository(), new_repository()
    layout = write_layout(tmp_path / "out", *images)

    _push(skopeo, f"oci:{layout}:v1", f"docker://{skopeo.registry}/{first}:v1", "--all")
    copy = [f"docker://{skopeo.registry}/{name}:v1" for name in (first, second)]
    skopeo("copy", "--all", *skopeo.trust("src-"), *skopeo.trust("dest-"), *copy)

    for repository in (first, second):
        assert skopeo.registry.manifest(repository, "v1") == image_index(*images)
        for image in images:
            assert skopeo.registry.manifest(repository, image.digest) == image.manifest


def test_skopeo_inspects_an_image_and_lists_its_tags(
    skopeo: ContainersTool, repository: str, tmp_path: Path
) -> None:
    image = Image()
    layout = write_layout(tmp_path / "out", image)
    name = f"docker://{skopeo.registry}/{repository}"
    for tag in ("v1", "v2"):
        _push(skopeo, f"oci:{layout}:v1", f"{name}:{tag}")

    inspected = json.loads(skopeo("inspect", *skopeo.trust(), f"{name}:v1"))
    listed = json.loads(skopeo("list-tags", *skopeo.trust(), name))

    assert inspected["Digest"] == image.digest
    assert inspected["RepoTags"] == listed["Tags"] == ["v1", "v2"]


def test_skopeo_deletes_an_image(skopeo: ContainersTool, repository: str, tmp_path: Path) -> None:
    name = f"docker://{skopeo.registry}/{repository}:v1"
    _push(skopeo, f"oci:{write_layout(tmp_path / 'out', Image())}:v1", name)

    skopeo("delete", *skopeo.trust(), name)

    assert not skopeo.registry.has(repository, "v1")
    assert "manifest unknown" in skopeo.refused("inspect", *skopeo.trust(), name)


def test_skopeo_syncs_a_repository_to_a_folder_and_back(
    skopeo: ContainersTool, new_repository: Callable[[], str], tmp_path: Path
) -> None:
    images = {"v1": Image(), "v2": Image()}
    source, target = new_repository(), new_repository()
    for tag, image in images.items():
        layout = write_layout(tmp_path / tag, image)
        _push(skopeo, f"oci:{layout}:v1", f"docker://{skopeo.registry}/{source}:{tag}")

    whole = [f"{skopeo.registry}/{source}", str(tmp_path / "synced")]
    skopeo("sync", "--src=docker", "--dest=dir", *skopeo.trust("src-"), *whole)
    parts = [str(tmp_path / "synced"), f"{skopeo.registry}/{target}"]
    skopeo("sync", "--src=dir", "--dest=docker", *skopeo.trust("dest-"), *parts)

    synced = f"{target}/{source.rpartition('/')[2]}"
    assert skopeo.registry.tags(synced) == ["v1", "v2"]
    for tag, image in images.items():
        assert skopeo.registry.manifest(synced, tag) == image.manifest


def _push(skopeo: ContainersTool, source: str, name: str, *options: str) -> None:
    skopeo("copy", *options, *skopeo.trust("dest-"), source, name)


def _pull(skopeo: ContainersTool, name: str, target: str) -> None:
    skopeo("copy", *skopeo.trust("src-"), name, target)
