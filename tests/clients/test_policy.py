"""Artifact policy as people see it: what each client prints of a refusal, and what it does next."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.clients.charts import Helm, package
from tests.clients.containers_tools import ContainersTool
from tests.clients.content import Image, write_layout
from tests.clients.registry import ORGANIZATION, Registry, populate
from tests.clients.run import Home, client
from tests.clients.test_cosign import NO_AUTHORITIES, WAYS, Cosign
from tests.clients.test_oras_go import OrasGo
from tests.clients.test_regctl import Regctl
from tests.live import RunningServer, start_server

OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
HELM_CONFIG = "application/vnd.cncf.helm.config.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
SIF_CONFIG = "application/vnd.sylabs.sif.config.v1+json"
SIF_LAYERS = (
    "application/vnd.sylabs.sif.layer.v1.sif",
    "application/vnd.sylabs.sif.layer.v1+tar",
)
WASM_CONFIG = "application/vnd.wasm.config.v0+json"
OPA_CONFIG = "application/vnd.unknown.config.v1+json"
OPA_LAYERS = (
    "application/vnd.cncf.openpolicyagent.policy.layer.v1+rego",
    "application/vnd.cncf.openpolicyagent.data.layer.v1+json",
)
THING = "application/vnd.example.thing.v1"  # what the program on oras-go pushes

#: The example of Quay's documentation, under "Adding other OCI media types".
DOCUMENTED = """
application/vnd.oci.image.config.v1+json:
- application/vnd.dev.cosign.simplesigning.v1+json
application/vnd.cncf.helm.config.v1+json:
- application/tar+gzip
application/vnd.sylabs.sif.config.v1+json:
- application/vnd.sylabs.sif.layer.v1+tar
"""
#: Organizations with a policy of their own; all others have the configuration's.
POLICIES = {"charts": "Helm only", "images": "images only", "strict": "builtin", "open": "anything"}
SELECT = """
from django.utils import timezone
from accounts.organizations.services import create_organization, select_policy
from accounts.users.models import User
from artifacts.policy.models import ArtifactPolicy
owner, now = User.objects.get(username={owner!r}), timezone.now()
for name, policy in {policies}:
    made = create_organization(name=name, owner=owner, now=now)
    select_policy(organization=made, policy=ArtifactPolicy.objects.get(name=policy), now=now)
"""
CHOSEN = "is blocked by the artifact policy '{policy}', selected by {organization}"


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry with the documented policy, organizations with others, and no referrers API."""
    environment = {
        "BERTH_ALLOWED_OCI_ARTIFACT_TYPES": DOCUMENTED,
        "BERTH_FEATURE_REFERRERS_API": "false",
    }
    with running(tmp_path_factory.mktemp("strict"), environment) as server:
        registry = populate(server)
        select = SELECT.format(owner=registry.owner.name, policies=list(POLICIES.items()))
        server.manage("shell", "--no-imports", "--command", select)
        yield registry


