"""Request bodies as pieces, never as a whole."""

from collections.abc import Iterator
from http import HTTPStatus

from rest_framework.request import Request

from artifacts.oci.errors import ManifestTooLarge, SizeInvalid, TooManyRequests
from registry.blobs.transfers import transfers
from registry.rows.connections import release_connection
from registry.storage.base import PIECE_BYTES

# A body of at most this size comes as a whole before the request is looked at.
SMALL_BODY_BYTES = 64 * 1024


class RequestBody(Iterator[bytes]):
    """The body of one request, read from the server's own stream.

    Django reads ``CONTENT_LENGTH`` bytes, which is none for a chunked body; the
    server ends the stream itself. Where the length is known, a client that goes away looks
    like the end of the body, so whoever needs all of it compares with ``length``: what came
    of an upload counts. Where it is not, a body that broke is no body at all.

    Raises:
        BodyBroken: the framing of a body of unknown length broke.
        TooManyRequests: there is no place for one more that waits for its client.
    """

    def __init__(self, request: Request) -> None:
        self._stream = request.META["wsgi.input"]
        self.length = content_length(request)
        self._waits_for_client = (
            self.length is None or self.length > SMALL_BODY_BYTES or "HTTP_EXPECT" in request.META
        )
        self._left = self.length
        self._begun = False
        self._ended = False

    @property
    def has_come(self) -> bool:
        """Whether it is small, and nobody waits for it."""
        return not self._waits_for_client

    def __next__(self) -> bytes:
        if self._ended:
            raise StopIteration
        want = PIECE_BYTES if self._left is None else min(PIECE_BYTES, self._left)
        if want and not self._begun and self._waits_for_client:
            self._begin()
        try:
            piece: bytes = self._stream.read(want) if want else b""
        except BodyBroken:
            self.end()
            if self.length is None:
                raise
            piece = b""
        except BaseException:
            self.end()
            raise
        if not piece:
            self.end()
            raise StopIteration
        if self._left is not None:
            self._left -= len(piece)
        return piece

    def _begin(self) -> None:
        """Take a place among those who wait for clients. Raises ``TooManyRequests``."""
        try:
            transfers.begin_upload()
        except TooManyRequests:
            self._ended = True  # the rest stays unread: reading is what there is no place for
            raise
        self._begun = True
        release_connection()

    def end(self) -> None:
        """Read no more, and make place for others."""
        self._ended = True
        if self._begun:
            self._begun = False
            transfers.end_upload()

    def read_manifest(self, limit_bytes: int) -> bytes:
        try:
            content = self.read_small(limit_bytes)
        except BodyTooLarge as error:
            raise ManifestTooLarge(
                f"a manifest may have at most {limit_bytes} bytes (MAXIMUM_MANIFEST_SIZE)"
            ) from error
        if self.length is not None and len(content) != self.length:
            raise SizeInvalid(f"{self.length} bytes were announced, {len(content)} arrived")
        return content

    def read_small(self, limit_bytes: int) -> bytes:
        """The whole of a body that is small by rule. Raises ``BodyTooLarge``."""
        if self.length is not None and self.length > limit_bytes:
            raise BodyTooLarge(f"the body may have at most {limit_bytes} bytes")
        content = bytearray()
        for piece in self:
            content += piece
            if len(content) > limit_bytes:
                raise BodyTooLarge(f"the body may have at most {limit_bytes} bytes")
        return bytes(content)


class BodyBroken(SizeInvalid):
    """The body did not come as a whole."""


class BodyTooLarge(SizeInvalid):
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def content_length(request: Request) -> int | None:
    """``Content-Length`` in bytes; ``None`` when only the end of the body tells.

    That is a chunked body, and in HTTP/2 any body without the header. Elsewhere no
    header means no body (RFC 9112, 6.3).
    """
    text = request.META.get("CONTENT_LENGTH")
    if text and text.isdecimal():
        return int(text)
    chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
    return None if chunked or request.META.get("SERVER_PROTOCOL", "").startswith("HTTP/2") else 0
