"""Receive blobs: append chunks to a session, commit, cancel. And blobs that come at once."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from inspect import GEN_CLOSED, getgeneratorstate
from itertools import chain
from typing import Generic, TypeVar
from uuid import UUID, uuid4

from django.conf import settings

from accounts import statements
from artifacts.oci.digest import Digest
from artifacts.oci.errors import (
    BlobTooLarge,
    BlobUploadInvalid,
    BlobUploadUnknown,
    ChunkOutOfOrder,
    DigestInvalid,
    OCIError,
    SizeInvalid,
)
from registry.blobs import hashing, sessions
from registry.blobs.models import Blob, UploadSession
from registry.blobs.services import NewBlob, UploadEnded, register_blobs
from registry.repositories.models import Repository
from registry.repositories.services import while_it_exists
from registry.storage.base import BytesMissing, Piece, UploadWriter, WriterReplaced
from registry.storage.select import blob_store

T = TypeVar("T")

Receiving = Generator[None, Iterable[Piece] | datetime, T]
"""Takes pieces of a body as they come, then the moment at which it ended, and returns."""


class Receiver(Generic[T]):
    """Takes in one body. Each call is short: whoever makes it waits for the client in between.

    Calls come one after the other, from any thread. Whatever fails ends the upload.
    """

    def __init__(self, receiving: Receiving[T]) -> None:
        self._receiving = receiving

    @property
    def is_over(self) -> bool:
        return getgeneratorstate(self._receiving) == GEN_CLOSED

    def begin(self) -> None:
        """Look at what is known before the first byte, and take the upload over."""
        next(self._receiving)

    def write(self, pieces: Iterable[Piece]) -> None:
        self._receiving.send(pieces)

    def finish(self, *, now: datetime) -> T:
        try:
            self._receiving.send(now)
        except StopIteration as end:
            result: T = end.value
            return result
        raise RuntimeError("the body has ended, and more is waited for")

    def give_up(self, error: BaseException) -> None:
        """The body is none: what came of it is forgotten. Raises ``error``."""
        self._receiving.throw(error)

    def close(self) -> None:
        """Forget what came, unless it is finished already."""
        self._receiving.close()


def received(receiving: Receiving[T], pieces: Iterable[Piece], clock: Callable[[], datetime]) -> T:
    """The same for whoever waits for the pieces of a body, and has nothing else to do."""
    receiver = Receiver(receiving)
    receiver.begin()
    receiver.write(pieces)
    return receiver.finish(now=clock())


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some bytes of a blob, as a request brings them.

    ``first_byte`` and ``last_byte`` are what ``Content-Range`` says, both
    inclusive; ``length`` is ``Content-Length``. ``None`` where the client sent none.
    """

    pieces: Iterable[Piece] = ()
    length: int | None = None
    first_byte: int | None = None
    last_byte: int | None = None

    @property
    def expected(self) -> int | None:
        """How many bytes must come, if the client told."""
        if self.first_byte is None or self.last_byte is None:
            return self.length
        return self.last_byte - self.first_byte + 1

    @property
    def whole(self) -> Piece | None:
        """All of it, if that has come already."""
        if not isinstance(self.pieces, Sequence):
            return None
        content = self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)
        return content if self.expected in (None, len(content)) else None


EMPTY = Chunk(pieces=(), length=0)


def append_chunk(*, session: UploadSession, chunk: Chunk, now: datetime) -> UploadSession:
    """Append one chunk to an upload session and move its offset.

    The bytes are written first, outside any transaction; then the row moves.
    If the process dies in between, the offset still says where to resume and
    the retry overwrites the same bytes. Of two requests racing on one session
    the later one takes the bytes over, and the row moves for one of them only.
    A chunk that is cut short counts as far as it came.

    Raises:
        ChunkOutOfOrder: the chunk starts elsewhere, or another request moved
            the session first. Answers 416 with the offset to resume from.
        SizeInvalid: another number of bytes came than was announced.
        BlobTooLarge, StorageFull: the session stays as it was.

    Source: distribution-spec v1.1, "Pushing a blob in chunks" (end-5).
    """
    return received(appending(session=session, chunk=chunk), chunk.pieces, lambda: now)