@pytest.fixture(scope="module")
def docker_only(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry with OCI switched off."""
    environment = {"BERTH_FEATURE_GENERAL_OCI_SUPPORT": "false"}
    with running(tmp_path_factory.mktemp("docker"), environment) as server:
        yield populate(server)


@contextmanager
def running(folder: Path, environment: dict[str, str]) -> Iterator[RunningServer]:
    server = start_server(folder / "data", environment=environment)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A key pair with an empty password, made by cosign itself."""
    home = Home(tmp_path_factory.mktemp("keys"), {"COSIGN_PASSWORD": ""})
    home.run(client("cosign2"), "generate-key-pair")
    return {name: (home.folder / name).read_bytes() for name in ("cosign.key", "cosign.pub")}


def reason(artifact: str, organization: str, allowed: str) -> str:
    """The message of the registry when an organization's policy blocks a type of artifact."""
    chosen = CHOSEN.format(policy=POLICIES[organization], organization=organization)
    return f"artifact type {artifact} {chosen}; the policy allows {allowed}"


NO_IMAGE = reason(OCI_CONFIG, "charts", HELM_CONFIG)


def podman_prints(home: Home, strict: Registry, name: str) -> str:
    podman = logged_in("podman", home, strict)
    build(podman, name, Image().files)
    return podman.refused("push", "--quiet", *podman.trust(), name)


def buildah_prints(home: Home, strict: Registry, name: str) -> str:
    buildah = logged_in("buildah", home, strict)
    layout = write_layout(home.folder / "layout", Image())
    image = pulled(buildah, f"oci:{layout}:v1")
    return buildah.refused("push", *buildah.trust(), image, f"docker://{name}")


def skopeo_prints(home: Home, strict: Registry, name: str) -> str:
    skopeo = logged_in("skopeo", home, strict)
    layout = write_layout(home.folder / "layout", Image())
    return skopeo.refused("copy", *skopeo.trust("dest-"), f"oci:{layout}:v1", f"docker://{name}")


def crane_prints(home: Home, strict: Registry, name: str) -> str:
    login = ["--username", strict.owner.name, "--password", strict.owner.password]
    home.run(client("crane"), "auth", "login", strict.host, *login)
    layout = write_layout(home.folder / "layout", Image())
    return home.refused(client("crane"), "push", "--insecure", layout, name)


IMAGE_CLIENTS: dict[str, Callable[[Home, Registry, str], str]] = {
    "podman": podman_prints,
    "buildah": buildah_prints,
    "skopeo": skopeo_prints,
    "crane": crane_prints,
}


@pytest.mark.parametrize("name", IMAGE_CLIENTS)
def test_a_client_of_images_prints_why_an_image_was_refused(
    name: str, home: Home, strict: Registry
) -> None:
    answer = IMAGE_CLIENTS[name](home, strict, f"{strict}/charts/{name}:v1")

    assert NO_IMAGE in answer
    assert not strict.has(f"charts/{name}", "v1")


@pytest.mark.parametrize("name", ["helm3", "helm4"])
def test_helm_prints_why_a_chart_was_refused(
    name: str, home: Home, strict: Registry, tmp_path: Path
) -> None:
    helm = Helm(name, home, strict)
    helm.login(strict.owner)

    answer = helm.refused(
        "push", helm.trust, str(package(helm, tmp_path)), f"oci://{strict}/images/{name}"
    )

    assert reason(HELM_CONFIG, "images", "container images") in answer
    assert "403" in answer
    assert not strict.has(f"images/{name}/etherpad", "0.0.4")


def test_oras_go_prints_why_an_artifact_was_refused(home: Home, strict: Registry) -> None:
    (home.folder / "data").write_bytes(os.urandom(20))
    name = f"{strict}/images/oras-go:v1"

    answer = OrasGo(home, strict, strict.owner).refused("push", name, "data")

    assert reason(THING, "images", "container images") in answer
    assert not strict.has("images/oras-go", "v1")


@pytest.mark.parametrize("backend", ["token", "basic"])
def test_python_oras_prints_why_an_artifact_was_refused(
    backend: str, home: Home, strict: Registry
) -> None:
    name = f"{strict}/images/python-{backend}:v1"

    answer = home.refused(*python_oras(home, strict, name, WASM_CONFIG, ["a/b"], backend))

    assert reason(WASM_CONFIG, "images", "container images") in answer
    assert not strict.has(f"images/python-{backend}", "v1")


def test_regctl_prints_why_an_artifact_was_refused(home: Home, strict: Registry) -> None:
    regctl = Regctl(home, strict)
    regctl.configure()
    regctl.login(strict.owner)
    put = ["artifact", "put", f"--artifact-type={THING}", f"{strict}/images/regctl:v1"]

    answer = regctl.refused(*put, stdin=os.urandom(8).hex())

    assert reason(THING, "images", "container images") in answer
    assert not strict.has("images/regctl", "v1")


@pytest.mark.parametrize("way", WAYS)
def test_cosign_prints_why_a_signature_was_refused(
    way: str, home: Home, strict: Registry, keys: dict[str, bytes]
) -> None:
    cosign = cosign_for(way, home, strict, f"images/{way}", keys)

    answer = cosign.refused("sign", "--key=cosign.key", *cosign.way.offline, cosign.reference)

    chosen = CHOSEN.format(policy="images only", organization="images")
    assert chosen in answer
    # Of a refused list of referrers nothing is left either.
    assert strict.tags(cosign.repository) == ["v1"]


def test_the_configuration_s_policy_is_named_by_its_key(home: Home, strict: Registry) -> None:
    name = f"{strict}/{ORGANIZATION}/thing:v1"

    answer = home.refused(*python_oras(home, strict, name, WASM_CONFIG, ["application/wasm"]))

    assert (
        f"artifact type {WASM_CONFIG} is blocked by the artifact policy"
        " 'ALLOWED_OCI_ARTIFACT_TYPES', set by ALLOWED_OCI_ARTIFACT_TYPES in the configuration;"
        f" the policy allows container images, {HELM_CONFIG}, {SIF_CONFIG}"
    ) in answer


# What is accepted


@pytest.mark.parametrize("layer", SIF_LAYERS)
def test_the_documented_policy_takes_sif_images_in_both_spellings(
    layer: str, home: Home, strict: Registry
) -> None:
    repository = f"{ORGANIZATION}/sif-{layer[-3:]}"

    home.run(*python_oras(home, strict, f"{strict}/{repository}:v1", SIF_CONFIG, [layer]))

    document = strict.document(repository, "v1")
    assert document["config"]["mediaType"] == SIF_CONFIG
    assert [part["mediaType"] for part in document["layers"]] == [layer]


@pytest.mark.parametrize("name", ["helm3", "helm4"])
def test_the_documented_policy_takes_charts(
    name: str, home: Home, strict: Registry, tmp_path: Path
) -> None:
    helm = Helm(name, home, strict)
    helm.login(strict.owner)
    chart = package(helm, tmp_path)

    helm("push", helm.trust, str(chart), f"oci://{strict}/{ORGANIZATION}/{name}")

    assert strict.has(f"{ORGANIZATION}/{name}/etherpad", "0.0.4")


@pytest.mark.parametrize("name", ["helm3", "helm4"])
@pytest.mark.parametrize("organization", ["charts", "strict"])
def test_helm_pushes_a_chart_with_its_provenance(
    organization: str, name: str, home: Home, strict: Registry, tmp_path: Path
) -> None:
    helm = Helm(name, home, strict)
    helm.login(strict.owner)
    chart = package(helm, tmp_path)
    chart.with_name(f"{chart.name}.prov").write_text("-----BEGIN PGP SIGNED MESSAGE-----")

    helm("push", helm.trust, str(chart), f"oci://{strict}/{organization}/signed-{name}")

    layers = strict.document(f"{organization}/signed-{name}/etherpad", "0.0.4")["layers"]
    assert len(layers) == 2


def test_the_shipped_list_takes_an_opa_bundle(home: Home, strict: Registry) -> None:
    name = f"{strict}/strict/opa:v1"

    home.run(*python_oras(home, strict, name, OPA_CONFIG, list(OPA_LAYERS)))

    layers = strict.document("strict/opa", "v1")["layers"]
    assert [layer["mediaType"] for layer in layers] == list(OPA_LAYERS)


ARTIFACTS = {
    "wasm": (WASM_CONFIG, ["application/wasm"]),
    "opa": (OPA_CONFIG, list(OPA_LAYERS)),
    "sif": (SIF_CONFIG, SIF_LAYERS[:1]),
    "in-toto": (OCI_CONFIG, ["application/vnd.in-toto+json"]),
}


@pytest.mark.parametrize("registry", ["http"], indirect=True)
@pytest.mark.parametrize("artifact", ARTIFACTS)
def test_without_any_setting_every_artifact_is_taken(
    artifact: str, home: Home, registry: Registry, repository: str
) -> None:
    config, layers = ARTIFACTS[artifact]

    home.run(*python_oras(home, registry, f"{registry}/{repository}:v1", config, layers))

    assert registry.document(repository, "v1")["config"]["mediaType"] == config


SBOMS = {
    ("spdx", "text"): "text/spdx",
    ("spdx", "json"): "text/spdx+json",
    ("cyclonedx", "json"): "application/vnd.cyclonedx+json",
    ("cyclonedx", "xml"): "application/vnd.cyclonedx+xml",
    ("syft", "json"): "application/vnd.syft+json",
}


@pytest.mark.parametrize("form", SBOMS)
@pytest.mark.parametrize("way", ["cosign2", "cosign3"])
def test_the_shipped_list_takes_every_sbom_that_cosign_attaches(
    form: tuple[str, str], way: str, home: Home, strict: Registry, keys: dict[str, bytes]
) -> None:
    cosign = cosign_for(way, home, strict, f"strict/{way}-{'-'.join(form)}", keys)
    (home.folder / "sbom").write_text("{}")
    kind = [f"--type={form[0]}", f"--input-format={form[1]}"]

    cosign("attach", "sbom", "--sbom=sbom", *kind, cosign.reference)

    layers = strict.document(cosign.repository, f"{cosign.tag}.sbom")["layers"]
    assert [layer["mediaType"] for layer in layers] == [SBOMS[form]]


@pytest.mark.parametrize("way", [way for way in WAYS if not WAYS[way].bundle])
def test_the_shipped_list_takes_cosign_s_signatures_and_attestations(
    way: str, home: Home, strict: Registry, keys: dict[str, bytes]
) -> None:
    cosign = cosign_for(way, home, strict, f"strict/{way}", keys)
    (home.folder / "predicate.json").write_text("{}")
    attest = ["--key=cosign.key", "--predicate=predicate.json", "--type=spdxjson"]

    cosign("sign", "--key=cosign.key", *cosign.way.offline, cosign.reference)
    cosign("attest", *attest, *cosign.way.offline, cosign.reference)

    assert strict.tags(cosign.repository) == [f"{cosign.tag}.att", f"{cosign.tag}.sig", "v1"]


@pytest.mark.parametrize("organization", [ORGANIZATION, "images"])
def test_zstd_is_taken_by_every_policy_that_takes_images(
    organization: str, home: Home, strict: Registry
) -> None:
    podman = logged_in("podman", home, strict)
    name = f"{strict}/{organization}/zstd:v1"
    build(podman, name, Image().files)

    podman("push", "--quiet", "--compression-format=zstd", *podman.trust(), name)

    layers = strict.document(f"{organization}/zstd", "v1")["layers"]
    assert {layer["mediaType"] for layer in layers} == {
        "application/vnd.oci.image.layer.v1.tar+zstd"
    }


# OCI switched off


def test_podman_falls_back_to_docker_s_format_by_itself(home: Home, docker_only: Registry) -> None:
    podman = logged_in("podman", home, docker_only)
    name, files = f"{docker_only}/{ORGANIZATION}/podman:v1", Image().files
    build(podman, name, files)

    podman("push", "--quiet", *podman.trust(), name)
    podman("rmi", name)
    podman("pull", "--quiet", *podman.trust(), name)

    document = docker_only.document(f"{ORGANIZATION}/podman", "v1")
    assert document["mediaType"] == DOCKER_MANIFEST


def test_podman_that_may_not_fall_back_prints_why(home: Home, docker_only: Registry) -> None:
    podman = logged_in("podman", home, docker_only)
    name = f"{docker_only}/{ORGANIZATION}/forced:v1"
    build(podman, name, Image().files)

    answer = podman.refused("push", "--quiet", "--format=oci", *podman.trust(), name)

    assert "FEATURE_GENERAL_OCI_SUPPORT is false in the configuration" in answer


@pytest.mark.parametrize("name", ["skopeo", "buildah"])
def test_skopeo_and_buildah_fall_back_to_docker_s_format_by_themselves(
    name: str, home: Home, docker_only: Registry
) -> None:
    tool = logged_in(name, home, docker_only)
    layout = f"oci:{write_layout(home.folder / 'layout', Image())}:v1"
    target = f"docker://{docker_only}/{ORGANIZATION}/{name}:v1"

    if name == "skopeo":
        tool("copy", *tool.trust("dest-"), layout, target)
    else:
        tool("push", *tool.trust(), pulled(tool, layout), target)

    document = docker_only.document(f"{ORGANIZATION}/{name}", "v1")
    assert document["mediaType"] == DOCKER_MANIFEST


@pytest.mark.parametrize("name", ["helm3", "helm4"])
def test_helm_prints_that_oci_is_switched_off(
    name: str, home: Home, docker_only: Registry, tmp_path: Path
) -> None:
    helm = Helm(name, home, docker_only)
    helm.login(docker_only.owner)

    answer = helm.refused(
        "push", helm.trust, str(package(helm, tmp_path)), f"oci://{docker_only}/{ORGANIZATION}"
    )

    assert "FEATURE_GENERAL_OCI_SUPPORT is false in the configuration" in answer


# The referrers API switched off


def test_oras_go_keeps_the_list_of_referrers_under_a_tag(home: Home, strict: Registry) -> None:
    for file in ("data", "note"):
        (home.folder / file).write_bytes(os.urandom(20))
    oras, name = OrasGo(home, strict, strict.owner), f"{strict}/open/thing:v1"
    pushed = oras("push", name, "data")

    note = oras("attach", name, THING, "note")

    assert oras("discover", name).split() == [note, THING]
    assert strict.tags("open/thing") == [pushed.replace(":", "-"), "v1"]


@pytest.mark.parametrize("way", ["cosign2-bundle", "cosign3"])
def test_cosign_keeps_the_list_of_bundles_under_a_tag(
    way: str, home: Home, strict: Registry, keys: dict[str, bytes]
) -> None:
    cosign = cosign_for(way, home, strict, f"open/{way}", keys)

    cosign("sign", "--key=cosign.key", *cosign.way.offline, cosign.reference)

    assert cosign.image.digest in cosign("verify", *cosign.way.verify_offline, cosign.reference)
    assert strict.tags(cosign.repository) == [cosign.tag, "v1"]


def logged_in(name: str, home: Home, registry: Registry) -> ContainersTool:
    tool = ContainersTool(name, home, registry)
    tool.login(registry.owner)
    return tool


def pulled(buildah: ContainersTool, layout: str) -> str:
    """The id of the image that buildah took from a layout."""
    buildah("pull", "--quiet", layout)
    return buildah("images", "--quiet", "--no-trunc").removeprefix("sha256:")


def build(podman: ContainersTool, name: str, files: dict[str, bytes]) -> None:
    context = podman.home.folder / "context"
    (context / "files").mkdir(parents=True)
    for path, data in files.items():
        (context / "files" / path).write_bytes(data)
    (context / "Containerfile").write_text("FROM scratch\nCOPY files /\n")
    podman("build", "--quiet", "--isolation=chroot", f"--tag={name}", str(context))


def cosign_for(
    way: str, home: Home, registry: Registry, repository: str, keys: dict[str, bytes]
) -> Cosign:
    """cosign, logged in, with an image to sign."""
    for name, data in keys.items():
        (home.folder / name).write_bytes(data)
    (home.folder / "trusted_root.json").write_text(NO_AUTHORITIES)
    own = Home(home.folder, {**home.extra, "COSIGN_PASSWORD": ""})
    cosign = Cosign(WAYS[way], own, registry, repository, Image())
    registry.push(repository, "v1", cosign.image)
    login = ["--username", registry.owner.name, "--password", registry.owner.password]
    cosign("login", *login, registry.host)
    return cosign


PUSH = """\
import sys
import oras.client
host, name, password, backend, target, config, *layers = sys.argv[1:]
client = oras.client.OrasClient(hostname=host, insecure=True, auth_backend=backend)
client.login(name, password, hostname=host, config_path="./config.json")
client.push(
    target=target,
    files=[f"layer{n}:{layer}" for n, layer in enumerate(layers)],
    manifest_config=f"config:{config}",
    quiet=True,
)
"""


def python_oras(
    home: Home,
    registry: Registry,
    target: str,
    config: str,
    layers: Sequence[str],
    backend: str = "token",
) -> list[str]:
    """A command that pushes an artifact of these types with the Python library."""
    (home.folder / "config").write_text("{}")
    for number, _ in enumerate(layers):
        (home.folder / f"layer{number}").write_bytes(os.urandom(20))
    login = [registry.host, registry.owner.name, registry.owner.password, backend]
    return [sys.executable, "-c", PUSH, *login, target, config, *layers]
