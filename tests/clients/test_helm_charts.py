"""helm 3 and 4 with what belongs to a chart: its provenance, its dependencies, a cluster."""

from pathlib import Path

import pytest

from tests.clients.charts import Helm, package, write_chart
from tests.clients.cluster import pretended_cluster
from tests.clients.registry import Registry
from tests.clients.run import Home, client

PROVENANCE = "application/vnd.cncf.helm.chart.provenance.v1.prov"
SIGNER = "pad@example.com"


@pytest.fixture(params=["helm3", "helm4"])
def helm(request: pytest.FixtureRequest, home: Home, registry: Registry) -> Helm:
    tool = Helm(request.param, home, registry)
    tool.login(registry.owner)
    return tool


def test_helm_verifies_the_provenance_of_a_chart_it_pulls(
    helm: Helm, repository: str, tmp_path: Path
) -> None:
    keyring = _keyring(helm.home)
    signed = ["--sign", f"--key={SIGNER}", f"--keyring={keyring}"]
    helm("package", str(write_chart(tmp_path)), f"--destination={tmp_path}", *signed)
    chart = tmp_path / "etherpad-0.0.4.tgz"

    helm("push", helm.trust, str(chart), f"oci://{helm.registry}/{repository}")
    reference = f"oci://{helm.registry}/{repository}/etherpad"
    verified = helm.home.said(
        client(helm.name), "pull", helm.trust, reference, "--version=0.0.4", "--verify",
        f"--keyring={keyring}",
    )  # fmt: skip

    assert SIGNER in verified
    pulled = helm.home.folder / f"{chart.name}.prov"
    assert pulled.read_bytes() == Path(f"{chart}.prov").read_bytes()
    layers = helm.registry.document(f"{repository}/etherpad", "0.0.4")["layers"]
    assert PROVENANCE in [layer["mediaType"] for layer in layers]


def test_helm_installs_a_chart_as_a_trial(helm: Helm, repository: str, tmp_path: Path) -> None:
    chart = package(helm, tmp_path)
    helm("push", helm.trust, str(chart), f"oci://{helm.registry}/{repository}")
    reference = f"oci://{helm.registry}/{repository}/etherpad"

    with pretended_cluster(tmp_path) as kubeconfig:
        said = helm(
            "install", "pad", helm.trust, reference, "--version=0.0.4", "--dry-run=client",
            f"--kubeconfig={kubeconfig}", "--set=title=Notes", "--disable-openapi-validation",
        )  # fmt: skip

    assert "name: pad-etherpad" in said
    assert 'title: "Notes"' in said


def test_helm_shows_values_and_readme_of_a_chart_in_the_registry(
    helm: Helm, repository: str, tmp_path: Path
) -> None:
    source = write_chart(tmp_path)
    (source / "README.md").write_text("# A pad for everybody\n")
    helm("package", str(source), f"--destination={tmp_path}")
    chart = tmp_path / "etherpad-0.0.4.tgz"
    helm("push", helm.trust, str(chart), f"oci://{helm.registry}/{repository}")
    reference = f"oci://{helm.registry}/{repository}/etherpad"

    shown = helm("show", "all", helm.trust, reference, "--version=0.0.4")

    assert "title: Welcome" in shown
    assert "# A pad for everybody" in shown


def test_helm_resolves_a_range_of_a_dependency_and_packages_it(
    helm: Helm, repository: str, tmp_path: Path
) -> None:
    for version in ("0.0.4", "0.1.3", "0.2.0"):
        chart = package(helm, tmp_path / version, version)
        helm("push", helm.trust, str(chart), f"oci://{helm.registry}/{repository}")
    office = tmp_path / "office"
    office.mkdir()
    source = f"oci://{helm.registry}/{repository}"
    (office / "Chart.yaml").write_text(
        "apiVersion: v2\nname: office\nversion: 1.0.0\ndependencies:\n"
        f"  - {{name: etherpad, version: 0.1.x, repository: '{source}'}}\n"
    )

    helm("dependency", "update", helm.trust, str(office))
    helm("package", str(office), f"--destination={tmp_path}")
    helm("push", helm.trust, str(tmp_path / "office-1.0.0.tgz"), source)

    shown = helm("show", "chart", helm.trust, f"{source}/office", "--version=1.0.0")
    assert (office / "charts" / "etherpad-0.1.3.tgz").exists()
    assert "0.1.x" in shown


def _keyring(home: Home) -> Path:
    """A key to sign with, in the form of files that helm reads."""
    gpg = [client("gpg"), "--batch", "--passphrase", "", "--pinentry-mode", "loopback"]
    home.run(*gpg, "--quick-generate-key", SIGNER, "rsa2048", "sign", "never")
    keyring = home.folder / "keyring.gpg"
    home.run(*gpg, "--output", keyring, "--export-secret-keys", SIGNER)
    home.run("gpgconf", "--kill", "all")
    return keyring
