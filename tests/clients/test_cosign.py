"""cosign 2 and 3 with a key pair and no network: sign, attest, attach, look, clean."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.clients.content import Image
from tests.clients.registry import Registry
from tests.clients.run import Home, client

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
SIGNATURE = "application/vnd.dev.cosign.artifact.sig.v1+json"
#: Without it cosign wants to download the authorities of the public service.
NO_AUTHORITIES = '{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'


@dataclass(frozen=True)
class Way:
    """One cosign and one of its ways to store signatures."""

    name: str
    bundle: bool  # bundles are stored as referrers, older signatures under tags
    sign_options: tuple[str, ...] = ()

    @property
    def offline(self) -> list[str]:
        """What keeps signing away from transparency logs and time stamps."""
        options = ["--yes", "--tlog-upload=false", *self.sign_options]
        if self.name == "cosign3":
            options.append("--use-signing-config=false")
        if self.bundle:
            options.append("--trusted-root=trusted_root.json")
        return [*options, f"--new-bundle-format={str(self.bundle).lower()}"]

    @property
    def verify_offline(self) -> list[str]:
        options = ["--insecure-ignore-tlog=true", "--key=cosign.pub"]
        if self.bundle:
            options.append("--trusted-root=trusted_root.json")
        return [*options, f"--new-bundle-format={str(self.bundle).lower()}"]


WAYS = {
    "cosign2": Way("cosign2", bundle=False),
    "cosign2-bundle": Way("cosign2", bundle=True),
    "cosign3": Way("cosign3", bundle=True),
    "cosign3-tags": Way("cosign3", bundle=False),
}


@dataclass(frozen=True)
class Cosign:
    """cosign, logged in, with a key pair in its working folder and an image to work on."""

    way: Way
    home: Home
    registry: Registry
    repository: str
    image: Image

    def __call__(self, *arguments: str) -> str:
        return self.home.said(client(self.way.name), *arguments)

    def refused(self, *arguments: str) -> str:
        return self.home.refused(client(self.way.name), *arguments)

    @property
    def reference(self) -> str:
        return f"{self.registry}/{self.repository}@{self.image.digest}"

    @property
    def tag(self) -> str:
        """The tag that signatures of the image go by, without its ending."""
        return self.image.digest.replace(":", "-")


@pytest.fixture(scope="session")
def key_pair(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A key pair with an empty password, made by cosign itself."""
    home = Home(tmp_path_factory.mktemp("keys"), {"COSIGN_PASSWORD": ""})
    home.run(client("cosign2"), "generate-key-pair")
    return {name: (home.folder / name).read_bytes() for name in ("cosign.key", "cosign.pub")}


@pytest.fixture(params=WAYS)
def cosign(
    request: pytest.FixtureRequest,
    trusting_home: Home,
    registry: Registry,
    repository: str,
    key_pair: dict[str, bytes],
) -> Cosign:
    home = Home(trusting_home.folder, {**trusting_home.extra, "COSIGN_PASSWORD": ""})
    for name, data in key_pair.items():
        (home.folder / name).write_bytes(data)
    (home.folder / "trusted_root.json").write_text(NO_AUTHORITIES)
    tool = Cosign(WAYS[request.param], home, registry, repository, Image())
    registry.push(repository, "v1", tool.image)
    login = ["--username", registry.owner.name, "--password", registry.owner.password]
    tool("login", *login, registry.host)
    return tool


def test_cosign_verifies_what_it_signed_and_nothing_else(cosign: Cosign) -> None:
    cosign.refused("verify", *cosign.way.verify_offline, cosign.reference)

    cosign("sign", "--key=cosign.key", *cosign.way.offline, cosign.reference)

    answer = cosign("verify", *cosign.way.verify_offline, cosign.reference)
    assert cosign.image.digest in answer
    unsigned = cosign.registry.push(cosign.repository, "unsigned", Image())
    name = f"{cosign.registry}/{cosign.repository}@{unsigned.digest}"
    cosign.refused("verify", *cosign.way.verify_offline, name)


