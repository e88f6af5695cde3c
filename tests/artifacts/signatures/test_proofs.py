"""What can be nothing but a signature, an attestation or an SBOM, and what only says that it is."""

import json
from pathlib import Path
from typing import Any

import pytest

from artifacts.kinds.kinds import DOCKER_CONFIG, EMPTY_CONFIG, HELM_CONFIG, OCI_CONFIG
from artifacts.oci.digest import Digest
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.media_types import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from artifacts.signatures.claims import DSSE, IN_TOTO, SIMPLE_SIGNING
from artifacts.signatures.notary import COSE, JOSE, NOTARY
from artifacts.signatures.proofs import END_BYTES, has_types_of_a_proof, reads_like_a_proof
from tests.artifacts.signatures.disguises import LAYERS, TEXTS
from tests.artifacts.signatures.signing import BUNDLE

NOTATION = Path(__file__).with_name("by_notation")


def reads(media_type: str, content: bytes) -> bool:
    first = content if media_type == COSE else content[:END_BYTES]
    return reads_like_a_proof(media_type, first, content[-END_BYTES:], len(content))


@pytest.mark.parametrize("media_type", [SIMPLE_SIGNING, "text/spdx", COSE])
@pytest.mark.parametrize("what", LAYERS)
def test_what_could_be_run_or_unpacked_is_no_proof(what: str, media_type: str) -> None:
    assert not reads(media_type, LAYERS[what])


@pytest.mark.parametrize("what", TEXTS)
def test_text_of_a_proof_is_known_by_how_it_begins(what: str) -> None:
    assert reads("text/spdx", TEXTS[what])


def test_a_signature_of_notation_in_cose_is_known_though_it_is_no_text() -> None:
    signature = (NOTATION / "signature.cose").read_bytes()

    assert reads(COSE, signature)
    assert not reads(COSE, signature + b"\x00")
    assert not reads(COSE, signature[:-1])
    assert not reads(JOSE, signature)


def _document(
    layers: list[str],
    config: str = EMPTY_CONFIG,
    media_type: str = OCI_MANIFEST,
    **changed: Any,
) -> ManifestDocument:
    def described(kind: str) -> dict[str, Any]:
        return {"mediaType": kind, "digest": str(Digest.of(b"{}")), "size": 2}

    value = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": described(config),
        "layers": [described(kind) for kind in layers],
        **changed,
    }
    return ManifestDocument.parse(json.dumps(value).encode(), media_type)


@pytest.mark.parametrize(
    ("config", "layers"),
    [
        (OCI_CONFIG, [SIMPLE_SIGNING, SIMPLE_SIGNING]),
        (OCI_CONFIG, [DSSE]),
        (OCI_CONFIG, [IN_TOTO]),
        (EMPTY_CONFIG, [BUNDLE]),
        (EMPTY_CONFIG, ["application/vnd.cyclonedx+json"]),
        ("application/spdx+json", ["application/spdx+json"]),
        ("application/vnd.dev.cosign.artifact.sig.v1+json", [SIMPLE_SIGNING]),
        ("application/vnd.dev.cosign.artifact.sbom.v1+json", ["text/spdx"]),
        (NOTARY, [COSE]),
        (NOTARY, [JOSE]),
    ],
)
def test_what_the_tools_make_has_the_types_of_a_proof(config: str, layers: list[str]) -> None:
    assert has_types_of_a_proof(_document(layers, config))


@pytest.mark.parametrize(
    ("config", "layers"),
    [
        (DOCKER_CONFIG, [SIMPLE_SIGNING]),
        (HELM_CONFIG, ["text/spdx"]),
        ("application/vnd.wasm.config.v0+json", ["text/spdx"]),
        ("application/vnd.sylabs.sif.config.v1+json", ["text/spdx"]),
        ("application/vnd.example+json", ["text/spdx"]),
        (COSE, ["text/spdx"]),
        (OCI_CONFIG, []),
        (EMPTY_CONFIG, [SIMPLE_SIGNING, "application/vnd.oci.image.layer.v1.tar"]),
        (EMPTY_CONFIG, ["application/vnd.oci.image.layer.v1.tar+gzip"]),
        (EMPTY_CONFIG, ["application/octet-stream"]),
        (EMPTY_CONFIG, ["application/wasm"]),
        (EMPTY_CONFIG, ["application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"]),
        (EMPTY_CONFIG, ["text/spdx"] * 101),
    ],
)
def test_other_types_make_it_something_else(config: str, layers: list[str]) -> None:
    assert not has_types_of_a_proof(_document(layers, config))


def test_proofs_come_in_manifests_of_oci() -> None:
    docker = _document([SIMPLE_SIGNING], OCI_CONFIG, DOCKER_MANIFEST)
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}

    assert not has_types_of_a_proof(docker)
    parsed = ManifestDocument.parse(json.dumps(index).encode(), OCI_INDEX)
    assert not has_types_of_a_proof(parsed)
