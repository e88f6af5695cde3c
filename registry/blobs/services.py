"""Blobs once they are whole: register, find, read, mount, unlink."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts import statements
from accounts.audit.services import SYSTEM, Actor
from accounts.audit.sightings import notice
from artifacts.oci.digest import Digest
from artifacts.oci.errors import BlobUnknown, NameUnknown, TooManyRequests
from registry.blobs.models import Blob, BlobLink
from registry.repositories.models import Repository, RepositoryQuerySet
from registry.repositories.services import while_it_exists
from registry.storage.base import BytesMissing
from registry.storage.select import blob_store

logger = logging.getLogger(__name__)

NOTE_MOUNT_EVERY = timedelta(minutes=1)
_TRIES = 5


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """A blob as one repository holds it."""

    link_id: int
    digest: str
    size: int
    storage_key: str
    is_aging: bool  # half of its lease is over


_FIND = """
    SELECT l.id, b.digest, b.size, b.storage_key, l.last_pushed_at
    FROM blobs_bloblink l JOIN blobs_blob b ON b.digest = l.blob_id
    WHERE l.repository_id = %s AND l.blob_id = %s AND b.missing_at IS NULL
"""


_INSERT_BLOB = """
    INSERT INTO blobs_blob (digest, size, storage_key, created_at) VALUES (%s, %s, %s, %s)
    ON CONFLICT (digest) DO NOTHING
"""
_LINK = """
    INSERT INTO blobs_bloblink (repository_id, blob_id, last_pushed_at) VALUES (%s, %s, %s)
    ON CONFLICT (repository_id, blob_id) DO UPDATE SET last_pushed_at = excluded.last_pushed_at
"""


@dataclass(frozen=True, slots=True)
class NewBlob:
    """Bytes that are durable and proved to have ``digest``, before any row names them.

    ``together_with`` is what else the transaction does, or not at all: it raises ``UploadEnded``
    to end it, and may be called again when it is repeated.
    """

    repository: Repository
    digest: Digest
    size: int
    storage_key: str
    now: datetime
    together_with: Callable[[], None] | None = None


class UploadEnded(Exception):
    """Another request moved the session on, or closed it."""


def register_blobs(blobs: Sequence[NewBlob]) -> list[Blob | Exception]:
    """Give repositories their blobs; tell of each what came of it, in the same order.

    All in one transaction, which waits for the disk once. Where one of them needs more than rows
    of its own, or fails, that one is taken back, and each has its own: nobody fails for another.
    """
    if len(blobs) > 1:
        with suppress(_LookFirst, UploadEnded, IntegrityError):
            return [*_registered_together(blobs)]
    return [_outcome(blob) for blob in blobs]


def _registered_together(blobs: Sequence[NewBlob]) -> list[Blob]:
    there = {blob.storage_key: True for blob in blobs}
    with transaction.atomic():
        return [_registered(blob, there) for blob in blobs]


def _outcome(blob: NewBlob) -> Blob | Exception:
    try:
        return register_blob(blob)
    except Exception as error:  # it is raised where its request is answered
        return error


def register_blob(blob: NewBlob) -> Blob:
    """Give a repository a blob. The only place where a blob row is born.

    When another push was first, its bytes stay and these go, unless its bytes are lost: then
    these repair it. Raises ``UploadEnded`` and ``NameUnknown``; the bytes are gone then.
    """
    looked_at: dict[str, bool] = {blob.storage_key: True}  # key: whether its bytes are there
    for _ in range(_TRIES):
        try:
            with while_it_exists(blob.repository), transaction.atomic():
                return _registered(blob, looked_at)
        except _LookFirst as look:
            # Not in the transaction, which others wait for.
            if look.row:
                key = look.row.storage_key
                looked_at[key] = blob_store().size(key) == blob.size
        except (NameUnknown, UploadEnded):
            blob_store().delete(blob.storage_key)
            raise
    raise TooManyRequests(f"{blob.digest} comes and goes all the time", retry_after_seconds=1)


def _registered(blob: NewBlob, looked_at: Mapping[str, bool]) -> Blob:
    """Inside a transaction. Raises ``_LookFirst`` and ``UploadEnded``."""
    if blob.together_with:
        blob.together_with()
    row = _born_or_locked(blob)
    if row is None:
        raise _LookFirst(None)
    stored_blob = _keep_one_copy(row, blob.storage_key, looked_at)
    _link(blob.repository, stored_blob.digest, blob.now)
    return stored_blob


class _LookFirst(Exception):
    """The transaction cannot go on before the store was asked for the bytes of a row.

    Without a row: it was collected since it was met.
    """

    def __init__(self, row: Blob | None) -> None:
        self.row = row


def _born_or_locked(new: NewBlob) -> Blob | None:
    """The row of that digest: this one, or another, locked; ``None``: collected since."""
    digest = str(new.digest)
    if statements.execute(_INSERT_BLOB, [digest, new.size, new.storage_key, new.now]):
        return Blob(digest=digest, size=new.size, storage_key=new.storage_key, created_at=new.now)
    # No lock on the key: a mount that links the blob meanwhile need not wait.
    return Blob.objects.select_for_update(no_key=True).filter(pk=digest).first()


def _keep_one_copy(blob: Blob, storage_key: str, looked_at: Mapping[str, bool]) -> Blob:
    """Of the bytes that a row has and those that just came, let one go after the commit."""
    if blob.storage_key == storage_key:
        return blob
    if not blob.missing_at and blob.storage_key not in looked_at:
        raise _LookFirst(blob)
    surplus = storage_key
    if blob.missing_at or not looked_at[blob.storage_key]:
        surplus, blob.storage_key, blob.missing_at = blob.storage_key, storage_key, None
        blob.save(update_fields=["storage_key", "missing_at"])
    transaction.on_commit(partial(blob_store().delete, surplus))
    return blob


def _link(repository: Repository, digest: str, now: datetime) -> None:
    statements.execute(_LINK, [repository.id, digest, now])


def find_blob(*, repository: Repository, digest: Digest, now: datetime) -> StoredBlob:
    """The blob ``digest`` as ``repository`` holds it, in one query.

    Raises:
        BlobUnknown: not in this repository, wherever else it may be.
    """
    parameters = (repository.id, str(digest))
    row = statements.remembered((_FIND, *parameters), lambda: _link_row(parameters))
    if row is None:
        raise BlobUnknown(f"{repository.path} does not hold {digest}", digest=str(digest))
    link_id, digest_, size, storage_key, pushed = row
    aging = _aging_at(pushed)
    statements.holds_until(aging, now=now)
    return StoredBlob(link_id, digest_, size, storage_key, is_aging=aging < now)


def find_blobs(
    *, repository: Repository, digests: Collection[Digest], now: datetime
) -> Mapping[Digest, StoredBlob]:
    """Those of the blobs that ``repository`` holds, in one query."""
    links = BlobLink.objects.filter(
        repository=repository.id, blob__in=set(map(str, digests)), blob__missing_at=None
    )
    rows = links.values_list("pk", "blob", "blob__size", "blob__storage_key", "last_pushed_at")
    return {
        Digest.parse(digest): StoredBlob(link, digest, size, key, is_aging=_aging_at(pushed) < now)
        for link, digest, size, key, pushed in rows
    }


def _aging_at(pushed: datetime) -> datetime:
    return pushed + timedelta(seconds=settings.BERTH.PUSH_TEMP_TAG_EXPIRATION_SEC) / 2


def _link_row(parameters: Sequence[Any]) -> statements.Found[tuple[Any, ...] | None]:
    for *names, pushed in statements.rows(_FIND, parameters):
        return statements.Found((*names, statements.moment(pushed)))
    return statements.Found(None)


def read_blob(*, blob: StoredBlob, start: int, length: int, now: datetime) -> Iterator[bytes]:
    """Bytes of a blob. When the store lost them, the next push must bring them again."""
    with _loss_is_noted(blob, now):
        return blob_store().read(blob.storage_key, start, length)


def link_to_blob(*, blob: StoredBlob, now: datetime) -> str | None:
    """A URL of the store's own for the blob; ``None`` when the bytes must go through us."""
    if settings.BERTH.FEATURE_PROXY_STORAGE:
        return None
    with _loss_is_noted(blob, now):
        return blob_store().link(blob.storage_key)


