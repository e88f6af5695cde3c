"""Blobs and images that nobody pushed before, made without hashing them again and again."""

import functools
import hashlib
import json
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
LAYERS_PER_IMAGE = 10
STAMP_BYTES = 16

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
EMPTY = b"{}"
EMPTY_DIGEST = f"sha256:{hashlib.sha256(EMPTY).hexdigest()}"

_PATTERN = memoryview(random.Random(0).randbytes(MIB))


@dataclass(frozen=True, slots=True)
class Blob:
    """The common pattern, repeated, with a random stamp as its last bytes."""

    size: int
    digest: str
    stamp: bytes

    def pieces(self) -> Iterator[memoryview]:
        left = self.size - STAMP_BYTES
        while left > MIB:
            yield _PATTERN
            left -= MIB
        yield memoryview(bytes(_PATTERN[:left]) + self.stamp)


@dataclass(frozen=True, slots=True)
class Image:
    layers: tuple[Blob, ...]
    config: Blob
    manifest: bytes
    digest: str


def new_blob(size: int) -> Blob:
    stamp = os.urandom(STAMP_BYTES)
    running = _hash_of_pattern(size - STAMP_BYTES).copy()
    running.update(stamp)
    return Blob(size, f"sha256:{running.hexdigest()}", stamp)


def new_image(*, layer_bytes: int = MIB) -> Image:
    layers = tuple(new_blob(layer_bytes) for _ in range(LAYERS_PER_IMAGE))
    config = new_blob(KIB)
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": _descriptor(config, CONFIG_TYPE),
            "layers": [_descriptor(layer, LAYER_TYPE) for layer in layers],
        }
    ).encode()
    return Image(layers, config, manifest, f"sha256:{hashlib.sha256(manifest).hexdigest()}")


def new_referrer(subject: Image) -> bytes:
    """A manifest without content that says something of an image."""
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "artifactType": "application/vnd.example.note",
            "config": {"mediaType": EMPTY_TYPE, "digest": EMPTY_DIGEST, "size": len(EMPTY)},
            "layers": [{"mediaType": EMPTY_TYPE, "digest": EMPTY_DIGEST, "size": len(EMPTY)}],
            "subject": {
                "mediaType": MANIFEST_TYPE,
                "digest": subject.digest,
                "size": len(subject.manifest),
            },
            "annotations": {"org.example.note": os.urandom(STAMP_BYTES).hex()},
        }
    ).encode()


def _descriptor(blob: Blob, media_type: str) -> dict[str, str | int]:
    return {"mediaType": media_type, "digest": blob.digest, "size": blob.size}


@functools.cache
def _hash_of_pattern(length: int) -> "hashlib._Hash":
    """Hash what all blobs of a size share, once; processes forked later inherit it."""
    running = hashlib.sha256()
    for _ in range(length // MIB):
        running.update(_PATTERN)
    running.update(_PATTERN[: length % MIB])
    return running
