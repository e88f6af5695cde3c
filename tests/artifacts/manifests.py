"""Documents of manifests, made of types alone."""

import json
from typing import Any

from artifacts.oci.digest import Digest
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.media_types import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, SCHEMA1
from tests.registry.api.docker_v1.schema1.made import EMPTY_LAYER, schema1

OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"
HELM_CONFIG = "application/vnd.cncf.helm.config.v1+json"
CHART = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
PROVENANCE = "application/vnd.cncf.helm.chart.provenance.v1.prov"
TAR_GZIP = "application/tar+gzip"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
FOREIGN_LAYER = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
DSSE = "application/vnd.dsse.envelope.v1+json"
IN_TOTO = "application/vnd.in-toto+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
SIF_CONFIG = "application/vnd.sylabs.sif.config.v1+json"
SIF_LAYER, SIF_TAR = (
    "application/vnd.sylabs.sif.layer.v1.sif",
    "application/vnd.sylabs.sif.layer.v1+tar",
)
WASM_CONFIG, WASM = "application/vnd.wasm.config.v0+json", "application/wasm"
OPA_CONFIG = "application/vnd.unknown.config.v1+json"
OPA_POLICY = "application/vnd.cncf.openpolicyagent.policy.layer.v1+rego"
OPA_DATA = "application/vnd.cncf.openpolicyagent.data.layer.v1+json"


def manifest(config: str, *layers: str, **changed: Any) -> ManifestDocument:
    """A manifest of these types."""
    return _parsed(OCI_MANIFEST, config=_descriptor(config), layers=_all(layers), **changed)


def docker_manifest(config: str, *layers: str) -> ManifestDocument:
    return _parsed(DOCKER_MANIFEST, config=_descriptor(config), layers=_all(layers))


def artifact(artifact_type: str, *layers: str) -> ManifestDocument:
    """A manifest whose config is empty."""
    return manifest(EMPTY, *layers, artifactType=artifact_type)


def index(*children: str, **changed: Any) -> ManifestDocument:
    return _parsed(OCI_INDEX, manifests=_all(children), **changed)


def first_docker_manifest() -> ManifestDocument:
    """An image in the form of Docker's first manifests, which have no config."""
    return ManifestDocument.parse(json.dumps(schema1(EMPTY_LAYER)).encode(), SCHEMA1)


def _parsed(media_type: str, **changed: Any) -> ManifestDocument:
    document = {"schemaVersion": 2, "mediaType": media_type, **changed}
    return ManifestDocument.parse(json.dumps(document).encode(), media_type)


def _all(types: tuple[str, ...]) -> list[dict[str, Any]]:
    return [_descriptor(media_type) for media_type in types]


def _descriptor(media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": str(Digest.of(b"{}")), "size": 2}
