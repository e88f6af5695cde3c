"""helm 3 and 4 with the classic repository of an organization: add, search, pull, install."""

from pathlib import Path

import pytest

from tests.clients.charts import Helm, package, write_chart
from tests.clients.cluster import pretended_cluster
from tests.clients.content import folder_content
from tests.clients.raw import Login
from tests.clients.registry import ORGANIZATION, PUBLIC_REPOSITORY, Registry
from tests.clients.run import Home


@pytest.fixture(params=["helm3", "helm4"])
def helm(request: pytest.FixtureRequest, home: Home, registry: Registry) -> Helm:
    tool = Helm(request.param, home, registry)
    tool.login(registry.owner)
    return tool


@pytest.fixture
def version(helm: Helm, repository: str) -> str:
    """A version that no other test pushes: all tests share the organization."""
    return f"0.0.4-{repository.rpartition('/')[2]}"


def test_helm_finds_and_pulls_what_was_pushed(
    helm: Helm, repository: str, version: str, tmp_path: Path
) -> None:
    chart = _push(helm, repository, version, tmp_path)
    _add(helm, helm.registry.owner)

    found = helm("search", "repo", "berth/etherpad", f"--version={version}")
    helm("pull", "berth/etherpad", f"--version={version}")

    assert f"berth/etherpad\t{version}" in found
    assert (helm.home.folder / chart.name).read_bytes() == chart.read_bytes()


def test_helm_finds_what_was_pushed_since_it_added_the_repository(
    helm: Helm, repository: str, version: str, tmp_path: Path
) -> None:
    _push(helm, repository, version, tmp_path / "first")
    _add(helm, helm.registry.owner)
    later = f"{version}.later"
    chart = _push(helm, repository, later, tmp_path / "second")

    helm("repo", "update")
    found = helm("search", "repo", "berth/etherpad", "--versions", "--devel")
    helm("pull", "berth/etherpad", f"--version={later}")

    assert {version, later} <= set(found.split())
    assert (helm.home.folder / chart.name).read_bytes() == chart.read_bytes()


def test_the_way_of_the_documentation_from_one_repository_to_another(
    helm: Helm, repository: str, version: str, tmp_path: Path
) -> None:
    _push(helm, repository, version, tmp_path)
    _add(helm, helm.registry.owner)
    target = f"oci://{helm.registry}/{repository}-copy"

    helm("repo", "update")
    helm("pull", "berth/etherpad", f"--version={version}", "--untar")
    helm("package", "./etherpad")
    helm("push", helm.trust, f"etherpad-{version}.tgz", target)
    helm("pull", helm.trust, f"{target}/etherpad", f"--version={version}", "--untar",
         f"--destination={tmp_path / 'copy'}")  # fmt: skip

    copied = folder_content(tmp_path / "copy" / "etherpad")
    assert copied == folder_content(helm.home.folder / "etherpad")


def test_helm_renders_and_installs_from_the_classic_repository(
    helm: Helm, repository: str, version: str, tmp_path: Path
) -> None:
    _push(helm, repository, version, tmp_path)
    _add(helm, helm.registry.owner)

    rendered = helm("template", "pad", "berth/etherpad", f"--version={version}")
    with pretended_cluster(tmp_path) as kubeconfig:
        installed = helm(
            "install", "pad", "berth/etherpad", f"--version={version}", "--dry-run=client",
            f"--kubeconfig={kubeconfig}", "--disable-openapi-validation",
        )  # fmt: skip

    assert "name: pad-etherpad" in rendered
    assert "name: pad-etherpad" in installed


def test_helm_fetches_a_dependency_from_the_classic_repository(
    helm: Helm, repository: str, version: str, tmp_path: Path
) -> None:
    chart = _push(helm, repository, version, tmp_path)
    _add(helm, helm.registry.owner)
    office = tmp_path / "office"
    office.mkdir()
    (office / "Chart.yaml").write_text(
        "apiVersion: v2\nname: office\nversion: 1.0.0\ndependencies:\n"
        f"  - {{name: etherpad, version: '{version}', repository: '{_address(helm)}'}}\n"
    )

    helm("dependency", "update", str(office))

    assert (office / "charts" / chart.name).read_bytes() == chart.read_bytes()


def test_helm_fetches_the_provenance_of_a_chart(
    helm: Helm, repository: str, version: str, tmp_path: Path
) -> None:
    chart = package(helm, tmp_path, version)
    Path(f"{chart}.prov").write_text("signed by nobody\n")
    helm("push", helm.trust, str(chart), f"oci://{helm.registry}/{repository}")
    _add(helm, helm.registry.owner)

    helm("pull", "berth/etherpad", f"--version={version}", "--prov")

    assert (helm.home.folder / f"{chart.name}.prov").read_text() == "signed by nobody\n"


def test_without_a_login_only_public_charts_are_there(
    helm: Helm, repository: str, version: str, tmp_path: Path
) -> None:
    _push(helm, repository, version, tmp_path / "private")
    organization, _, name = PUBLIC_REPOSITORY.partition("/")
    chart = write_chart(tmp_path, version)
    (chart / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name}\nversion: {version}\n")
    helm("package", str(chart), f"--destination={tmp_path}")
    archive = tmp_path / f"{name}-{version}.tgz"
    helm("push", helm.trust, str(archive), f"oci://{helm.registry}/{organization}")

    _add(helm, None)
    found = helm("search", "repo", "berth/", "--versions", "--devel")
    helm("pull", f"berth/{name}", f"--version={version}")

    assert f"berth/{name}\t{version}" in found
    assert f"berth/etherpad\t{version}" not in found
    assert (helm.home.folder / archive.name).read_bytes() == archive.read_bytes()


@pytest.mark.parametrize("login", [None, Login("harbourmaster", "wrong")], ids=["none", "wrong"])
def test_helm_without_the_right_login_cannot_add_a_private_repository(
    login: Login | None, helm: Helm
) -> None:
    answer = _refused(helm, login, "library")

    assert "401 Unauthorized" in answer


def test_a_stranger_finds_no_repository(helm: Helm) -> None:
    answer = _refused(helm, helm.registry.stranger, "library")

    assert "404 Not Found" in answer


def _push(helm: Helm, repository: str, version: str, folder: Path) -> Path:
    chart = package(helm, folder, version)
    helm("push", helm.trust, str(chart), f"oci://{helm.registry}/{repository}")
    return chart


def _add(helm: Helm, login: Login | None) -> None:
    helm("repo", "add", "berth", _address(helm), *_options(helm, login))


def _refused(helm: Helm, login: Login | None, organization: str) -> str:
    return helm.refused(
        "repo", "add", "berth", _address(helm, organization), *_options(helm, login)
    )


def _address(helm: Helm, organization: str = ORGANIZATION) -> str:
    return f"{helm.registry.url}/helm/{organization}"


def _options(helm: Helm, login: Login | None) -> list[str]:
    ca_file = helm.registry.ca_file
    trust = [f"--ca-file={ca_file}"] if ca_file else []
    return [
        *trust,
        *([f"--username={login.name}", f"--password={login.password}"] if login else []),
    ]
