"""A stretch of an object, piece by piece."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError

from registry.storage.base import PIECE_BYTES, StorageUnavailable
from registry.storage.s3_bucket import Bucket

_ATTEMPTS = 3


class S3Reader(Iterator[bytes]):
    """Reads on where it stood when S3 drops the connection, as it does for slow readers.

    Raises ``BytesMissing`` when made and there is no such object.
    """

    _body: Any = None

    def __init__(self, bucket: Bucket, key: str, start: int, length: int) -> None:
        self._bucket = bucket
        self._key = key
        self._position = start
        self._body, self._left = bucket.open(key, start, length)

    def __next__(self) -> bytes:
        if not self._left:
            self.close()
            raise StopIteration
        piece = self._read(min(PIECE_BYTES, self._left))
        self._position += len(piece)
        self._left -= len(piece)
        return piece

    def close(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None
            self._left = 0

    def __del__(self) -> None:
        self.close()

    def _read(self, length: int) -> bytes:
        for _ in range(_ATTEMPTS):
            if self._body is None:  # the object is shorter than it was
                break
            try:
                piece: bytes = self._body.read(length)
            except (BotoCoreError, OSError):
                piece = b""
            if piece:
                return piece
            self._body.close()
            self._body, self._left = self._bucket.open(self._key, self._position, self._left)
        raise StorageUnavailable(why=f"{self._key} breaks off at byte {self._position}")
