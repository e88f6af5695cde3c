"""Signatures that count: keys that an organization trusts, and repositories that require them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.containers_tools import ContainersTool
from tests.clients.content import OCI_INDEX, Image
from tests.clients.registry import ORGANIZATION, Registry
from tests.clients.run import Home, client
from tests.clients.test_cosign import NO_AUTHORITIES, WAYS, Cosign
from tests.live import RunningServer

#: How the bytes travel makes no difference to what is signed.
pytestmark = pytest.mark.parametrize("registry", ["http"], indirect=True)

TRUSTED, UNKNOWN = "trusted", "unknown"


@pytest.fixture(scope="session")
def key_pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two key pairs of cosign: ``trusted.key`` is the organization's, ``unknown.key`` nobody's."""
    home = Home(tmp_path_factory.mktemp("pairs"), {"COSIGN_PASSWORD": ""})
    for name in (TRUSTED, UNKNOWN):
        home.run(client("cosign3"), "generate-key-pair", "--output-key-prefix", name)
    return home.folder


@pytest.fixture(scope="session")
def server(registry: Registry, request: pytest.FixtureRequest) -> RunningServer:
    """The registry as the person who administers it sees it."""
    running: RunningServer = request.getfixturevalue(
        "live_registry_tls" if registry.has_tls else "live_registry"
    )
    return running


@pytest.fixture(scope="module")
def _trusted_key(server: RunningServer, key_pairs: Path) -> Iterator[None]:
    """The organization trusts one of the keys, as long as these tests last."""
    public = key_pairs / f"{TRUSTED}.pub"
    server.manage("signature_keys", "add", ORGANIZATION, "release", str(public))
    yield
    server.manage("signature_keys", "remove", ORGANIZATION, "release")


@dataclass(frozen=True)
class Signed:
    """cosign, and crane beside it, with an image in a repository that requires signatures.

    Who pulls may read and no more: who may push is let through for a while, to sign.
    """

    cosign: Cosign
    server: RunningServer
    reader: Home

    @property
    def reference(self) -> str:
        return self.cosign.reference

    def sign(self, *options: str, key: str = TRUSTED, reference: str = "") -> str:
        command = ["sign", f"--key={key}.key", *self.cosign.way.offline, *options]
        return self.cosign(*command, reference or self.reference)

    def verify_options(self, key: str = TRUSTED) -> list[str]:
        options = [one for one in self.cosign.way.verify_offline if "--key" not in one]
        return [*options, f"--key={key}.pub"]

    def pull(self, reference: str = "") -> str:
        return self.reader.run(client("crane"), "manifest", reference or self.reference)

    def refused_pull(self, reference: str = "") -> str:
        return self.reader.refused(client("crane"), "manifest", reference or self.reference)

    def verdict(self) -> str:
        """What the registry says of the image, on its first line."""
        name = f"{self.cosign.repository}@{self.cosign.image.digest}"
        line: str = self.server.manage("signatures", name).splitlines()[0]
        return line.removeprefix(f"{name}: ")


@pytest.fixture(params=WAYS)
def signed(
    request: pytest.FixtureRequest,
    trusting_home: Home,
    registry: Registry,
    repository: str,
    key_pairs: Path,
    server: RunningServer,
    _trusted_key: None,
) -> Signed:
    home = Home(trusting_home.folder, {**trusting_home.extra, "COSIGN_PASSWORD": ""})
    for file in key_pairs.glob("*.[kp]*"):
        if file.is_file():
            (home.folder / file.name).write_bytes(file.read_bytes())
    (home.folder / "trusted_root.json").write_text(NO_AUTHORITIES)
    tool = Cosign(WAYS[request.param], home, registry, repository, Image())
    login = ["--username", registry.owner.name, "--password", registry.owner.password]
    tool("login", *login, registry.host)
    registry.push(repository, "v1", tool.image)
    server.manage("require_signatures", repository, "required")
    return Signed(tool, server, reader_of(repository, registry, trusting_home))


def reader_of(repository: str, registry: Registry, home: Home) -> Home:
    """A home in which somebody who may only read the repository is logged in with crane."""
    registry.server.manage("grant", "read", repository, "--user", registry.stranger.name)
    reader = Home(home.folder / "reader", home.extra)
    reader.folder.mkdir()
    login = ["--username", registry.stranger.name, "--password", registry.stranger.password]
    reader.run(client("crane"), "auth", "login", *login, registry.host)
    return reader


def test_an_image_can_be_pulled_once_it_is_signed_with_a_trusted_key(signed: Signed) -> None:
    reason = "requires a valid signature to pull"
    assert reason in signed.refused_pull()

    signed.sign(key=UNKNOWN)
    assert reason in signed.refused_pull()
    signed.sign()

    assert json.loads(signed.pull())["config"]
    assert signed.verdict() == "valid, by the key release"
    assert signed.cosign.image.digest in signed.cosign(
        "verify", *signed.verify_options(), signed.reference
    )


def test_an_attestation_is_kept_verified_and_no_signature(signed: Signed) -> None:
    (signed.cosign.home.folder / "predicate.json").write_text('{"tested": "yes"}')
    attest = ["attest", f"--key={TRUSTED}.key", "--predicate=predicate.json", "--type=custom"]

    signed.cosign(*attest, *signed.cosign.way.offline, signed.reference)

    verify = ["verify-attestation", "--type=custom", *signed.verify_options()]
    assert "payload" in signed.cosign(*verify, signed.reference)
    shown = signed.server.manage(
        "signatures", f"{signed.cosign.repository}@{signed.cosign.image.digest}"
    )
    assert "attestations: sha256:" in shown
    assert "valid: by the key release" in shown
    assert signed.verdict() == "not signed"
    signed.refused_pull()