def test_cosign_keeps_signatures_where_its_format_says(cosign: Cosign) -> None:
    cosign("sign", "--key=cosign.key", *cosign.way.offline, cosign.reference)

    tags = cosign.registry.tags(cosign.repository)
    referrers = cosign.registry.referrers(cosign.repository, cosign.image.digest)
    if cosign.way.bundle:
        assert [entry["artifactType"] for entry in referrers] == [BUNDLE]
        assert tags == ["v1"]
    else:
        assert referrers == []
        assert tags == [f"{cosign.tag}.sig", "v1"]


def test_cosign_verifies_an_attestation(cosign: Cosign) -> None:
    predicate = {"tested": "yes"}
    (cosign.home.folder / "predicate.json").write_text(json.dumps(predicate))
    attest = ["--key=cosign.key", "--predicate=predicate.json", "--type=custom"]

    cosign("attest", *attest, *cosign.way.offline, cosign.reference)

    verify = ["--type=custom", *cosign.way.verify_offline]
    assert "payload" in cosign("verify-attestation", *verify, cosign.reference)


def test_cosign_attaches_an_sbom_and_shows_it_in_the_tree(cosign: Cosign) -> None:
    sbom = b'{"spdxVersion": "SPDX-2.3"}'
    (cosign.home.folder / "sbom.json").write_bytes(sbom)

    cosign("attach", "sbom", "--sbom=sbom.json", cosign.reference)
    cosign("sign", "--key=cosign.key", *cosign.way.offline, cosign.reference)

    tree = cosign("tree", cosign.reference)
    assert "SBOM" in tree
    assert "sha256" in tree
    layers = cosign.registry.document(cosign.repository, f"{cosign.tag}.sbom")["layers"]
    assert cosign.registry.blob(cosign.repository, layers[0]["digest"]) == sbom


#: cosign 2 makes bundles but does not clean them up.
@pytest.mark.parametrize("cosign", [way for way in WAYS if way != "cosign2-bundle"], indirect=True)
def test_cosign_cleans_up_its_signatures(cosign: Cosign) -> None:
    cosign("sign", "--key=cosign.key", *cosign.way.offline, cosign.reference)

    cosign("clean", "--force", cosign.reference)

    cosign.refused("verify", *cosign.way.verify_offline, cosign.reference)
    assert cosign.registry.tags(cosign.repository) == ["v1"]


@pytest.mark.parametrize("cosign", ["cosign2"], indirect=True)
def test_cosign_stores_a_signature_as_a_referrer_when_told_to(cosign: Cosign) -> None:
    experimental = Home(cosign.home.folder, {**cosign.home.extra, "COSIGN_EXPERIMENTAL": "1"})
    mode = "--registry-referrers-mode=oci-1-1"
    command = ["sign", mode, "--key=cosign.key", *cosign.way.offline, cosign.reference]

    experimental.run(client("cosign2"), *command)

    referrers = cosign.registry.referrers(cosign.repository, cosign.image.digest)
    assert [entry["artifactType"] for entry in referrers] == [SIGNATURE]
    assert cosign.registry.tags(cosign.repository) == ["v1"]


@pytest.mark.parametrize("cosign", ["cosign2"], indirect=True)
def test_cosign_copies_an_image_with_its_signature(
    cosign: Cosign, new_repository: Callable[[], str]
) -> None:
    cosign("sign", "--key=cosign.key", *cosign.way.offline, cosign.reference)
    second = new_repository()

    cosign("copy", cosign.reference, f"{cosign.registry}/{second}:v1")

    copied = f"{cosign.registry}/{second}@{cosign.image.digest}"
    assert cosign.image.digest in cosign("verify", *cosign.way.verify_offline, copied)
    # The copy also has the tag that could hold a list of referrers, and it is the image itself.
    assert cosign.registry.referrers(second, cosign.image.digest) == []
