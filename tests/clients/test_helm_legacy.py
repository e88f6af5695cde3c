"""helm 3.5, with the experimental commands and the media types that Quay's documentation shows."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.clients.charts import Helm, write_chart
from tests.clients.content import folder_content, untar
from tests.clients.proxy import proxy_to
from tests.clients.raw import Login
from tests.clients.registry import Registry, populate
from tests.clients.run import Home, client
from tests.live import start_server

CONFIG = "application/vnd.cncf.helm.config.v1+json"
OLD_LAYER = "application/tar+gzip"
HOST_NAME = "registry.example.test"

over_http = pytest.mark.parametrize("registry", ["http"], indirect=True)


@dataclass(frozen=True)
class OldHelm:
    """helm 3.5. It has no options for what it trusts, and speaks HTTP with any ``localhost``."""

    home: Home
    registry: Registry

    def __call__(self, *arguments: str) -> str:
        return self.home.run(client("helm35"), *arguments)

    def refused(self, *arguments: str) -> str:
        return self.home.refused(client("helm35"), *arguments)

    def login(self, login: Login) -> str:
        command = [client("helm35"), "registry", "login", "--username", login.name]
        command += ["--password-stdin", self.registry.host]
        return self.home.said(*command, stdin=login.password)


@pytest.fixture
def old_helm(home: Home, registry: Registry) -> OldHelm:
    return _logged_in(home, registry)


@pytest.fixture(scope="module")
def named_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Registry, str]]:
    """A registry over HTTPS under a name of its own, and the proxy that leads to it."""
    server = start_server(
        tmp_path_factory.mktemp("named") / "data",
        tls=True,
        environment={"SERVER_HOSTNAME": HOST_NAME},
    )
    with proxy_to(int(server.host.rpartition(":")[2])) as proxy:
        yield replace(populate(server), host=HOST_NAME), proxy
    server.stop()


@pytest.fixture
def trusting_helm(home: Home, named_registry: tuple[Registry, str]) -> OldHelm:
    """On a system that trusts the registry's authority, as the documentation asks for."""
    registry, proxy = named_registry
    system = {"SSL_CERT_FILE": str(registry.ca_file), "https_proxy": proxy}
    return _logged_in(Home(home.folder, system), registry)


def test_the_documented_commands_over_https(
    trusting_helm: OldHelm, repository: str, tmp_path: Path
) -> None:
    _follow_the_documentation(trusting_helm, repository, tmp_path)


@over_http
def test_the_documented_commands_over_http(
    old_helm: OldHelm, repository: str, tmp_path: Path
) -> None:
    _follow_the_documentation(old_helm, repository, tmp_path)


@over_http
def test_what_the_old_helm_pushes_is_stored_with_its_own_types(
    old_helm: OldHelm, repository: str, tmp_path: Path
) -> None:
    _push(old_helm, repository, tmp_path)

    document = old_helm.registry.document(f"{repository}/etherpad", "0.0.4")

    assert document["config"]["mediaType"] == CONFIG
    assert [layer["mediaType"] for layer in document["layers"]] == [OLD_LAYER]
    archive = old_helm.registry.blob(f"{repository}/etherpad", document["layers"][0]["digest"])
    assert "etherpad/Chart.yaml" in untar(archive)


@over_http
@pytest.mark.parametrize("name", ["helm3", "helm4"])
def test_a_newer_helm_pulls_and_renders_what_the_old_one_pushed(
    name: str, old_helm: OldHelm, repository: str, tmp_path: Path
) -> None:
    _push(old_helm, repository, tmp_path)
    newer = Helm(name, old_helm.home, old_helm.registry)
    newer.login(newer.registry.owner)
    reference = f"oci://{newer.registry}/{repository}/etherpad"

    newer("pull", newer.trust, reference, "--version=0.0.4")
    rendered = newer("template", "pad", newer.trust, reference, "--set=title=Notes")

    layer = newer.registry.document(f"{repository}/etherpad", "0.0.4")["layers"][0]
    pulled = (newer.home.folder / "etherpad-0.0.4.tgz").read_bytes()
    assert layer["digest"] == f"sha256:{hashlib.sha256(pulled).hexdigest()}"
    assert 'title: "Notes"' in rendered


def test_the_old_helm_finds_its_chart_in_the_classic_repository(
    old_helm: OldHelm, repository: str, tmp_path: Path
) -> None:
    newer = Helm("helm3", old_helm.home, old_helm.registry)
    newer.login(newer.registry.owner)
    write_chart(tmp_path, f"1.0.0-{repository.replace('/', '-')}")
    newer("package", str(tmp_path / "etherpad"), f"--destination={tmp_path}")
    (archive,) = tmp_path.glob("*.tgz")
    newer("push", newer.trust, str(archive), f"oci://{newer.registry}/{repository}")
    version = archive.stem.removeprefix("etherpad-")
    registry, organization = old_helm.registry, repository.partition("/")[0]
    trust = [f"--ca-file={registry.ca_file}"] if registry.ca_file else []
    owner = [f"--username={registry.owner.name}", f"--password={registry.owner.password}"]

    old_helm("repo", "add", "berth", f"{registry.url}/helm/{organization}", *owner, *trust)
    found = old_helm("search", "repo", "berth/etherpad", f"--version={version}")
    old_helm("pull", "berth/etherpad", f"--version={version}")

    assert version in found
    assert (old_helm.home.folder / archive.name).read_bytes() == archive.read_bytes()


@over_http
def test_the_old_helm_without_rights_is_refused(
    old_helm: OldHelm, repository: str, tmp_path: Path
) -> None:
    old_helm.login(old_helm.registry.stranger)
    reference = f"{old_helm.registry}/{repository}/etherpad:0.0.4"
    old_helm("chart", "save", str(write_chart(tmp_path)), reference)

    answer = old_helm.refused("chart", "push", reference)

    assert "insufficient_scope" in answer or "401" in answer


def _logged_in(home: Home, registry: Registry) -> OldHelm:
    experimental = Home(home.folder, {**home.extra, "HELM_EXPERIMENTAL_OCI": "1"})
    tool = OldHelm(experimental, registry)
    assert "Login succeeded" in tool.login(registry.owner)
    return tool


def _follow_the_documentation(helm: OldHelm, repository: str, folder: Path) -> None:
    source = write_chart(folder)
    reference = f"{helm.registry}/{repository}/etherpad:0.0.4"

    assert "0.0.4: saved" in helm("chart", "save", str(source), reference)
    assert "etherpad" in helm("chart", "list")
    assert "0.0.4: pushed to remote (1 layer" in helm("chart", "push", reference)
    helm("chart", "remove", reference)
    assert "etherpad" not in helm("chart", "list")
    assert "Downloaded newer chart" in helm("chart", "pull", reference)
    helm("chart", "export", reference, f"--destination={folder / 'exported'}")

    exported = folder_content(folder / "exported" / "etherpad")
    template = "templates/configmap.yaml"
    assert exported[template] == (source / template).read_bytes()
    assert b"name: etherpad" in exported["Chart.yaml"]


def _push(helm: OldHelm, repository: str, folder: Path) -> None:
    reference = f"{helm.registry}/{repository}/etherpad:0.0.4"
    helm("chart", "save", str(write_chart(folder)), reference)
    helm("chart", "push", reference)