def appending(*, session: UploadSession, chunk: Chunk) -> Receiving[UploadSession]:
    """The same for a chunk whose pieces are handed in."""
    _check_start(session, chunk)
    with _hold(session) as writer:
        hasher = hashing.hasher_at(writer, session.pk, session.algorithm, session.offset)
        now = yield from _written(writer, session, hasher, (yield))
        arrived = hasher.length - session.offset
        if chunk.expected is None or arrived <= chunk.expected:
            _move(writer, session, hasher, now)
    _require_length(chunk, arrived)
    return session


@dataclass(frozen=True, slots=True)
class Finished:
    """An upload whose bytes have their place, before they are durable and a row says so.

    Without ``ends_session`` nobody knows of the session. ``came_at_once``: not through what
    earlier requests may have begun, which is thrown away in the end.
    """

    session: UploadSession
    digest: Digest
    size: int
    storage_key: str
    now: datetime
    ends_session: bool = True
    came_at_once: bool = False

    def as_blob(self) -> NewBlob:
        return NewBlob(
            self.session.repository,
            self.digest,
            self.size,
            self.storage_key,
            self.now,
            self._end_session if self.ends_session else None,
        )

    def _end_session(self) -> None:
        if not sessions.close(self.session, now=self.now):
            raise UploadEnded


def commit_upload(*, session: UploadSession, digest: Digest, chunk: Chunk, now: datetime) -> Blob:
    """Append the last chunk, if any, and turn the session into a blob of ``digest``.

    A session is closed once: of racing commits one finds the row, the others are
    told that the session is unknown. When the digest is wrong the session stays
    as it was, so that the commit can be repeated with the right one.

    Raises:
        ChunkOutOfOrder, SizeInvalid, BlobTooLarge, StorageFull: as ``append_chunk``.
        DigestInvalid: the content has another digest.
        BlobUploadUnknown: another request closed or cancelled the session.

    Source: distribution-spec v1.1, "Pushing a blob in chunks" (end-6).
    """
    return register(finish_upload(session=session, digest=digest, chunk=chunk, now=now))


def push_blob(*, repository: Repository, digest: Digest, chunk: Chunk, now: datetime) -> Blob:
    """Store a blob that comes in one request, without a session (end-4b)."""
    return register(finish_blob(repository=repository, digest=digest, chunk=chunk, now=now))


def finish_upload(
    *, session: UploadSession, digest: Digest, chunk: Chunk, now: datetime
) -> Finished:
    """The part of ``commit_upload`` that deals with bytes; ``register`` is the rest."""
    _check_start(session, chunk)
    content = None if sessions.has_row(session) else chunk.whole
    if content is not None:
        try:
            key = _keep(session.pk, digest, content)
        except DigestInvalid:
            if sessions.current_offset(session) != session.offset:
                raise _out_of_order(session) from None
            raise
        return Finished(session, digest, len(content), key, now, came_at_once=True)
    steps = finishing(session=session, digest=digest, chunk=chunk)
    return received(steps, chunk.pieces, lambda: now)


def finishing(*, session: UploadSession, digest: Digest, chunk: Chunk) -> Receiving[Finished]:
    """The same for a chunk whose pieces are handed in."""
    _check_start(session, chunk)
    with _hold(session) as writer:
        content_digest, size, now = yield from _write_last(writer, session, chunk, digest.algorithm)
        _require_digest(content_digest, digest)
        key = writer.finish()
    return Finished(session, digest, size, key, now)


def finish_blob(*, repository: Repository, digest: Digest, chunk: Chunk, now: datetime) -> Finished:
    """The same for ``push_blob``."""
    session = UploadSession(id=uuid4(), repository=repository, offset=0)
    _check_start(session, chunk)
    content = chunk.whole
    if content is None:
        steps = finishing_blob(repository=repository, digest=digest, chunk=chunk)
        return received(steps, chunk.pieces, lambda: now)
    key = _keep(session.pk, digest, content)
    return Finished(session, digest, len(content), key, now, ends_session=False, came_at_once=True)


