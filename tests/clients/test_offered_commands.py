"""Each command that a page offers does what it is offered for, typed as it stands there.

Docker's are tried in ``test_docker.py``; only what the machines of the tests lack is left out.
"""

import base64
import itertools
import json
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.clients.charts import Helm, package
from tests.clients.cluster import pretended_cluster
from tests.clients.content import Image, digest, image_index, write_layout
from tests.clients.offered import (
    TOOLS,
    Pages,
    commands_on,
    document_on,
    logged_in,
    person_at_a_shell,
    typed,
    typed_with_password,
)
from tests.clients.registry import ORGANIZATION, PUBLIC_REPOSITORY, Registry
from tests.clients.run import Home
from ui.commands import cosign, push
from ui.commands.address import Registry as Offered

LEFT_OUT: Final = ("docker ",)
KUBERNETES: Final = "/api/v1/namespaces/default"
SBOM: Final = {"spdxVersion": "SPDX-2.3", "name": "crane", "packages": []}
_numbers = itertools.count(1)


@pytest.fixture
def pages(registry: Registry) -> Pages:
    """The owner's."""
    pages = Pages(registry)
    pages.sign_in(registry.owner)
    return pages


@pytest.fixture
def somebody(trusting_home: Home) -> Home:
    """Has the tools, and is logged in with none of them."""
    return person_at_a_shell(trusting_home, COSIGN_PASSWORD="")


@pytest.fixture
def user(somebody: Home, registry: Registry) -> Home:
    return logged_in(somebody, registry, registry.owner)


def runnable(commands: list[str]) -> Iterator[str]:
    """Those of tools; the rest on a page are names and digests.

    To sign needs a key first: the page of keys offers both, and is tried by itself.
    """
    tools = tuple(f"{tool} " for tool in TOOLS)
    return (one for one in commands if one.startswith(tools) and "cosign sign " not in one)


def tools_of(commands: list[str]) -> set[str]:
    return {one.split()[0] for one in commands if " " in one}


def image_at(registry: Registry, repository: str, tag: str = "v1") -> Image:
    return registry.push(repository, tag, Image())


def test_what_the_page_of_an_image_offers_fetches_it(
    registry: Registry, user: Home, pages: Pages, repository: str
) -> None:
    image_at(registry, repository)

    commands = commands_on(pages.page(f"{repository}/-/tags/v1"))

    assert tools_of(commands) == {"podman", "docker", "skopeo", "crane", "cosign"}
    for command in runnable(commands):
        typed(user, command)


def test_what_the_page_of_an_index_offers_fetches_it(
    registry: Registry, user: Home, pages: Pages, tmp_path: Path
) -> None:
    images = (Image(), Image(architecture="arm64"))
    http = "" if registry.has_tls else "--insecure"
    name = f"{registry}/{PUBLIC_REPOSITORY}"
    layout = write_layout(tmp_path / "out", *images)
    typed(user, f"crane push --index {http} {layout} {name}:nested")
    typed(user, f"crane tag {http} {name}@{digest(image_index(*images))} both")

    commands = commands_on(pages.page(f"{PUBLIC_REPOSITORY}/-/tags/both"))

    assert any(" --all " in one for one in commands)
    for command in runnable(commands):
        typed(user, command)


def test_what_the_page_of_a_chart_offers_fetches_it(
    registry: Registry, user: Home, pages: Pages, tmp_path: Path
) -> None:
    helm = Helm("helm4", user, registry)
    registry.server.manage("create_repository", f"{ORGANIZATION}/etherpad", "--public")
    chart = package(helm, tmp_path, "7.7.7")
    helm("push", helm.trust, str(chart), f"oci://{registry}/{ORGANIZATION}")

    commands = commands_on(pages.page(f"{ORGANIZATION}/etherpad/-/tags/7.7.7"))

    assert {one.split()[1] for one in runnable(commands)} >= {"pull", "install", "show", "repo"}
    with pretended_cluster(tmp_path) as cluster:
        trial = f" --kubeconfig={cluster} --dry-run=client --disable-openapi-validation"
        for command in runnable(commands):
            typed(user, command + (trial if " install " in command else ""))


FILES: Final = {
    "with names": "notes.txt:text/plain",
    "with and without": "notes.txt:text/plain bare:application/x-bare",
    "without names": "",
}


