"""The files of layers: listed when somebody asks, remembered for a while, and all of them by a job
where that takes long."""

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from typing import Final

from cachetools import TTLCache

from artifacts.images.files import LayerFiles, list_files
from artifacts.images.packed import PackedFiles
from artifacts.oci.digest import Digest
from artifacts.oci.errors import BlobUnknown
from registry.blobs.services import StoredBlob, find_blobs, read_blob
from registry.blobs.transfers import Download
from registry.inspection.listings import ask_for_listing, files_in, kept_listings
from registry.repositories.models import Repository
from ui.display.costly import costly

MAX_PACKED_BYTES: Final = 512 * 1024 * 1024
MAX_REMEMBERED_BYTES: Final = 16 * 1024 * 1024  # of all listings of a process, compressed
REMEMBERED_SECONDS: Final = 10 * 60


class Listings:
    """The files of some layers of a repository; what is known of all of them is asked for once."""

    def __init__(self, repository: Repository, digests: Collection[Digest], now: datetime) -> None:
        self._repository = repository
        self._now = now
        self._blobs = find_blobs(repository=repository, digests=digests, now=now)
        self._kept = kept_listings(self._blobs)

    def is_at_hand(self, digest: Digest) -> bool:
        """Whether ``of`` reads no layer: its files are known, or it is not here."""
        kept = self._kept.get(digest)
        is_kept = kept is not None and kept.has_files
        return is_kept or digest not in self._blobs or _recall(digest) is not None

    def of(self, digest: Digest) -> LayerFiles:
        """What is odd about a list is its ``problem``.

        Raises ``BlobUnknown``, ``StorageUnavailable``, ``TooManyRequests`` and ``Busy``.
        """
        blob = self._blobs.get(digest)
        if blob is None:
            raise BlobUnknown(f"{self._repository.path} does not hold {digest}", digest=str(digest))
        files = self._known(digest)
        listing = files.unpacked() if files else _listed(blob, digest, self._now)
        if listing.is_cut:
            listing.problem += self._outlook(digest)
        return listing

    def _known(self, digest: Digest) -> PackedFiles | None:
        kept, files = self._kept.get(digest), _recall(digest)
        if kept is None or not kept.has_files or (files and not files.is_cut):
            return files
        if whole := files_in(kept):
            _remember(digest, whole)
        return whole or files

    def _outlook(self, digest: Digest) -> str:
        """How the sentence goes on that says why a list is cut."""
        kept = self._kept.get(digest)
        if kept is not None and kept.is_given_up:
            return f"; listing all of it was given up, because {kept.problem}"
        if kept is None and not ask_for_listing(digest, self._now):
            return ""
        return "; all of it is being listed, so look again in a minute"


def listing_of(repository: Repository, digest: Digest, now: datetime) -> LayerFiles:
    """As ``Listings.of``, of one layer."""
    return Listings(repository, {digest}, now).of(digest)


def _listed(blob: StoredBlob, digest: Digest, now: datetime) -> LayerFiles:
    with reading(blob, now) as pieces:
        listing = list_files(pieces)
    if blob.size > MAX_PACKED_BYTES and listing.problem in ("", "it is cut short"):
        listing.problem = f"only its first {MAX_PACKED_BYTES // 1024**2} MiB are read"
        listing.is_cut = True
    files = PackedFiles.of(listing.files)
    _remember(digest, replace(files, problem=listing.problem, is_cut=listing.is_cut))
    return listing


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


def _recall(digest: Digest) -> PackedFiles | None:
    """The files of a layer, if they were listed lately. It asks nobody whether that may be seen."""
    with _lock:
        return _remembered.get(digest)


def _remember(digest: Digest, files: PackedFiles) -> None:
    with _lock, suppress(ValueError):  # longer than all that may be kept
        _remembered[digest] = files


_lock = threading.Lock()
_remembered: TTLCache[Digest, PackedFiles] = TTLCache(
    MAX_REMEMBERED_BYTES, REMEMBERED_SECONDS, getsizeof=lambda files: len(files.content)
)
