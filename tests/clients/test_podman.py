"""podman: login, build, push in each format, pull, manifest lists, mounts."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.containers_tools import ContainersTool
from tests.clients.content import Image, folder_content, write_layout
from tests.clients.raw import Login
from tests.clients.registry import Registry
from tests.clients.run import Home

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@pytest.fixture
def podman(home: Home, registry: Registry) -> ContainersTool:
    tool = ContainersTool("podman", home, registry)
    tool.login(registry.owner)
    return tool


def test_podman_is_told_that_it_is_logged_in_and_who_it_is(podman: ContainersTool) -> None:
    login = podman("login", "--get-login", podman.registry.host)

    assert login == podman.registry.owner.name


def test_podman_with_a_wrong_password_is_told_so(home: Home, registry: Registry) -> None:
    tool = ContainersTool("podman", home, registry)

    answer = tool.login_refused(Login(registry.owner.name, "wrong"))

    assert "invalid username/password" in answer


def test_podman_pulls_what_it_built_and_pushed(podman: ContainersTool, repository: str) -> None:
    files = Image().files
    name = f"{podman.registry}/{repository}:v1"
    _build(podman, name, files)

    pushed = _push(podman, name)
    podman("rmi", name)
    podman("pull", "--quiet", *podman.trust(), name)

    assert _files(podman, name) == files
    assert podman("image", "inspect", "--format={{.Digest}}", name) == pushed


@pytest.mark.parametrize("compression", ["zstd", "zstd:chunked"])
def test_podman_pulls_back_layers_it_pushed_as_zstd(
    podman: ContainersTool, repository: str, compression: str
) -> None:
    files = Image().files
    name = f"{podman.registry}/{repository}:zstd"
    _build(podman, name, files)

    _push(podman, name, f"--compression-format={compression}")
    podman("rmi", name)
    podman("pull", "--quiet", *podman.trust(), name)

    layers = podman.registry.document(repository, "zstd")["layers"]
    assert [layer["mediaType"] for layer in layers] == [
        "application/vnd.oci.image.layer.v1.tar+zstd"
    ]
    assert _files(podman, name) == files


def test_podman_pulls_back_what_it_pushed_as_docker_schema_2(
    podman: ContainersTool, repository: str
) -> None:
    files = Image().files
    name = f"{podman.registry}/{repository}:v2s2"
    _build(podman, name, files)

    pushed = _push(podman, name, "--format=v2s2")
    podman("rmi", name)
    podman("pull", "--quiet", *podman.trust(), name)

    assert podman.registry.document(repository, "v2s2")["mediaType"] == DOCKER_MANIFEST
    assert _files(podman, name) == files
    assert podman("image", "inspect", "--format={{.Digest}}", name) == pushed


def test_podman_pushes_a_manifest_list_with_all_its_images(
    podman: ContainersTool, repository: str, tmp_path: Path
) -> None:
    images = {"amd64": Image(), "arm64": Image(architecture="arm64")}
    name = f"{podman.registry}/{repository}:multi"
    podman("manifest", "create", name)
    for architecture, image in images.items():
        layout = write_layout(tmp_path / architecture, image)
        podman("manifest", "add", name, f"oci:{layout}:v1")

    podman("manifest", "push", "--all", *podman.trust(), name, f"docker://{name}")
    podman("manifest", "rm", name)

    for architecture, image in images.items():
        podman("pull", "--quiet", f"--arch={architecture}", *podman.trust(), name)
        assert _files(podman, name) == image.files
    listed = podman.registry.document(repository, "multi")["manifests"]
    assert {entry["platform"]["architecture"] for entry in listed} == set(images)


def test_podman_pushes_the_same_layers_to_a_second_repository(
    podman: ContainersTool, new_repository: Callable[[], str]
) -> None:
    files = Image().files
    first, second = (f"{podman.registry}/{new_repository()}:v1" for _ in range(2))
    _build(podman, first, files)
    podman("tag", first, second)

    assert _push(podman, first) == _push(podman, second)
    podman("rmi", first, second)
    podman("pull", "--quiet", *podman.trust(), second)

    assert _files(podman, second) == files


def _build(podman: ContainersTool, name: str, files: dict[str, bytes]) -> None:
    context = podman.home.folder / "context"
    (context / "files").mkdir(parents=True)
    for path, data in files.items():
        (context / "files" / path).write_bytes(data)
    (context / "Containerfile").write_text("FROM scratch\nCOPY files /\n")
    podman("build", "--quiet", "--isolation=chroot", f"--tag={name}", str(context))


def _push(podman: ContainersTool, name: str, *options: str) -> str:
    """Push; answer the digest that podman says it pushed."""
    digest_file = podman.home.folder / "digest"
    podman("push", "--quiet", *podman.trust(), f"--digestfile={digest_file}", *options, name)
    return digest_file.read_text().strip()


def _files(podman: ContainersTool, name: str) -> dict[str, bytes]:
    mounted = json.loads(podman("image", "mount", "--format=json", name))
    mounts = mounted if isinstance(mounted, list) else [mounted]
    return folder_content(Path(mounts[0]["mountpoint"]))
