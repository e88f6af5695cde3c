"""helm 3 and 4: the documentation's etherpad chart, versions, dependencies, plain host names."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.clients.charts import Helm, package
from tests.clients.raw import Login
from tests.clients.registry import Registry
from tests.clients.run import Home
from tests.deploy.chart import CHART, KUBERNETES

CHART_LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"


@pytest.fixture(params=["helm3", "helm4"])
def helm(request: pytest.FixtureRequest, home: Home, registry: Registry) -> Helm:
    tool = Helm(request.param, home, registry)
    tool.login(registry.owner)
    return tool


def test_helm_is_told_that_the_login_succeeded(helm: Helm) -> None:
    assert "Login Succeeded" in helm.login(helm.registry.owner)


def test_helm_with_a_wrong_password_is_told_why(helm: Helm) -> None:
    answer = helm.login_refused(Login(helm.registry.owner.name, "wrong"))

    assert "401" in answer
    assert "password" in answer


def test_helm_pulls_the_etherpad_chart_it_pushed(
    helm: Helm, repository: str, tmp_path: Path
) -> None:
    chart = package(helm, tmp_path)

    helm("push", helm.trust, str(chart), f"oci://{helm.registry}/{repository}")
    reference = f"oci://{helm.registry}/{repository}/etherpad"
    helm("pull", helm.trust, reference, "--version=0.0.4")

    assert (helm.home.folder / "etherpad-0.0.4.tgz").read_bytes() == chart.read_bytes()
    layers = helm.registry.document(f"{repository}/etherpad", "0.0.4")["layers"]
    assert [(layer["mediaType"], layer["digest"]) for layer in layers] == [
        (CHART_LAYER, f"sha256:{hashlib.sha256(chart.read_bytes()).hexdigest()}")
    ]


def test_helm_shows_and_renders_a_chart_in_the_registry(
    helm: Helm, repository: str, tmp_path: Path
) -> None:
    chart = package(helm, tmp_path)
    helm("push", helm.trust, str(chart), f"oci://{helm.registry}/{repository}")
    reference = f"oci://{helm.registry}/{repository}/etherpad"

    shown = helm("show", "chart", helm.trust, reference, "--version=0.0.4")
    rendered = helm("template", "pad", helm.trust, reference, "--set=title=Notes")

    assert "name: etherpad" in shown
    assert "version: 0.0.4" in shown
    assert "name: pad-etherpad" in rendered
    assert 'title: "Notes"' in rendered


def test_helm_finds_the_newest_version_that_fits(
    helm: Helm, repository: str, tmp_path: Path
) -> None:
    for version in ("0.0.4", "0.0.10", "1.0.0+b.1"):
        chart = package(helm, tmp_path / version, version)
        helm("push", helm.trust, str(chart), f"oci://{helm.registry}/{repository}")
    reference = f"oci://{helm.registry}/{repository}/etherpad"

    fitting = helm("show", "chart", helm.trust, reference, "--version=0.0.x")
    newest = helm("show", "chart", helm.trust, reference)

    assert "version: 0.0.10" in fitting
    assert "version: 1.0.0+b.1" in newest
    assert "1.0.0_b.1" in helm.registry.tags(f"{repository}/etherpad")


def test_helm_fetches_a_dependency_from_the_registry(
    helm: Helm, repository: str, tmp_path: Path
) -> None:
    chart = package(helm, tmp_path)
    helm("push", helm.trust, str(chart), f"oci://{helm.registry}/{repository}")
    office = tmp_path / "office"
    office.mkdir()
    source = f"oci://{helm.registry}/{repository}"
    (office / "Chart.yaml").write_text(
        "apiVersion: v2\nname: office\nversion: 1.0.0\ndependencies:\n"
        f"  - {{name: etherpad, version: 0.0.4, repository: '{source}'}}\n"
    )

    helm("dependency", "update", helm.trust, str(office))

    assert (office / "charts" / "etherpad-0.0.4.tgz").read_bytes() == chart.read_bytes()


def test_helm_pushes_to_the_bare_host_name_into_the_library(helm: Helm, tmp_path: Path) -> None:
    version = f"0.0.4+{helm.name}"
    chart = package(helm, tmp_path, version)

    helm("push", helm.trust, str(chart), f"oci://{helm.registry}")
    reference = f"oci://{helm.registry}/etherpad"
    helm("pull", helm.trust, reference, f"--version={version}")

    tag = version.replace("+", "_")
    layer = helm.registry.document("library/etherpad", tag)["layers"][0]["digest"]
    assert helm.registry.blob("library/etherpad", layer) == chart.read_bytes()
    assert (helm.home.folder / chart.name).read_bytes() == chart.read_bytes()


def test_helm_without_rights_to_the_library_reads_why_the_bare_host_name_fails(
    helm: Helm, tmp_path: Path
) -> None:
    chart = package(helm, tmp_path)
    helm.login(helm.registry.stranger)

    answer = helm.refused("push", helm.trust, str(chart), f"oci://{helm.registry}")

    assert "library" in answer


def test_helm_without_rights_to_an_organization_is_refused(
    helm: Helm, new_repository: Callable[[], str], tmp_path: Path
) -> None:
    chart = package(helm, tmp_path)
    helm.login(helm.registry.stranger)

    target = f"oci://{helm.registry}/{new_repository()}"
    answer = helm.refused("push", helm.trust, str(chart), target)

    assert "401" in answer or "denied" in answer.lower()


def test_the_chart_of_berth_is_rendered_from_a_berth_as_from_its_folder(
    helm: Helm, repository: str, tmp_path: Path
) -> None:
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["version"]
    helm("package", str(CHART), f"--destination={tmp_path}")
    helm(
        "push", helm.trust, f"{tmp_path}/berth-{version}.tgz", f"oci://{helm.registry}/{repository}"
    )
    options = ("--set=image.repository=registry.example.com/berth", f"--kube-version={KUBERNETES}")

    reference = f"oci://{helm.registry}/{repository}/berth"
    pulled = helm("template", "mine", helm.trust, reference, f"--version={version}", *options)

    assert pulled == helm("template", "mine", str(CHART), *options)
