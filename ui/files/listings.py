"""The files of layers, read from the store when somebody asks, and remembered for a while."""

import json
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import astuple
from datetime import datetime
from typing import Final

from cachetools import TTLCache

from artifacts.images.files import LayerFile, LayerFiles, list_files
from artifacts.oci.digest import Digest
from registry.blobs.services import StoredBlob, find_blob, read_blob
from registry.blobs.transfers import Download
from registry.repositories.models import Repository
from ui.display.costly import costly

MAX_PACKED_BYTES: Final = 512 * 1024 * 1024
MAX_REMEMBERED_BYTES: Final = 16 * 1024 * 1024  # of all listings of a process, compressed
REMEMBERED_SECONDS: Final = 10 * 60


def listing_of(repository: Repository, digest: Digest, now: datetime) -> LayerFiles:
    """The files of a layer that ``repository`` holds; what is odd about it is its ``problem``.

    Raises ``BlobUnknown``, ``StorageUnavailable``, ``TooManyRequests`` and ``Busy``.
    """
    blob = find_blob(repository=repository, digest=digest, now=now)
    if (listing := remembered(digest)) is not None:
        return listing
    with reading(blob, now) as pieces:
        listing = list_files(pieces)
    if blob.size > MAX_PACKED_BYTES and listing.problem in ("", "it is cut short"):
        listing.problem = f"only its first {MAX_PACKED_BYTES // 1024**2} MiB are read"
    document = [[astuple(file) for file in listing.files], listing.problem]
    packed = zlib.compress(json.dumps(document).encode(), 1)
    with _lock, suppress(ValueError):  # longer than all that may be kept
        _remembered[str(digest)] = packed
    return listing


def remembered(digest: Digest) -> LayerFiles | None:
    """The files of a layer, if they were listed lately. It asks nobody whether that may be seen."""
    with _lock:
        packed = _remembered.get(str(digest))
    if packed is None:
        return None
    files, problem = json.loads(zlib.decompress(packed))
    return LayerFiles([LayerFile(*file) for file in files], problem)


@contextmanager
def reading(blob: StoredBlob, now: datetime) -> Iterator[Iterator[bytes]]:
    """The bytes of a layer, while a place among the downloads and one among what is costly are
    held: reading takes a thread as long as a download does."""
    length = min(blob.size, MAX_PACKED_BYTES)
    pieces = Download(read_blob(blob=blob, start=0, length=length, now=now))
    try:
        with costly():
            yield pieces
    finally:
        pieces.close()


def forget_listings() -> None:
    with _lock:
        _remembered.clear()


_lock = threading.Lock()
_remembered: TTLCache[str, bytes] = TTLCache(
    MAX_REMEMBERED_BYTES, REMEMBERED_SECONDS, getsizeof=len
)