@contextmanager
def _loss_is_noted(blob: StoredBlob, now: datetime) -> Iterator[None]:
    try:
        yield
    except BytesMissing:
        logger.exception("the bytes of blob %s are gone from %s", blob.digest, blob.storage_key)
        Blob.objects.filter(pk=blob.digest, storage_key=blob.storage_key).update(missing_at=now)
        raise BlobUnknown(digest=blob.digest) from None


def renew_lease(*, blob: StoredBlob, now: datetime) -> None:
    """Keep a blob for a caller who may push and just asked whether it is there.

    Written only when half of the grace is over, so that asking seldom writes. Raises
    ``BlobUnknown`` when it was collected since it was found.
    """
    if not blob.is_aging:
        return
    if not BlobLink.objects.filter(pk=blob.link_id).update(last_pushed_at=now):
        raise BlobUnknown(f"the repository does not hold {blob.digest}", digest=blob.digest)


def mount_blob(
    *,
    repository: Repository,
    digest: Digest,
    sources: RepositoryQuerySet,
    now: datetime,
    by: Actor = SYSTEM,
) -> bool:
    """Link a blob that one of ``sources`` holds into ``repository``; tell whether it did.

    An absent blob and one that only others may read look the same: one query either way.
    """
    links = BlobLink.objects.filter(
        blob=str(digest), blob__missing_at=None, repository__in=sources.values("pk")
    )
    link = links.order_by("pk").values_list("pk", "repository__path").first()
    if link is None:
        return False
    source, path = link
    with while_it_exists(repository), transaction.atomic():
        # Both ends in one order: a mount the other way round must not deadlock.
        ends = BlobLink.objects.filter(Q(pk=source) | Q(repository=repository.id, blob=str(digest)))
        locked = ends.select_for_update().order_by("pk").values_list("pk", flat=True)
        if source not in locked:
            return False
        _link(repository, str(digest), now)
    if path != repository.path:
        _note_mount(repository, digest, path, now=now, by=by)
    return True


def _note_mount(
    repository: Repository, digest: Digest, source: str, *, now: datetime, by: Actor
) -> None:
    """A push mounts every layer of its base: of all from one repository the first is told."""
    notice(
        by,
        "blob.mount",
        repository.path,
        once_in=NOTE_MOUNT_EVERY,
        key=[source],
        now=now,
        source=source,
        digest=str(digest),
    )
