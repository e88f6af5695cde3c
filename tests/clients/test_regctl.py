"""regctl: chunked blobs, artifacts and their referrers, images, tags."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.content import Image, digest, folder_content, write_layout
from tests.clients.raw import Login
from tests.clients.registry import Registry
from tests.clients.run import Home, client

CHUNK_BYTES = 100_000
NOTE = "application/vnd.example.note"


@dataclass(frozen=True)
class Regctl:
    """regctl, told how to reach the registry."""

    home: Home
    registry: Registry

    def __call__(self, *arguments: str, stdin: str = "") -> str:
        return self.home.run(client("regctl"), *arguments, stdin=stdin)

    def refused(self, *arguments: str, stdin: str = "") -> str:
        return self.home.refused(client("regctl"), *arguments, stdin=stdin)

    def configure(self) -> None:
        """Uploads of more than one chunk's size go in chunks."""
        ca_file = self.registry.ca_file
        trust = f"--cacert={ca_file.read_text()}" if ca_file else "--tls=disabled"
        chunks = [f"--blob-chunk={CHUNK_BYTES}", f"--blob-max={CHUNK_BYTES}"]
        self("registry", "set", "--skip-check", trust, *chunks, self.registry.host)

    def login(self, login: Login) -> str:
        return self(*self._login(login), stdin=login.password)

    def login_refused(self, login: Login) -> str:
        return self.refused(*self._login(login), stdin=login.password)

    def _login(self, login: Login) -> list[str]:
        return ["registry", "login", self.registry.host, f"--user={login.name}", "--pass-stdin"]


@pytest.fixture
def regctl(home: Home, registry: Registry) -> Regctl:
    tool = Regctl(home, registry)
    tool.configure()
    tool.login(registry.owner)
    return tool


def test_regctl_with_a_wrong_password_is_told_so(regctl: Regctl) -> None:
    answer = regctl.login_refused(Login(regctl.registry.owner.name, "wrong"))

    assert "401" in answer or "unauthorized" in answer


def test_regctl_gets_back_the_blob_it_put_in_chunks(regctl: Regctl, repository: str) -> None:
    text = "0123456789" * (CHUNK_BYTES // 3) + repository
    name = f"{regctl.registry}/{repository}"

    put = regctl("blob", "put", name, stdin=text)

    assert put == digest(text.encode())
    assert regctl.registry.blob(repository, put) == text.encode()
    assert regctl("blob", "get", name, put) == text


def test_regctl_copies_an_image_with_large_layers_there_and_back(
    regctl: Regctl, repository: str, tmp_path: Path
) -> None:
    layout = write_layout(tmp_path / "out", Image())
    name = f"{regctl.registry}/{repository}:v1"

    regctl("image", "copy", f"ocidir://{layout}:v1", name)
    regctl("image", "copy", name, f"ocidir://{tmp_path}/back:v1")

    assert folder_content(tmp_path / "back" / "blobs") == folder_content(layout / "blobs")


def test_regctl_finds_the_artifacts_that_refer_to_an_image(regctl: Regctl, repository: str) -> None:
    image = regctl.registry.push(repository, "v1", Image())
    name = f"{regctl.registry}/{repository}:v1"
    put = ["artifact", "put", f"--subject={name}", f"--artifact-type={NOTE}"]

    regctl(*put, stdin="looks good")

    (referrer,) = regctl.registry.referrers(repository, image.digest)
    assert referrer["artifactType"] == NOTE
    assert (
        regctl("artifact", "list", name, "--format={{range .Descriptors}}{{.Digest}}{{end}}")
        == (referrer["digest"])
    )
    assert referrer["digest"] in regctl("artifact", "tree", name)
    assert regctl("artifact", "get", f"--subject={name}") == "looks good"
    assert regctl("tag", "ls", name) == "v1"


def test_regctl_copies_an_image_with_its_referrers(
    regctl: Regctl, new_repository: Callable[[], str]
) -> None:
    first, second = new_repository(), new_repository()
    image = regctl.registry.push(first, "v1", Image())
    name = f"{regctl.registry}/{first}:v1"
    put = ["artifact", "put", f"--subject={name}", f"--artifact-type={NOTE}"]
    regctl(*put, stdin="looks good")

    regctl("image", "copy", "--referrers", name, f"{regctl.registry}/{second}:v1")

    assert regctl.registry.manifest(second, "v1") == image.manifest
    assert regctl.registry.blob(second, digest(image.layer)) == image.layer
    assert [entry["artifactType"] for entry in regctl.registry.referrers(second, image.digest)] == [
        NOTE
    ]


def test_regctl_deletes_a_tag_and_then_a_manifest(regctl: Regctl, repository: str) -> None:
    image = regctl.registry.push(repository, "v1", Image())
    regctl.registry.push(repository, "v2", image)
    name = f"{regctl.registry}/{repository}"

    regctl("tag", "delete", f"{name}:v1")
    assert regctl("tag", "ls", name) == "v2"
    regctl("manifest", "delete", f"{name}@{image.digest}")

    assert not regctl.registry.has(repository, image.digest)


def test_regctl_lists_the_repositories(regctl: Regctl, repository: str) -> None:
    regctl.registry.push(repository, "v1", Image())

    assert repository in regctl("repo", "ls", regctl.registry.host).split()
