"""What a manifest is, told from its types."""

from typing import Any

import pytest

from artifacts.kinds.kinds import BUNDLE_PREDICATE, COSIGN_SIGN, Kind, kind_of, name_of
from artifacts.oci.documents import ManifestDocument
from tests.artifacts.manifests import (
    BUNDLE,
    CHART,
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DSSE,
    EMPTY,
    FOREIGN_LAYER,
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
    TAR_GZIP,
    WASM,
    WASM_CONFIG,
    artifact,
    docker_manifest,
    first_docker_manifest,
    index,
    manifest,
)

CONTENT = "dev.sigstore.bundle.content"
GZIP_LAYER, ZSTD_LAYER = f"{OCI_LAYER}+gzip", f"{OCI_LAYER}+zstd"
GADGET = "application/vnd.gadget.v1+binary"
OLLAMA = "application/vnd.ollama.image"
DOCKER_AI = "application/vnd.docker.ai"
MODELPACK = "application/vnd.cncf.model"
CACHE = "application/vnd.buildkit.cacheconfig.v0"


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
    "in-toto's provenance in an envelope": (
        artifact("application/vnd.in-toto.provenance+dsse", "a/b"),
        Kind.ATTESTATION,
    ),
    "in-toto's statement of another kind": (
        manifest(EMPTY, "application/vnd.in-toto.test-result.v1+json"),
        Kind.ATTESTATION,
    ),
    "in-toto's bundle": (artifact("application/vnd.in-toto.bundle", "a/b"), Kind.ATTESTATION),
    "a model beside the config of an image": (
        manifest(OCI_CONFIG, "application/x-gguf"),
        Kind.MODEL,
    ),
    "a model of safetensors": (
        manifest(OCI_CONFIG, "application/vnd.safetensors", "text/markdown"),
        Kind.MODEL,
    ),
    "a model of ORMB": (
        manifest("application/vnd.caicloud.model.config.v1alpha1+json", TAR_GZIP),
        Kind.MODEL,
    ),
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
    # Images, as tools write them.
    "an image with Docker's layers": (manifest(OCI_CONFIG, DOCKER_LAYER), Kind.IMAGE),
    "an encrypted image": (manifest(OCI_CONFIG, f"{GZIP_LAYER}+encrypted"), Kind.IMAGE),
    "an image of Windows": (
        docker_manifest(DOCKER_CONFIG, FOREIGN_LAYER, DOCKER_LAYER),
        Kind.IMAGE,
    ),
    "an image with layers of Nydus": (
        manifest(OCI_CONFIG, "application/vnd.oci.image.layer.nydus.blob.v1", GZIP_LAYER),
        Kind.IMAGE,
    ),
    "an image with layers of EROFS": (
        manifest(OCI_CONFIG, "application/vnd.oci.image.layer.v1.erofs"),
        Kind.IMAGE,
    ),
    "an image that repeats its type": (
        manifest(OCI_CONFIG, GZIP_LAYER, artifactType=OCI_CONFIG),
        Kind.IMAGE,
    ),
    "an image that repeats the type of its manifest": (
        manifest(OCI_CONFIG, GZIP_LAYER, artifactType="application/vnd.oci.image.manifest.v1+json"),
        Kind.IMAGE,
    ),
    # What only borrows the config of images.
    "a model of Ollama": (
        docker_manifest(DOCKER_CONFIG, f"{OLLAMA}.model", f"{OLLAMA}.license", f"{OLLAMA}.params"),
        Kind.MODEL,
    ),
    "a model of Ollama in tensors": (
        manifest(OCI_CONFIG, f"{OLLAMA}.tensor; name=a; dtype=BF16; shape=1,2"),
        Kind.MODEL,
    ),
    "an adapter of Ollama": (docker_manifest(DOCKER_CONFIG, f"{OLLAMA}.adapter"), Kind.MODEL),
    "a gadget": (
        manifest(
            OCI_CONFIG, "application/vnd.gadget.ebpf.program.v1+binary", artifactType=GADGET
        ),
        Kind.ARTIFACT,
    ),
    "a gadget without a type of its own": (
        manifest(OCI_CONFIG, "application/vnd.gadget.ebpf.program.v1+binary"),
        Kind.ARTIFACT,
    ),
    "an image's config and layers under another type": (
        manifest(OCI_CONFIG, GZIP_LAYER, artifactType="application/vnd.acme.app.v1"),
        Kind.ARTIFACT,
    ),
    "an image's config over a plain file": (manifest(OCI_CONFIG, "text/plain"), Kind.ARTIFACT),
    "an image's config over a layer and a file": (
        manifest(OCI_CONFIG, GZIP_LAYER, "application/json"),
        Kind.ARTIFACT,
    ),
    "a report under an image's config": (
        manifest(OCI_CONFIG, "application/sarif+json"),
        Kind.ARTIFACT,
    ),
    "a WASM component under an image's config": (manifest(OCI_CONFIG, WASM), Kind.WASM),
    # Models.
    "a model of Docker": (
        manifest(f"{DOCKER_AI}.model.config.v0.1+json", f"{DOCKER_AI}.gguf.v3"),
        Kind.MODEL,
    ),
    "a newer model of Docker": (
        manifest(f"{DOCKER_AI}.model.config.v0.2+json", f"{DOCKER_AI}.safetensors"),
        Kind.MODEL,
    ),
    "a model by ModelPack": (
        manifest(
            f"{MODELPACK}.config.v1+json",
            f"{MODELPACK}.weight.v1.tar",
            artifactType=f"{MODELPACK}.manifest.v1+json",
        ),
        Kind.MODEL,
    ),
    "a model by ModelPack with an empty config": (
        artifact(f"{MODELPACK}.manifest.v1+json", f"{MODELPACK}.weight.v1.raw"),
        Kind.MODEL,
    ),
    "a model of RamaLama": (
        artifact("application/vnd.cnai.model.manifest.v1+json", "a/b"),
        Kind.MODEL,
    ),
    "a ModelKit": (
        manifest("application/vnd.kitops.modelkit.config.v1+json",
                 "application/vnd.kitops.modelkit.model.v1.tar+gzip"),
        Kind.MODEL,
    ),
    # WebAssembly.
    "a module for Envoy": (
        manifest("application/vnd.module.wasm.config.v1+json",
                 "application/vnd.module.wasm.content.layer.v1+wasm"),
        Kind.WASM,
    ),
    "a component": (manifest("application/vnd.wasm.config.v0+json", WASM), Kind.WASM),
    "a component in a registry of packages": (
        manifest(EMPTY, "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm"),
        Kind.WASM,
    ),
    "a policy of Kubewarden": (
        manifest("application/vnd.wasm.config.v1+json",
                 "application/vnd.wasm.content.layer.v1+wasm"),
        Kind.WASM,
    ),
    # Proofs.
    "an SBOM by cosign": (
        manifest("application/vnd.dev.cosign.artifact.sbom.v1+json", "text/spdx+json"),
        Kind.SBOM,
    ),
    "an SPDX file in tags and values": (artifact("text/spdx", "text/spdx"), Kind.SBOM),
    "an SPDX file in RDF": (manifest(OCI_CONFIG, "application/spdx+rdf"), Kind.SBOM),
    "a CycloneDX file with its version": (
        artifact("application/vnd.cyclonedx+json; version=1.5", "a/b"),
        Kind.SBOM,
    ),
    # Caches of builds.
    "a cache in a manifest": (manifest(CACHE, GZIP_LAYER, ZSTD_LAYER), Kind.BUILD_CACHE),
    "a cache in an index": (index(GZIP_LAYER, CACHE), Kind.BUILD_CACHE),
    # Other artifacts.
    "a source of Flux": (
        manifest("application/vnd.cncf.flux.config.v1+json",
                 "application/vnd.cncf.flux.content.v1.tar+gzip"),
        Kind.ARTIFACT,
    ),
    "an eBPF program by Bumblebee": (
        manifest("application/ebpf.oci.image.config.v1+json",
                 "application/ebpf.oci.image.program.v1+binary"),
        Kind.ARTIFACT,
    ),
    "a plugin of Docker": (
        docker_manifest("application/vnd.docker.plugin.v1+json", DOCKER_LAYER),
        Kind.ARTIFACT,
    ),
    "a Compose application": (
        artifact("application/vnd.docker.compose.project",
                 "application/vnd.docker.compose.file+yaml"),
        Kind.ARTIFACT,
    ),
    "rules of Falco": (
        manifest("application/vnd.cncf.falco.rulesfile.config.v1+json",
                 "application/vnd.cncf.falco.rulesfile.layer.v1+tar.gz"),
        Kind.ARTIFACT,
    ),
    "a database of Trivy": (
        manifest("application/vnd.aquasec.trivy.config.v1+json",
                 "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip"),
        Kind.ARTIFACT,
    ),
    "a feature of dev containers": (
        manifest("application/vnd.devcontainers", "application/vnd.devcontainers.layer.v1+tar"),
        Kind.ARTIFACT,
    ),
    "a SOCI index": (
        artifact("application/vnd.amazon.soci.index.v1+json", "application/octet-stream"),
        Kind.ARTIFACT,
    ),
    "a provider of OpenTofu": (
        artifact("application/vnd.opentofu.provider", "archive/zip"),
        Kind.ARTIFACT,
    ),
    "a layer of a chart without its config": (manifest(EMPTY, CHART), Kind.ARTIFACT),
}  # fmt: skip


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


@pytest.mark.parametrize(
    ("document", "name"),
    [
        (manifest("application/ebpf.oci.image.config.v1+json", "a/b"), "eBPF program"),
        (manifest(OCI_CONFIG, "application/vnd.gadget.ebpf.program.v1+binary"), "Inspektor Gadget"),
        (artifact("application/vnd.docker.compose.project", "a/b"), "Compose application"),
        (manifest("application/vnd.ms.bicep.module.config.v1+json", "a/b"), "Bicep module"),
        (artifact("application/vnd.acme", "a/b"), ""),
    ],
)
def test_artifacts_that_are_known_have_a_name(document: ManifestDocument, name: str) -> None:
    assert name_of(document) == name


def test_kinds_fit_their_column() -> None:
    assert max(map(len, Kind)) <= 20
