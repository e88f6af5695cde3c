"""What a manifest is, told from its types."""

from typing import Any

import pytest

from artifacts.kinds.kinds import BUNDLE_PREDICATE, COSIGN_SIGN, Kind, kind_of
from artifacts.oci.documents import ManifestDocument
from tests.artifacts.manifests import (
    BUNDLE,
    CHART,
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DSSE,
    EMPTY,
    HELM_CONFIG,
    IN_TOTO,
    OCI_CONFIG,
    OCI_LAYER,
    OPA_CONFIG,
    OPA_DATA,
    OPA_POLICY,
    SIF_CONFIG,
    SIF_LAYER,
    SIF_TAR,
    SIMPLE_SIGNING,
    WASM,
    WASM_CONFIG,
    artifact,
    docker_manifest,
    first_docker_manifest,
    index,
    manifest,
)

CONTENT = "dev.sigstore.bundle.content"


def bundle(**annotations: str) -> ManifestDocument:
    changed: dict[str, Any] = {"artifactType": BUNDLE, "annotations": annotations}
    return manifest(EMPTY, BUNDLE, **changed)


KINDS = {
    "an OCI image": (manifest(OCI_CONFIG, f"{OCI_LAYER}+zstd"), Kind.IMAGE),
    "a Docker image": (docker_manifest(DOCKER_CONFIG, DOCKER_LAYER), Kind.IMAGE),
    "an image in Docker's first form": (first_docker_manifest(), Kind.IMAGE),
    "an image without layers": (manifest(OCI_CONFIG), Kind.IMAGE),
    "an index": (index(), Kind.INDEX),
    "an index with an artifact type": (index(artifactType=HELM_CONFIG), Kind.INDEX),
    "a chart": (manifest(HELM_CONFIG, CHART), Kind.HELM_CHART),
    "cosign's signature": (manifest(OCI_CONFIG, SIMPLE_SIGNING), Kind.SIGNATURE),
    "two signatures": (manifest(OCI_CONFIG, SIMPLE_SIGNING, SIMPLE_SIGNING), Kind.SIGNATURE),
    "cosign's referring signature": (
        manifest("application/vnd.dev.cosign.artifact.sig.v1+json", SIMPLE_SIGNING),
        Kind.SIGNATURE,
    ),
    "notation's signature": (
        manifest("application/vnd.cncf.notary.signature", "application/jose+json"),
        Kind.SIGNATURE,
    ),
    "notation's signature with an empty config": (
        artifact("application/vnd.cncf.notary.signature", "application/cose"),
        Kind.SIGNATURE,
    ),
    "a bundle with a signature": (bundle(**{CONTENT: "message-signature"}), Kind.SIGNATURE),
    "a bundle with an attestation": (bundle(**{CONTENT: "dsse-envelope"}), Kind.ATTESTATION),
    "a bundle that says nothing": (bundle(), Kind.SIGNATURE),
    "a bundle as cosign 3 signs": (
        bundle(**{CONTENT: "dsse-envelope", BUNDLE_PREDICATE: COSIGN_SIGN}),
        Kind.SIGNATURE,
    ),
    "cosign's attestation": (manifest(OCI_CONFIG, DSSE), Kind.ATTESTATION),
    "BuildKit's attestation": (manifest(OCI_CONFIG, IN_TOTO), Kind.ATTESTATION),
    "an SPDX file": (manifest(OCI_CONFIG, "text/spdx+json"), Kind.SBOM),
    "a CycloneDX file": (manifest(OCI_CONFIG, "application/vnd.cyclonedx+xml"), Kind.SBOM),
    "a Syft file": (manifest(OCI_CONFIG, "application/vnd.syft+json"), Kind.SBOM),
    "an attached SPDX file": (artifact("application/spdx+json", "text/plain"), Kind.SBOM),
    "a SIF image": (manifest(SIF_CONFIG, SIF_LAYER), Kind.SIF),
    "a SIF image as documented": (manifest(SIF_CONFIG, SIF_TAR), Kind.SIF),
    "a SIF image of an odd tool": (artifact("a/b", SIF_TAR), Kind.SIF),
    "a WASM module": (manifest(WASM_CONFIG, WASM), Kind.WASM),
    "a WASM module in an old form": (
        manifest(OCI_CONFIG, "application/vnd.wasm.content.layer.v1+wasm"),
        Kind.WASM,
    ),
    "an OPA bundle": (manifest(OPA_CONFIG, OPA_POLICY, OPA_DATA), Kind.POLICY_BUNDLE),
    "an artifact": (artifact("application/vnd.example.thing", "a/b"), Kind.ARTIFACT),
    "an artifact without content": (artifact("application/vnd.example", EMPTY), Kind.ARTIFACT),
    "nothing but an empty config": (manifest(EMPTY), Kind.ARTIFACT),
}


@pytest.mark.parametrize("thing", KINDS)
def test_the_kind_is_told_from_the_types(thing: str) -> None:
    document, kind = KINDS[thing]

    assert kind_of(document) == kind


@pytest.mark.parametrize(
    "lookalike",
    [f"{SIMPLE_SIGNING}.backup", f"x{HELM_CONFIG}", "application/vndXcyclonedx", f"{WASM}s"],
)
def test_a_type_that_only_looks_like_another_is_not_it(lookalike: str) -> None:
    assert kind_of(artifact(lookalike, lookalike)) == Kind.ARTIFACT


def test_kinds_fit_their_column() -> None:
    assert max(map(len, Kind)) <= 20
