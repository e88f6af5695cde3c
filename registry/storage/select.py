"""Choose the store the settings name, or several as one."""

import heapq
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings

from registry.storage.base import (
    BlobStore,
    BytesMissing,
    Piece,
    StoredBytes,
    UnfinishedUpload,
    UploadWriter,
)
from registry.storage.filesystem import FilesystemStore

if TYPE_CHECKING:
    from registry.storage.s3 import S3Store

_PART_BYTES = 8 * 1024**2
_MEBIBYTE = 1024**2
# S3 allows 10,000 parts. The rest is for uploads that break off and go on.
_PARTS = 8000


def blob_store() -> BlobStore:
    """The store that new blobs go to; where others are named beside it, all of them as one."""
    stores = [store_named(name) for name in settings.DISTRIBUTED_STORAGE_PREFERENCE]
    return stores[0] if len(stores) == 1 else SeveralStores(tuple(stores))


def store_named(name: str) -> BlobStore:
    driver, parameters = settings.DISTRIBUTED_STORAGE_CONFIG[name]
    if driver == "LocalStorage":
        return _filesystem(parameters["storage_path"])
    return s3_store(parameters)


@dataclass(frozen=True, slots=True)
class SeveralStores:
    """What is new goes to the first; what it lacks is in one of the others, under the same key.

    Processes may differ in which is the first of the same stores. Nobody writes one upload in two
    of them: whoever takes it over from its beginning takes it away from the others, and then looks
    again whether its row stands where it stood.
    """

    stores: tuple[BlobStore, ...]

    def require(self) -> None:
        for store in self.stores:
            store.require()

    def require_room(self, size_bytes: int) -> None:
        self.stores[0].require_room(size_bytes)

    @contextmanager
    def hold(
        self, upload: UUID, offset: int, *, confirm: Callable[[], None]
    ) -> Iterator[UploadWriter]:
        with ExitStack() as held:
            yield self._taken(held, upload, offset, confirm)

    def _taken(
        self, held: ExitStack, upload: UUID, offset: int, confirm: Callable[[], None]
    ) -> UploadWriter:
        first, *others = self._receiving()
        if not offset:
            writer = held.enter_context(first.hold(upload, 0, confirm=confirm))
            for store in others:
                store.discard(upload)
            confirm()
            return writer
        for store in (first, *others):
            with suppress(BytesMissing):
                return held.enter_context(store.hold(upload, offset, confirm=confirm))
        raise BytesMissing(str(upload))

    def _receiving(self) -> list[BlobStore]:
        """Those with uploads of their own. All buckets share one table of uploads, so of them
        only the first has any: what is on its way into another one begins again."""
        buckets = [store for store in self.stores if not isinstance(store, FilesystemStore)]
        return [store for store in self.stores if store not in buckets[1:]]

    def keep(self, upload: UUID, content: Piece) -> str:
        return self.stores[0].keep(upload, content)

    def settle(self, keys: Sequence[str]) -> None:
        """Each folder what it has; what is in a bucket is durable."""
        rest = list(keys)
        folders = [store for store in self.stores if isinstance(store, FilesystemStore)]
        for store in folders:
            own = [key for key in rest if store.size(key) is not None]
            store.settle(own)
            rest = [key for key in rest if key not in own]
        if rest and len(folders) == len(self.stores):
            folders[0].settle(rest)  # which says why it cannot

    def discard(self, upload: UUID) -> None:
        for store in self._receiving():
            store.discard(upload)

    def read(self, key: str, start: int, length: int) -> Iterator[bytes]:
        for store in self.stores:
            with suppress(BytesMissing):
                return store.read(key, start, length)
        raise BytesMissing(key)

    def link(self, key: str) -> str | None:
        for store in self.stores:
            with suppress(BytesMissing):
                return store.link(key)
        raise BytesMissing(key)

    def size(self, key: str) -> int | None:
        sizes = (store.size(key) for store in self.stores)
        return next((size for size in sizes if size is not None), None)

    def delete(self, key: str) -> None:
        for store in self.stores:
            store.delete(key)

    def stored(self, *, after: str = "") -> Iterator[StoredBytes]:
        """What several have comes once, as the first of them has it, at the latest moment."""
        entries = [store.stored(after=after) for store in self.stores]
        found: StoredBytes | None = None
        for entry in heapq.merge(*entries, key=attrgetter("key")):
            if found and found.key == entry.key:
                latest = max(found.stored_at, entry.stored_at)
                found = StoredBytes(found.key, found.size, latest)
                continue
            if found:
                yield found
            found = entry
        if found:
            yield found

    def unfinished(self) -> Iterator[UnfinishedUpload]:
        for store in self._receiving():
            yield from store.unfinished()

    def unfinished_elsewhere(self) -> Iterator[UnfinishedUpload]:
        """Those that will end in another store than the first."""
        for store in self._receiving()[1:]:
            yield from store.unfinished()

    def clean(self, *, now: datetime, older_than: timedelta) -> int:
        return sum(store.clean(now=now, older_than=older_than) for store in self._receiving())


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
