"""Choose the store the settings name."""

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from registry.storage.base import BlobStore
from registry.storage.filesystem import FilesystemStore

if TYPE_CHECKING:
    from registry.storage.s3 import S3Store

_PART_BYTES = 8 * 1024**2
_MEBIBYTE = 1024**2
# S3 allows 10,000 parts. The rest is for uploads that break off and go on.
_PARTS = 8000


def blob_store() -> BlobStore:
    """The store that new blobs go to."""
    driver, parameters = settings.DISTRIBUTED_STORAGE_CONFIG[
        settings.DISTRIBUTED_STORAGE_PREFERENCE[0]
    ]
    if driver == "LocalStorage":
        return _filesystem(parameters["storage_path"])
    return s3_store(parameters)


def s3_store(parameters: dict[str, Any]) -> "S3Store":
    return _s3(
        json.dumps(parameters, sort_keys=True), part_bytes(settings.BERTH.maximum_layer_bytes)
    )


def part_bytes(maximum_blob_bytes: int) -> int:
    """Length of parts of which few enough hold the largest blob: whole mebibytes, 8 or more."""
    mebibytes = -(-maximum_blob_bytes // (_PARTS * _MEBIBYTE))
    return max(_PART_BYTES, mebibytes * _MEBIBYTE)


@cache
def _filesystem(path: str) -> BlobStore:
    return FilesystemStore(root=Path(path))


@cache
def _s3(parameters: str, part_bytes: int) -> "S3Store":
    # Loading boto3 takes half a second and 30 MB that a registry on a disk can do without.
    from registry.storage.s3 import S3Store
    from registry.storage.s3_bucket import Bucket, connect

    options = json.loads(parameters)
    public = options.pop("public_endpoint_url", "")
    named = connect(**{**options, "endpoint_url": public}) if public else None
    return S3Store(Bucket(connect(**options), named), part_bytes)
