"""Red Hat Quay's documentation on OCI content, command by command, with only the host name changed.

The commands are what the documentation prints, run by a shell over TLS on a system that trusts the
registry's authority. Two things differ: the public chart repository is one of ours, because tests
stay on this machine, and names and passwords come from standard input.
"""

import base64
import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.cluster import pretended_cluster
from tests.clients.content import digest
from tests.clients.registry import Registry
from tests.clients.run import Home, client

STORAGE = """\
[storage]
driver = "vfs"
graphroot = "{folder}/graph"
runroot = "{folder}/run"
"""
CONTAINERS = """\
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
LOGIN = '--username $NAME --password "$PASSWORD"'
DOCKERFILE = "FROM scratch\nCOPY hello /\n"


@dataclass(frozen=True)
class Shell:
    """A person's terminal: the clients by their usual names, and a working folder."""

    home: Home
    registry: Registry

    def __call__(self, command: str) -> str:
        """Run a command; answer everything it printed."""
        return self.home.said("bash", "-euc", command.replace("HOST", self.registry.host))


@pytest.fixture
def shell(trusting_home: Home, registry: Registry) -> Shell:
    folder = trusting_home.folder
    commands = folder / "bin"
    commands.mkdir()
    for name, built in {"helm": "helm3", "cosign": "cosign2", "podman": "podman"}.items():
        (commands / name).symlink_to(client(built))
    (folder / "storage.conf").write_text(STORAGE.format(folder=folder))
    (folder / "containers.conf").write_text(CONTAINERS)
    environment = {
        **trusting_home.extra,
        "PATH": f"{commands}:{trusting_home.environment['PATH']}",
        "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
        "CONTAINERS_CONF": str(folder / "containers.conf"),
        "COSIGN_PASSWORD": "",
        "NAME": registry.owner.name,
        "PASSWORD": registry.owner.password,
    }
    return Shell(Home(folder, environment), registry)


pytestmark = pytest.mark.parametrize("registry", ["tls"], indirect=True)


def write_chart(folder: Path) -> None:
    """The etherpad chart of the documentation, unpacked."""
    chart = folder / "etherpad"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: etherpad\nversion: 0.0.4\n")
    (chart / "values.yaml").write_text("title: Welcome\n")
    (chart / "templates" / "configmap.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: etherpad\n"
    )


def push_image(shell: Shell, name: str) -> None:
    """Build an image of one file and push it under ``name``."""
    (shell.home.folder / "Dockerfile").write_text(DOCKERFILE)
    (shell.home.folder / "hello").write_text("hello\n")
    shell("podman build --quiet --isolation=chroot --tag myartifact_image .")
    shell(f"podman tag myartifact_image HOST/{name}")
    shell(f"podman push HOST/{name}")


def test_helm_charts(shell: Shell) -> None:
    """Using Helm charts: a chart from a classic repository goes to the host."""
    organization = f"redhat-cop-{time.monotonic_ns()}"
    shell.registry.make_organization(organization)
    write_chart(shell.home.folder)
    shell(f"helm registry login HOST {LOGIN}")
    shell(f"helm package ./etherpad && helm push etherpad-0.0.4.tgz oci://HOST/{organization}")
    shutil.rmtree(shell.home.folder / "etherpad")
    (shell.home.folder / "etherpad-0.0.4.tgz").unlink()

    shell(f"helm repo add redhat-cop https://HOST/helm/{organization} {LOGIN}")
    shell("helm repo update")
    shell("helm pull redhat-cop/etherpad --version=0.0.4 --untar")
    assert "Successfully packaged chart" in shell("helm package ./etherpad")
    shell(f"helm registry login HOST {LOGIN}")
    pushed = shell("helm push etherpad-0.0.4.tgz oci://HOST")
    assert f"Pushed: {shell.registry.host}/etherpad:0.0.4" in pushed
    shell("rm -rf etherpad-0.0.4.tgz")
    pulled = shell("helm pull oci://HOST/etherpad --version 0.0.4")
    assert pulled.partition("Digest: ")[2].strip() == pushed.partition("Digest: ")[2].strip()
    assert (shell.home.folder / "etherpad-0.0.4.tgz").exists()