def finishing_blob(*, repository: Repository, digest: Digest, chunk: Chunk) -> Receiving[Finished]:
    """The same for a chunk whose pieces are handed in. Nobody else knows the session."""
    session = UploadSession(id=uuid4(), repository=repository, offset=0)
    _check_start(session, chunk)
    try:
        with _hold(session, confirm=lambda: None) as writer:
            hasher = hashing.Hasher(digest.algorithm)
            now = yield from _written(writer, session, hasher, (yield))
            _require_length(chunk, hasher.length)
            _require_digest(hasher.digest(), digest)
            key = writer.finish()
    except BaseException:
        blob_store().discard(session.pk)
        raise
    return Finished(session, digest, hasher.length, key, now, ends_session=False)


def register(finished: Finished) -> Blob:
    """Give the repository its blob and end the session."""
    (outcome,) = register_together([finished])
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def register_together(finished: Sequence[Finished]) -> list[Blob | Exception]:
    """The same for many at once: of each the blob, or what ``register`` raises."""
    try:
        blob_store().settle([each.storage_key for each in finished])
    except OCIError as error:
        return [error for _ in finished]
    return _registered(finished)


def _registered(finished: Sequence[Finished]) -> list[Blob | Exception]:
    outcomes = register_blobs([each.as_blob() for each in finished])
    for number, each in enumerate(finished):
        if isinstance(outcomes[number], UploadEnded):
            outcomes[number] = _out_of_order(each.session)
        elif each.ends_session and not isinstance(outcomes[number], Exception):
            if each.came_at_once:
                blob_store().discard(each.session.pk)
            hashing.forget(each.session.pk)
    return outcomes


def cancel_upload(*, session: UploadSession, now: datetime) -> None:
    """Raises ``BlobUploadUnknown``: it ended meanwhile."""
    with while_it_exists(session.repository):
        is_cancelled = sessions.cancel(session, now=now)
    if not is_cancelled:
        raise BlobUploadUnknown(session=str(session.pk))
    blob_store().discard(session.pk)
    hashing.forget(session.pk)


def delete_stale_uploads(*, now: datetime, older_than: timedelta, limit: int) -> int:
    """Forget at most ``limit`` sessions that nobody touched for ``older_than``; return how many."""
    stale = UploadSession.objects.filter(active_at__lt=now - older_than, is_closed=False)
    session_ids = list(stale.order_by("active_at", "pk").values_list("pk", flat=True)[:limit])
    for session_id in session_ids:
        # Asked again at the delete: a chunk may have come meanwhile.
        deleted, _ = stale.filter(pk=session_id).delete()
        if deleted:
            blob_store().discard(session_id)
    return len(session_ids)


def _check_start(session: UploadSession, chunk: Chunk) -> None:
    if chunk.first_byte is not None and chunk.first_byte != session.offset:
        raise ChunkOutOfOrder(offset=session.offset)
    if chunk.length is not None and chunk.expected != chunk.length:
        raise BlobUploadInvalid(
            f"Content-Range names {chunk.expected} bytes, Content-Length {chunk.length}"
        )
    if chunk.expected is not None:
        _check_size(session.offset + chunk.expected)
        blob_store().require_room(chunk.expected)


def _check_size(size: int) -> None:
    limit = settings.BERTH.maximum_layer_bytes
    if size > limit:
        raise BlobTooLarge(f"a blob may have at most {limit} bytes (MAXIMUM_LAYER_SIZE)")


def _keep(upload: UUID, digest: Digest, content: Piece) -> str:
    """Store bytes that are all there; return their key. Nobody could go on with less of them."""
    _check_size(len(content))
    _require_digest(Digest.of(content, digest.algorithm), digest)
    return blob_store().keep(upload, content)