@pytest.mark.parametrize("files", FILES)
def test_what_the_page_of_an_artifact_offers_fetches_it(
    registry: Registry, user: Home, pages: Pages, repository: str, files: str
) -> None:
    for name in ("notes.txt", "bare"):
        (user.folder / name).write_text(f"{name} of {repository}")
    http = Offered(registry.url).option("oras")
    where = f"--artifact-type application/x-notes {registry}/{repository}:v1"
    typed(user, f"oras push{http} {where} {FILES[files]}")

    commands = commands_on(pages.page(f"{repository}/-/tags/v1"))

    assert {"pull", "copy", "manifest"} >= {one.split()[1] for one in runnable(commands)}
    for name in ("notes.txt", "bare"):
        (user.folder / name).unlink()
    for command in runnable(commands):
        typed(user, command)
    assert (user.folder / "notes.txt").exists() is bool(FILES[files])


def test_what_the_pages_of_an_sbom_and_of_its_image_offer_finds_it(
    registry: Registry, user: Home, pages: Pages, repository: str
) -> None:
    image = image_at(registry, repository)
    (user.folder / "sbom.spdx.json").write_text(json.dumps(SBOM))
    http = Offered(registry.url).option("oras")
    said = typed(
        user,
        f"oras attach{http} --artifact-type application/spdx+json --format go-template="
        f"{{{{.digest}}}} {registry}/{repository}:v1 sbom.spdx.json:application/spdx+json",
    )
    attached = said.strip().splitlines()[-1]
    (user.folder / "sbom.spdx.json").unlink()

    of_image = commands_on(pages.page(f"{repository}/-/tags/v1"))
    of_sbom = commands_on(pages.page(f"{repository}/-/manifests/{attached}"))

    (discovery,) = (one for one in of_image if one.startswith("oras discover"))
    assert attached in typed(user, discovery)
    assert image.digest in discovery
    for command in runnable(of_sbom):
        typed(user, command)
    assert json.loads((user.folder / "sbom.spdx.json").read_text()) == SBOM


@pytest.fixture
def signed(
    registry: Registry, user: Home, pages: Pages, repository: str
) -> tuple[Image, list[str]]:
    """An image that was signed and attested as the pages say, and its page's commands."""
    image = image_at(registry, repository)
    make_keys, sign, _ = commands_on(pages.page(f"{ORGANIZATION}/-/keys"))[-3:]
    typed(user, make_keys)
    public = (user.folder / "cosign.pub").read_text()
    pages.post(f"{ORGANIZATION}/-/keys", name=f"key-{next(_numbers)}", pem=public)
    of_page = commands_on(pages.page(f"{repository}/-/signatures"))
    (command,) = (one for one in of_page if one.startswith("cosign sign"))
    assert sign.split()[:-1] == command.split()[:-1]
    typed(user, f"{command} --yes")
    (user.folder / "statement").write_text(json.dumps({"packages": 7}))
    attest = command.replace("cosign sign", "cosign attest --predicate statement --type custom")
    typed(user, f"{attest} --yes")
    return image, commands_on(pages.page(f"{repository}/-/tags/v1"))


def test_what_the_page_of_a_signed_image_offers_verifies_it(
    registry: Registry,
    user: Home,
    pages: Pages,
    repository: str,
    signed: tuple[Image, list[str]],
) -> None:
    _, commands = signed
    verifications = [one for one in commands if one.startswith("cosign verify")]
    download = _public_key_of(pages, repository)
    for name in {_file_of_key(one) for one in verifications}:
        (user.folder / name).write_text(download)

    said = [typed(user, command) for command in verifications]

    assert {one.split()[1] for one in verifications} == {"verify", "verify-attestation"}
    assert all("validated" in one or "verified" in one for one in said)


def test_what_the_pages_of_signatures_offer_fetches_them(
    registry: Registry,
    user: Home,
    pages: Pages,
    repository: str,
    signed: tuple[Image, list[str]],
) -> None:
    image, _ = signed
    attached = registry.referrers(repository, image.digest)

    assert len(attached) == 2
    for one in attached:
        commands = commands_on(pages.page(f"{repository}/-/manifests/{one['digest']}"))
        assert any(command.startswith("oras copy") for command in commands)
        for command in runnable(commands):
            typed(user, command)


def test_what_the_page_of_keys_offers_verifies_what_it_signed(
    registry: Registry, user: Home, pages: Pages, repository: str
) -> None:
    image = image_at(registry, repository)
    commands = commands_on(pages.page(f"{ORGANIZATION}/-/keys"))[-3:]

    assert [one.split()[1] for one in commands] == ["generate-key-pair", "sign", "verify"]
    for command in commands:
        reference = command.split()[-1]
        filled = command.replace(reference, f"{registry}/{repository}@{image.digest}")
        typed(user, command if command == cosign.MAKE_KEYS else f"{filled} {_yes(command)}")


