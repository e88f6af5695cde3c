"""Blobs, descriptors and documents to push."""

import hashlib
import json
import os
from typing import Any

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"

Document = dict[str, Any]


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def unique(size_bytes: int = 64) -> bytes:
    """Content nobody pushed before."""
    return os.urandom(size_bytes)


def unknown_digest(algorithm: str = "sha256") -> str:
    return digest_of(unique(), algorithm)


def descriptor(
    content: bytes, media_type: str = OCI_LAYER, *, algorithm: str = "sha256", **fields: object
) -> Document:
    digest = digest_of(content, algorithm)
    return {"mediaType": media_type, "digest": digest, "size": len(content), **fields}


def image(config: Document, layers: list[Document], **fields: object) -> Document:
    return {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": config,
        "layers": layers,
        **fields,
    }


def index(manifests: list[Document], **fields: object) -> Document:
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests, **fields}


def encode(document: object) -> bytes:
    return json.dumps(document).encode()


def without(document: Document, key: str) -> Document:
    return {name: value for name, value in document.items() if name != key}