@contextmanager
def _hold(
    session: UploadSession, *, confirm: Callable[[], None] | None = None
) -> Iterator[UploadWriter]:
    """The store's hold on the session's bytes, its failures told in the spec's words."""

    def look_again() -> None:
        if sessions.current_offset(session) != session.offset:
            raise WriterReplaced

    try:
        with blob_store().hold(session.pk, session.offset, confirm=confirm or look_again) as writer:
            yield writer
    except WriterReplaced:
        raise _out_of_order(session) from None
    except BytesMissing:
        raise BlobUploadUnknown(
            "the bytes of this upload are gone; start a new one", session=str(session.pk)
        ) from None


def _written(
    writer: UploadWriter,
    session: UploadSession,
    hasher: hashing.Hasher,
    pieces: Iterable[Piece] | datetime,
) -> Receiving[datetime]:
    """Write and hash these pieces, and all that follow; return the moment at which they ended."""
    try:
        while not isinstance(pieces, datetime):
            writer.write(hasher.passing(_limited(pieces, hasher.length)))
            pieces = yield
    except WriterReplaced:
        raise
    except BaseException:
        writer.cut(session.offset)
        raise
    return pieces


def _limited(pieces: Iterable[Piece], length: int) -> Iterator[Piece]:
    for piece in pieces:
        length += len(piece)
        _check_size(length)
        yield piece


def _write_last(
    writer: UploadWriter, session: UploadSession, chunk: Chunk, algorithm: str
) -> Receiving[tuple[Digest, int, datetime]]:
    """Write what the closing request brings; return digest and length of the whole, and when."""
    came = yield from _any_bytes()
    if isinstance(came, datetime) and session.digest_so_far.startswith(f"{algorithm}:"):
        _require_length(chunk, 0)
        return Digest.parse(session.digest_so_far), session.offset, came
    hasher = hashing.hasher_at(writer, session.pk, algorithm, session.offset)
    now = yield from _written(writer, session, hasher, came)
    arrived = hasher.length - session.offset
    if arrived and chunk.expected is not None and arrived < chunk.expected:
        _move(writer, session, hasher, now)  # cut short: the client may go on from here
    _require_length(chunk, arrived)
    return hasher.digest(), hasher.length, now


def _any_bytes() -> Receiving[Iterable[Piece] | datetime]:
    """The first pieces with anything in them; the moment where there are none."""
    while not isinstance(came := (yield), datetime):
        pieces = iter(came)
        if first := next(pieces, b""):
            return chain([first], pieces)
    return came


def _require_length(chunk: Chunk, arrived: int) -> None:
    if chunk.expected is not None and arrived != chunk.expected:
        raise SizeInvalid(f"{chunk.expected} bytes were announced, {arrived} arrived")


def _require_digest(actual: Digest, wanted: Digest) -> None:
    if actual != wanted:
        raise DigestInvalid(
            f"the content has the digest {actual}, not {wanted}", digest=str(wanted)
        )


def _move(
    writer: UploadWriter, session: UploadSession, hasher: hashing.Hasher, now: datetime
) -> None:
    """Move the session's row to the end of what ``writer`` wrote, while that is what is there."""
    offset, digest, algorithm = hasher.length, str(hasher.digest()), hasher.algorithm
    exists = while_it_exists(session.repository)
    with exists, writer.undisturbed(), statements.commit_without_sync():
        moved = sessions.move(session, offset=offset, digest=digest, algorithm=algorithm, now=now)
    if not moved:
        raise _out_of_order(session)
    hashing.keep(session.pk, hasher)


def _out_of_order(session: UploadSession) -> ChunkOutOfOrder | BlobUploadUnknown:
    """What to tell a request that lost a race: where the session stands now."""
    offset = sessions.current_offset(session)
    if offset is not None:
        return ChunkOutOfOrder(offset=offset)
    blob_store().discard(session.pk)  # the request may have begun before the session ended
    return BlobUploadUnknown(session=str(session.pk))