def test_what_an_empty_repository_offers_fills_it(
    registry: Registry, somebody: Home, pages: Pages, repository: str, tmp_path: Path
) -> None:
    path = f"{ORGANIZATION}/etherpad-{next(_numbers)}"
    registry.server.manage("create_repository", path)
    helm = Helm("helm4", somebody, registry)
    chart = _package_named(helm, tmp_path, path.rpartition("/")[2])
    chart.rename(somebody.folder / chart.name)

    _push_with_all(registry, somebody, commands_on(pages.page(path)))

    assert sorted(registry.tags(path)) == ["0.1.0", "by-oras", "by-podman"]


def test_what_an_organization_offers_makes_repositories(
    registry: Registry, somebody: Home, tmp_path: Path
) -> None:
    organization = f"quay-{next(_numbers)}{'s' if registry.has_tls else ''}"
    registry.make_organization(organization)
    helm = Helm("helm4", somebody, registry)
    chart = package(helm, tmp_path, "0.1.0")
    chart.rename(somebody.folder / "CHART-0.1.0.tgz")
    source = f"{organization}/source"
    image_at(registry, source)
    pages = Pages(registry)
    pages.sign_in(registry.owner)

    commands = commands_on(pages.page(organization))
    _push_with_all(registry, somebody, commands, source=f"{registry}/{source}:v1")

    pushed = [
        (name, tag)
        for name in ("etherpad", "image", "name")
        for tag in sorted(registry.tags(f"{organization}/{name}"))
    ]
    assert pushed == [
        ("etherpad", "0.1.0"),
        ("image", "by-podman"),
        ("image", "by-skopeo"),
        ("name", "by-oras"),
    ]


def test_what_a_first_start_offers_pushes(
    registry: Registry, user: Home, repository: str, tmp_path: Path
) -> None:
    _make_image(user)
    chart = package(Helm("helm4", user, registry), tmp_path, "0.1.0")
    offered = Offered(registry.url)

    typed(user, push.push_image(offered, f"{repository}:v1", "localhost/image:latest"))
    typed(user, push.push_chart(offered, str(chart), repository))

    assert registry.has(repository, "v1")
    assert registry.has(f"{repository}/etherpad", "0.1.0")


def test_each_login_that_the_page_of_a_robot_offers_lets_it_in(
    registry: Registry, somebody: Home, pages: Pages
) -> None:
    """Right after its token was made, with the token in the commands."""
    page = pages.post(f"{ORGANIZATION}/-/new-robot", name=f"r{next(_numbers)}", days="30")

    logins = [one for one in commands_on(page) if one.startswith("echo ")]

    assert {one.split(" | ")[1].split()[0] for one in logins} == {*TOOLS, "docker"} - {
        "crane",
        "kubectl",
    }
    for command in logins:
        if " | docker " not in command:
            typed(somebody, command)


def test_each_login_that_the_page_of_a_robot_offers_later_takes_a_variable(
    registry: Registry, somebody: Home, pages: Pages
) -> None:
    robot = Home(somebody.folder, {**somebody.extra, "BERTH_TOKEN": registry.robot.password})
    name = registry.robot.name.partition("+")[2]

    commands = commands_on(pages.page(f"{ORGANIZATION}/-/robots/{name}"))

    logins = [one for one in commands if one.startswith("echo ") and " | docker " not in one]
    assert len(logins) == 5
    for command in logins:
        typed(robot, command)


