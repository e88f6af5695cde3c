"""One request's hold on an upload into S3."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from uuid import UUID, uuid4

from registry.storage import s3_fence
from registry.storage.base import PIECE_BYTES, BytesMissing, Piece, WriterReplaced
from registry.storage.s3_bucket import Bucket, Part
from registry.storage.s3_fence import Fence, Tail, Taken, parts_of, save
from registry.storage.s3_reader import S3Reader

#: S3 copies at most 5 GiB at once; less, so that the answer does not keep us waiting too long.
COPY_BYTES = 512 * 1024**2


@dataclass(frozen=True, slots=True)
class Base:
    """An object made of an upload's first parts, so that they can be read again.

    Written down before it is made, and to make it twice is no error: so whoever
    needs it makes it.
    """

    key: str
    size: int
    multipart_id: str
    parts: list[Part]


@dataclass(slots=True)
class S3Writer:
    """Collects bytes until they fill a part. What does not is left as a tail.

    ``parts`` and ``buffer`` are what S3 has and has not got yet; ``tail`` is the object
    that holds what belongs into the buffer, as long as nobody needed it there.
    """

    bucket: Bucket
    fence: Fence
    part_bytes: int
    position: int
    key: str
    multipart_id: str
    parts: list[Part]
    base: Base | None
    tail: Tail | None
    settled: int  # the offset that the row can be taken over at
    is_finished: bool = False
    buffer: bytearray = field(default_factory=bytearray)

    @classmethod
    def on(cls, taken: Taken, *, bucket: Bucket, part_bytes: int, offset: int) -> "S3Writer":
        row = taken.row
        return cls(
            bucket=bucket,
            fence=taken.fence,
            part_bytes=part_bytes,
            position=offset,
            key=row.key,
            multipart_id=row.multipart_id,
            parts=parts_of(row),
            base=Base(**row.base) if row.base else None,
            tail=taken.tail,
            settled=offset,
        )

    def read(self, length: int) -> Iterator[bytes]:
        self.fence.check()
        self._load()
        self._make_readable()
        length = min(length, self.position)
        stored = min(length, self._boundary)
        pieces: Iterator[bytes] = iter(())
        if self.base and stored:
            self._complete(self.base)
            pieces = S3Reader(self.bucket, self.base.key, 0, stored)
        return chain(pieces, _in_pieces(bytes(self.buffer[: length - stored])))

    def write(self, pieces: Iterable[Piece]) -> int:
        start, boundary = self.position, self._boundary
        tail, buffer = self.tail, bytes(self.buffer)
        try:
            for piece in pieces:
                self._take(piece)
            self.fence.check()
        except WriterReplaced:
            raise
        except BaseException:
            self.position, self.tail, self.buffer = start, tail, bytearray(buffer)
            self._cut_parts(boundary)
            raise
        return self.position - start

    def cut(self, length: int) -> None:
        """What no row was told of is found behind ``length`` by whoever goes on."""

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        left = self._leave_tail()
        try:
            with self.fence.hold() as row:
                if self.settled != self.position:
                    newest = [[left.start, left.length, left.key]] if left else []
                    save(row, parts=self.parts, tails=[*row.tails[-1:], *newest])
                yield
        except WriterReplaced:
            if left:
                self.bucket.delete(left.key)
            raise
        self.settled = self.position

    def settle(self) -> None:
        """Leave the upload so that the next writer can go on."""
        if self.settled != self.position and not self.is_finished:
            self.fence.check()
            with self.undisturbed():
                pass

    def finish(self) -> str:
        if self._boundary == 0:
            key = self._finish_small()
        elif self.base and self.position == self.base.size and not self.multipart_id:
            self._complete(self.base)
            key = self.base.key
            self.fence.finish(key).remove(self.bucket)
        else:
            key = self._finish_parts()
        self.is_finished = True
        return key

    @property
    def _boundary(self) -> int:
        """How many bytes S3 has as parts or in the base."""
        if self.base and not self.multipart_id:
            return self.base.size
        return sum(size for _, _, size in self.parts)

    def _cut_parts(self, length: int) -> None:
        while self.multipart_id and self._boundary > length:
            self.parts.pop()

    def _take(self, piece: Piece) -> None:
        if not piece:
            return
        self._load()
        view = memoryview(piece)
        while view:
            some = view[: self.part_bytes - len(self.buffer)]
            self.buffer += some
            self.position += len(some)
            view = view[len(some) :]
            if len(self.buffer) == self.part_bytes:
                self._send_part()
        self.tail = None

    def _load(self) -> None:
        """Bring the tail's bytes into the buffer."""
        if self.tail and not self.buffer:
            length = self.position - self.tail.start
            for piece in S3Reader(self.bucket, self.tail.key, 0, length):
                self.buffer += piece
            if len(self.buffer) != length:
                raise BytesMissing(self.tail.key)

    def _send_part(self) -> None:
        self._open_multipart()
        number = self.fence.next_part()
        content, self.buffer = self.buffer, bytearray()
        self.parts.append(self.bucket.add(self.key, self.multipart_id, number, content))

    def _open_multipart(self) -> None:
        """Open a multipart upload at a final key, beginning with the base if there is one."""
        if self.multipart_id:
            return
        key = new_key(self.fence.upload)
        s3_fence.note_multipart(key)
        multipart_id = self.bucket.begin(key)
        try:
            parts = self._copied_base(key, multipart_id)
            with self.fence.hold() as row:
                number = row.next_part if not parts else parts[-1][0] + 1
                save(row, key=key, multipart_id=multipart_id, parts=parts, next_part=number)
        except BaseException:
            self.bucket.abort(key, multipart_id)
            raise
        self.key, self.multipart_id, self.parts = key, multipart_id, parts

    def _copied_base(self, key: str, multipart_id: str) -> list[Part]:
        if not self.base:
            return []
        self._complete(self.base)
        count = -(-self.base.size // COPY_BYTES)
        edges = [self.base.size * number // count for number in range(count + 1)]
        return [
            self.bucket.copy(
                key,
                multipart_id,
                number + 1,
                source=self.base.key,
                start=edges[number],
                end=edges[number + 1],
            )
            for number in range(count)
        ]

    def _make_readable(self) -> None:
        """Turn the open multipart upload into the base: parts cannot be read, objects can."""
        if not self.multipart_id or not self.parts:
            return
        older = self.base
        base = Base(self.key, self._boundary, self.multipart_id, self.parts)
        with self.fence.hold() as row:
            written = {
                "key": base.key,
                "size": base.size,
                "multipart_id": base.multipart_id,
                "parts": base.parts,
            }
            save(row, key="", multipart_id="", parts=[], next_part=1, base=written)
        self.base, self.key, self.multipart_id, self.parts = base, "", "", []
        self._complete(base)
        if older:
            self.bucket.delete(older.key)

    def _complete(self, base: Base) -> None:
        if self.bucket.size(base.key) != base.size:
            self.bucket.complete(base.key, base.multipart_id, base.parts)

    def _leave_tail(self) -> Tail | None:
        """Store what is in the buffer, unless it is stored already."""
        if self.settled == self.position or not self.buffer:
            return None
        if self.tail is None:
            key = new_key(self.fence.upload)
            self.bucket.put(key, self.buffer)
            self.tail = Tail(self._boundary, len(self.buffer), key)
        return self.tail

    def _finish_small(self) -> str:
        """One object: the tail, if all of it is stored already."""
        if self.tail and self.tail.length == self.position:
            self.fence.finish(self.tail.key).remove(self.bucket)
            return self.tail.key
        self._load()
        self.fence.check()
        key = new_key(self.fence.upload)
        self.bucket.put(key, self.buffer)
        try:
            self.fence.finish(key).remove(self.bucket)
        except WriterReplaced:
            self.bucket.delete(key)
            raise
        return key

    def _finish_parts(self) -> str:
        self._load()
        if self.buffer:
            self._send_part()
        left = self.fence.finish(self.key)
        try:
            self.bucket.complete(self.key, self.multipart_id, self.parts)
        except BaseException:
            self.fence.reopen(self.multipart_id)
            raise
        s3_fence.forget_multipart(self.key)
        left.remove(self.bucket)
        return self.key


def new_key(upload: UUID) -> str:
    return f"blobs/{upload.hex[-2:]}/{upload.hex}.{uuid4().hex}"


def _in_pieces(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), PIECE_BYTES):
        yield content[start : start + PIECE_BYTES]