def test_who_pushed_an_image_signs_it_by_its_tag(signed: Signed) -> None:
    name = f"{signed.cosign.registry}/{signed.cosign.repository}:v1"

    signed.sign(reference=name)

    assert json.loads(signed.pull(name))["config"]


#: cosign 2 makes bundles but does not clean them up.
@pytest.mark.parametrize("signed", [way for way in WAYS if way != "cosign2-bundle"], indirect=True)
def test_an_image_whose_signature_is_cleaned_away_cannot_be_pulled_any_more(
    signed: Signed,
) -> None:
    signed.sign()
    signed.pull()
    assert "sha256:" in signed.cosign("tree", signed.reference)

    signed.cosign("clean", "--force", signed.reference)

    signed.refused_pull()
    assert signed.verdict() == "not signed"


@pytest.mark.parametrize("signed", ["cosign2", "cosign3"], indirect=True)
def test_the_platforms_of_a_signed_index_can_be_pulled(signed: Signed) -> None:
    children = [Image(architecture=name) for name in ("amd64", "arm64")]
    name = f"{signed.cosign.registry}/{signed.cosign.repository}"
    for child in children:
        signed.cosign.registry.push(signed.cosign.repository, child.architecture, child)
    crane = signed.cosign.home
    options = [option for child in children for option in ("--manifest", f"{name}@{child.digest}")]
    signed.server.manage("require_signatures", signed.cosign.repository, "none")
    crane.run(client("crane"), "index", "append", *options, "--tag", f"{name}:all")
    signed.server.manage("require_signatures", signed.cosign.repository, "required")
    signed.refused_pull(f"{name}:all")

    signed.sign(reference=f"{name}@{crane.run(client('crane'), 'digest', f'{name}:all')}")

    assert json.loads(signed.pull(f"{name}:all"))["mediaType"] == OCI_INDEX
    for child in children:
        assert signed.pull(f"{name}@{child.digest}")
    signed.refused_pull(f"{name}@{signed.cosign.image.digest}")


@pytest.mark.parametrize("signed", ["cosign2"], indirect=True)
def test_cosign_attaches_and_downloads_where_signatures_are_required(signed: Signed) -> None:
    sbom = '{"spdxVersion": "SPDX-2.3"}'
    (signed.cosign.home.folder / "sbom.json").write_text(sbom)

    signed.cosign("attach", "sbom", "--sbom=sbom.json", signed.reference)
    signed.sign()

    assert sbom in signed.cosign("download", "sbom", signed.reference)
    downloaded = signed.cosign("download", "signature", signed.reference)
    assert "Base64Signature" in downloaded
    payload = signed.cosign("generate", signed.reference)
    (signed.cosign.home.folder / "payload.json").write_text(payload)
    assert signed.cosign.image.digest in payload


@pytest.mark.parametrize("signed", ["cosign2"], indirect=True)
def test_a_signature_made_apart_and_attached_counts(signed: Signed) -> None:
    """As it is done where the private key is on another machine."""
    folder = signed.cosign.home.folder
    payload = signed.cosign.home.run(client("cosign2"), "generate", signed.reference)
    (folder / "payload.json").write_text(payload)
    made = ["sign-blob", f"--key={TRUSTED}.key", "--yes", "--tlog-upload=false"]
    signature = signed.cosign.home.run(client("cosign2"), *made, "payload.json")
    (folder / "signature").write_text(signature)

    attach = ["attach", "signature", "--payload=payload.json", "--signature=signature"]
    signed.cosign(*attach, signed.reference)

    assert signed.verdict() == "valid, by the key release"
    signed.pull()


@pytest.mark.parametrize("signed", ["cosign3"], indirect=True)
def test_podman_and_crane_show_why_a_pull_is_refused(signed: Signed, home: Home) -> None:
    podman = ContainersTool("podman", home, signed.cosign.registry)
    podman.login(signed.cosign.registry.stranger)
    name = f"{signed.cosign.registry}/{signed.cosign.repository}:v1"
    words = (
        f"{signed.cosign.repository} requires a valid signature to pull,"
        f" and {signed.cosign.image.digest} has none: it is not signed"
    )

    assert words in podman.refused("pull", "--quiet", *podman.trust(), name)
    assert f"DENIED: {words}" in signed.refused_pull(name)
    signed.sign()

    assert podman("pull", "--quiet", *podman.trust(), name)


@pytest.mark.parametrize("signed", ["cosign3"], indirect=True)
def test_a_dry_run_refuses_nothing_and_counts(signed: Signed) -> None:
    signed.server.manage("require_signatures", signed.cosign.repository, "report")

    signed.pull()
    signed.pull()

    shown = signed.server.manage("signatures", signed.cosign.repository)
    assert f"2 to refuse, last {signed.cosign.image.digest}" in shown


@pytest.mark.parametrize("signed", ["cosign3"], indirect=True)
def test_a_tag_that_is_moved_after_signing_cannot_be_pulled(signed: Signed) -> None:
    signed.sign()
    name = f"{signed.cosign.registry}/{signed.cosign.repository}:v1"
    signed.pull(name)

    signed.cosign.registry.push(signed.cosign.repository, "v1", Image())

    assert "it is not signed" in signed.refused_pull(name)