def test_the_documents_that_the_page_of_a_robot_offers_log_it_in(
    registry: Registry, trusting_home: Home, pages: Pages, repository: str
) -> None:
    image_at(registry, repository)
    short_name = f"r{next(_numbers)}"
    page = pages.post(f"{ORGANIZATION}/-/new-robot", name=short_name, days="30")
    robot = f"{ORGANIZATION}+{short_name}"
    registry.server.manage("grant", "read", repository, "--robot", robot)
    home = person_at_a_shell(trusting_home)
    account: dict[str, Any] = {"apiVersion": "v1", "kind": "ServiceAccount"}
    account["metadata"] = {"name": "default", "namespace": "default"}
    cluster = {f"{KUBERNETES}/serviceaccounts/default": account}

    secret_name = f"{ORGANIZATION}-{short_name}"
    (home.folder / f"{secret_name}.yaml").write_text(document_on(page, "kubernetes-text"))
    with pretended_cluster(home.folder, cluster) as config:
        at_the_cluster = Home(home.folder, {**home.extra, "KUBECONFIG": str(config)})
        for command in commands_on(page):
            if command.startswith("kubectl "):
                checked = " --validate=false" if " apply " in command else ""
                typed(at_the_cluster, command + checked)

    secret = cluster[f"{KUBERNETES}/secrets/{secret_name}"]
    assert account["imagePullSecrets"] == [{"name": secret_name}]
    for document in (
        base64.b64decode(secret["data"][".dockerconfigjson"]).decode(),
        document_on(page, "config-text"),
    ):
        _pulls_with(home, document, registry, repository)


def test_the_secret_that_is_offered_without_the_token_logs_a_robot_in(
    registry: Registry, trusting_home: Home, pages: Pages
) -> None:
    image_at(registry, PUBLIC_REPOSITORY)
    home = person_at_a_shell(trusting_home, BERTH_TOKEN=registry.robot.password)
    name = registry.robot.name.partition("+")[2]
    page = pages.page(f"{ORGANIZATION}/-/robots/{name}")

    (command,) = (one for one in commands_on(page) if one.startswith("kubectl create"))
    said = typed(home, f"{command} --dry-run=client --output=json")

    document = base64.b64decode(json.loads(said)["data"][".dockerconfigjson"]).decode()
    _pulls_with(home, document, registry, PUBLIC_REPOSITORY)


def test_each_login_that_the_page_of_tokens_offers_takes_the_token(
    registry: Registry, somebody: Home, pages: Pages
) -> None:
    page = pages.post("settings/tokens", title="a test", scope="write", days="30")
    commands = commands_on(page)
    token = next(one for one in commands if one.startswith("berth_"))

    logins = [one for one in commands if " login" in one and not one.startswith(LEFT_OUT)]

    assert {one.split()[0] for one in logins} == {"podman", "helm", "oras"}
    for command in logins:
        assert "ucce" in typed_with_password(somebody, command, token)


def _push_with_all(
    registry: Registry, somebody: Home, commands: list[str], source: str = ""
) -> None:
    """Log in and push with each tool that a page names, with names in the place of ``IMAGE``."""
    _make_image(somebody)
    (somebody.folder / "FILE").write_text("a file")
    for command in runnable(commands):
        tool = command.split()[0]
        if " login " in command:
            user = f"--username={registry.owner.name}"
            line = f"{command} {user} --password-stdin <<<'{registry.owner.password}'"
        else:
            line = (
                command.replace("/IMAGE", "/image")
                .replace("/NAME", "/name")
                .replace(":TAG", f":by-{tool}")
                .replace("SOURCE", f"{source} --src-tls-verify={str(registry.has_tls).lower()}")
            )
        typed(somebody, line)


def _make_image(home: Home) -> None:
    """As ``localhost/image``."""
    (home.folder / "one").write_text("a file of an image")
    typed(home, "tar --create --file one.tar one && podman import one.tar localhost/image")


def _package_named(helm: Helm, folder: Path, name: str) -> Path:
    source = folder / name
    (source / "templates").mkdir(parents=True)
    (source / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name}\nversion: 0.1.0\n")
    helm("package", str(source), "--destination", str(folder))
    return folder / f"{name}-0.1.0.tgz"


def _pulls_with(home: Home, document: str, registry: Registry, repository: str) -> None:
    folder = home.folder / f"docker-{next(_numbers)}"
    folder.mkdir()
    (folder / "config.json").write_text(document)
    reader = Home(home.folder, {**home.extra, "DOCKER_CONFIG": str(folder)})
    http = "" if registry.has_tls else "--insecure"
    typed(reader, f"crane manifest {http} {registry}/{repository}:v1")


def _public_key_of(pages: Pages, repository: str) -> str:
    page = pages.page(f"{repository}/-/tags/v1")
    _, _, rest = page.partition(f'href="/{repository}/-/keys/')
    fingerprint = rest.partition('"')[0]
    return pages.page(f"{repository}/-/keys/{urllib.parse.quote(fingerprint)}")


def _file_of_key(command: str) -> str:
    words = command.split()
    return words[words.index("--key") + 1]


def _yes(command: str) -> str:
    return "--yes" if command.startswith("cosign sign") else ""
