"""Docker's own daemon: login, push, pull, mounts, and the words it shows when it may not."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.clients.content import Image, tar, untar
from tests.clients.daemons import dockerd_command, running
from tests.clients.offered import Pages, commands_on, person_at_a_shell, typed
from tests.clients.raw import Login
from tests.clients.registry import ORGANIZATION, PUBLIC_REPOSITORY, Registry
from tests.clients.run import Home, client

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass(frozen=True)
class Docker:
    """The command line, with a login of its own, and the daemon behind it.

    The daemon trusts every registry on this machine, so it needs no certificate.
    """

    home: Home
    socket: str
    registry: Registry

    def __call__(self, *arguments: str, stdin: str = "") -> str:
        return self.home.run(*self._command, *arguments, stdin=stdin)

    def refused(self, *arguments: str, stdin: str = "") -> str:
        return self.home.refused(*self._command, *arguments, stdin=stdin)

    def login(self, login: Login) -> str:
        return self(*self._login(login), stdin=login.password)

    def login_refused(self, login: Login) -> str:
        return self.refused(*self._login(login), stdin=login.password)

    def create(self, name: str) -> dict[str, bytes]:
        """Make an image with that name; answer the files in it."""
        files = Image().files
        (self.home.folder / "image.tar").write_bytes(tar(files))
        self("import", "image.tar", name)
        return files

    def files(self, name: str) -> dict[str, bytes]:
        """The files of the only layer of an image."""
        self("save", f"--output={self.home.folder}/saved.tar", name)
        saved = untar((self.home.folder / "saved.tar").read_bytes())
        (layer,) = json.loads(saved["manifest.json"])[0]["Layers"]
        return untar(saved[layer])

    @property
    def _command(self) -> list[str]:
        return [client("docker"), f"--host=unix://{self.socket}"]

    def _login(self, login: Login) -> list[str]:
        return ["login", f"--username={login.name}", "--password-stdin", self.registry.host]


@pytest.fixture(scope="session")
def docker_socket(short_folder: Callable[[], Home]) -> Iterator[str]:
    client("dockerd")
    home = short_folder()
    socket = home.folder / "socket"
    with running(dockerd_command(home.folder), home, socket):
        yield str(socket)


@pytest.fixture
def docker(home: Home, docker_socket: str, registry: Registry) -> Docker:
    tool = Docker(home, docker_socket, registry)
    tool.login(registry.owner)
    return tool


def test_docker_with_a_wrong_password_reads_the_registrys_own_words(docker: Docker) -> None:
    answer = docker.login_refused(Login(docker.registry.owner.name, "wrong"))

    assert "unauthorized" in answer
    assert "password" in answer


def test_docker_pulls_what_it_pushed(docker: Docker, repository: str) -> None:
    name = f"{docker.registry}/{repository}:v1"
    files = docker.create(name)

    docker("push", name)
    docker("rmi", name)
    docker("pull", name)

    assert docker.registry.document(repository, "v1")["mediaType"] == DOCKER_MANIFEST
    assert docker.files(name) == files


def test_docker_pushes_the_same_layers_to_a_second_repository(
    docker: Docker, new_repository: Callable[[], str]
) -> None:
    first, second = (f"{docker.registry}/{new_repository()}:v1" for _ in range(2))
    files = docker.create(first)
    docker("tag", first, second)
    docker("push", first)

    pushed = docker("push", second)
    docker("rmi", first, second)
    docker("pull", second)

    assert "Mounted from" in pushed
    assert docker.files(second) == files


def test_docker_pulls_every_tag_of_a_repository(docker: Docker, repository: str) -> None:
    name = f"{docker.registry}/{repository}"
    for tag in ("v1", "v2"):
        docker.create(f"{name}:{tag}")
        docker("push", f"{name}:{tag}")
        docker("rmi", f"{name}:{tag}")

    docker("pull", "--all-tags", name)

    tags = docker("images", "--format={{.Tag}}", name).split()
    assert sorted(tags) == ["v1", "v2"]


#: `docker manifest push` takes every registry on this machine for one without TLS.
@pytest.mark.parametrize("registry", ["http"], indirect=True)
def test_docker_pushes_a_manifest_list(docker: Docker, repository: str) -> None:
    name = f"{docker.registry}/{repository}"
    docker.create(f"{name}:one")
    docker("push", f"{name}:one")
    docker("manifest", "create", "--insecure", f"{name}:all", f"{name}:one")
    docker("manifest", "push", "--insecure", f"{name}:all")

    entries = docker.registry.document(repository, "all")["manifests"]
    assert len(entries) == 1
    assert docker.registry.has(repository, entries[0]["digest"])


def test_docker_pulls_a_public_image_without_a_login(docker: Docker) -> None:
    name = f"{docker.registry}/{PUBLIC_REPOSITORY}:docker"
    files = docker.create(name)
    docker("push", name)
    docker("rmi", name)

    docker("logout", docker.registry.host)
    docker("pull", name)

    assert docker.files(name) == files


def test_docker_without_rights_is_denied(docker: Docker, repository: str) -> None:
    name = f"{docker.registry}/{repository}:v1"
    docker.create(name)
    docker.login(docker.registry.stranger)

    answer = docker.refused("push", name)

    assert "denied" in answer


def test_docker_finds_repositories_by_a_part_of_their_names(
    docker: Docker, repository: str
) -> None:
    name = f"{docker.registry}/{repository}:v1"
    docker.create(name)
    docker("push", name)
    own = f"{docker.registry}/{repository.rpartition('/')[2]}"

    assert repository in docker("search", "--format={{.Name}}", own).split()
    docker("logout", docker.registry.host)
    assert repository not in docker("search", "--format={{.Name}}", own).split()
    found = docker("search", "--format={{.Name}}", f"{docker.registry}/public")
    assert PUBLIC_REPOSITORY in found.split()


def test_what_pages_offer_to_docker_logs_in_pushes_and_pulls(
    home: Home, docker_socket: str, registry: Registry
) -> None:
    path = f"{ORGANIZATION}/offered-to-docker"
    registry.server.manage("create_repository", path)
    pages = Pages(registry)
    pages.sign_in(registry.owner)
    shell = person_at_a_shell(home, {"docker": "docker"}, DOCKER_HOST=f"unix://{docker_socket}")
    (home.folder / "image.tar").write_bytes(tar(Image().files))
    typed(shell, "docker import image.tar image")

    login, *pushes = offered_to_docker(pages.page(path))
    answers = f"--username={registry.owner.name} --password-stdin"
    typed(shell, f"{login} {answers} <<<'{registry.owner.password}'")
    for command in pushes:
        typed(shell, command.replace("IMAGE", "image").replace(":TAG", ":v1"))
    typed(shell, "docker rmi image && docker rmi $(docker images --quiet)")
    pulls = offered_to_docker(pages.page(f"{path}/-/tags/v1"))

    assert [one.split()[:2] for one in pulls] == [["docker", "pull"]] * 2
    for command in pulls:
        typed(shell, command)


def test_what_the_page_of_a_robot_offers_to_docker_logs_it_in(
    home: Home, docker_socket: str, registry: Registry
) -> None:
    pages = Pages(registry)
    pages.sign_in(registry.owner)
    shell = person_at_a_shell(home, {"docker": "docker"}, DOCKER_HOST=f"unix://{docker_socket}")

    page = pages.post(f"{ORGANIZATION}/-/new-robot", name="docker", days="30")
    (command,) = (one for one in commands_on(page) if " | docker " in one)

    assert "Login Succeeded" in typed(shell, command)


def offered_to_docker(page: str) -> list[str]:
    return [one for one in commands_on(page) if one.startswith("docker ")]
