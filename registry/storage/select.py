"""Choose the store the settings name."""

from functools import cache
from pathlib import Path

from django.conf import settings

from registry.storage.base import BlobStore
from registry.storage.filesystem import FilesystemStore


def blob_store() -> BlobStore:
    """The store that new blobs go to."""
    _, parameters = settings.DISTRIBUTED_STORAGE_CONFIG[settings.DISTRIBUTED_STORAGE_PREFERENCE[0]]
    return _filesystem(parameters["storage_path"])


@cache
def _filesystem(path: str) -> BlobStore:
    return FilesystemStore(root=Path(path))