def test_helm_charts_in_an_organization(shell: Shell) -> None:
    """Helm OCI support and Quay: the organization ``helm``, and installing from it."""
    shell.registry.make_organization("helm")
    write_chart(shell.home.folder)
    shell("helm package ./etherpad")
    shell(f"helm registry login HOST {LOGIN}")

    pushed = shell("helm push etherpad-0.0.4.tgz oci://HOST/helm")
    assert f"Pushed: {shell.registry.host}/helm/etherpad:0.0.4" in pushed
    shell("rm -f etherpad-0.0.4.tgz")
    shell("helm pull oci://HOST/helm/etherpad --version=0.0.4")
    with pretended_cluster(shell.home.folder) as kubeconfig:
        install = f"helm --kubeconfig {kubeconfig} install pad --disable-openapi-validation"
        assert "kind: ConfigMap" in shell(f"{install} etherpad-0.0.4.tgz --dry-run=client")
        chart = "oci://HOST/helm/etherpad --version=0.0.4"
        assert "kind: ConfigMap" in shell(f"{install} {chart} --dry-run=client")


def test_cosign(shell: Shell, repository: str) -> None:
    """Installing and using Cosign: the login that podman wrote is the one that cosign reads."""
    name = f"{repository}:test"
    shell("mkdir --parents ~/.docker")
    login = f"podman login --authfile ~/.docker/config.json {LOGIN} HOST"
    assert "Login Succeeded" in shell(login)
    auths = json.loads(shell("cat ~/.docker/config.json"))["auths"]
    assert (
        base64.b64decode(auths[shell.registry.host]["auth"]).decode().startswith("harbourmaster:")
    )
    shell(f"podman login {LOGIN} HOST")
    push_image(shell, name)

    shell("cosign generate-key-pair")
    # The log of signatures is a public service.
    shell(f"cosign sign --key cosign.key --tlog-upload=false --yes HOST/{name}")

    verified = shell(f"cosign verify --key cosign.pub --insecure-ignore-tlog=true HOST/{name}")
    assert "The signatures were verified against the specified public key" in verified
    signatures = [tag for tag in shell.registry.tags(repository) if tag.endswith(".sig")]
    assert len(signatures) == 1


def test_annotations(shell: Shell, repository: str) -> None:
    """Annotation parsing: an artifact that says when it expires, looked at again."""
    oras = oras_of(shell)
    (shell.home.folder / "hi.txt").write_text("hi\n")

    annotations = '-annotation "quay.expires-after=2d" -annotation "expiration = 2d"'
    shell(f"{oras} {annotations} push HOST/{repository}:v1 hi.txt")

    shell(f"mkdir pulled && {oras} pull HOST/{repository}:v1 pulled")
    assert (shell.home.folder / "pulled" / "hi.txt").read_text() == "hi\n"
    manifest = shell.registry.document(repository, "v1")
    assert manifest["annotations"]["quay.expires-after"] == "2d"
    listed = shell.registry.server.manage("tags", repository)
    assert "v1" in listed
    assert "expires" in listed


def test_referrers(shell: Shell, repository: str) -> None:
    """Attaching referrers to an image tag: both schemas, and the endpoint by hand."""
    oras, name = oras_of(shell), f"{repository}:v1"
    shell(f"podman login {LOGIN} HOST")
    push_image(shell, name)
    (shell.home.folder / "hi.txt").write_text("hi\n")

    attach = f"attach HOST/{name} doc/example hi.txt"
    first = shell(f"{oras} -distribution-spec v1.1-referrers-api {attach}").split()[-1]
    (shell.home.folder / "hi.txt").write_text("hi again\n")
    second = shell(f"{oras} -distribution-spec v1.1-referrers-tag {attach}").split()[-1]

    by_tag = shell(f"{oras} -distribution-spec v1.1-referrers-tag discover HOST/{name}")
    assert second in by_tag
    by_api = shell(f"{oras} -distribution-spec v1.1-referrers-api discover HOST/{name}")
    assert first in by_api
    assert second in by_api

    encoded = shell('echo -n "$NAME:$PASSWORD" | base64 --wrap=0')
    scope = f"service=HOST&scope=repository:{repository}:pull,push"
    token = json.loads(
        shell(
            f"curl --silent --cacert $SSL_CERT_FILE --location 'https://HOST/v2/auth?{scope}'"
            f" --header 'Authorization: Basic {encoded}'"
        )
    )["token"]
    subject = digest(shell.registry.manifest(repository, "v1"))
    index = json.loads(
        shell(
            "curl --silent --cacert $SSL_CERT_FILE"
            f" https://HOST/v2/{repository}/referrers/{subject}"
            f" --header 'Authorization: Bearer {token}'"
        )
    )
    assert index.get("schemaVersion") == 2, index
    assert index["mediaType"] == "application/vnd.oci.image.index.v1+json"
    assert {entry["digest"] for entry in index["manifests"]} == {first, second}


def oras_of(shell: Shell) -> str:
    """A program on the library that ``oras`` is made of; its options are spelled with one dash."""
    owner = shell.registry.owner
    return f"ORAS_USERNAME={owner.name} ORAS_PASSWORD='{owner.password}' {client('oras-go-client')}"
