"""Blobs: end-2 and end-10."""

from collections.abc import Iterator
from uuid import uuid4

from django.http import FileResponse, HttpResponse
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from registry.api.distribution.base import RepositoryView
from registry.api.http.conditions import content_headers, is_held, wants_range
from registry.api.http.ranges import Part, parse_range
from registry.blobs.services import StoredBlob, link_to_blob, read_blob
from registry.blobs.transfers import download, let_go_of_database
from registry.exchange.blobs import digest_to_read, fetch_blob
from registry.manifests.removal import delete_blob

_OCTETS = "application/octet-stream"
_UNCHANGING = "private, max-age=31536000, immutable"


class BlobView(RepositoryView):
    """One blob, whole or in part."""

    actions = {"GET": "pull", "HEAD": "pull", "DELETE": "delete"}
    # Some clients keep the token of their first challenge for the push that follows.
    asks_for = {"HEAD": "pull,push"}

    def head(self, request: Request, name: str, digest: str) -> HttpResponse:
        blob = self._find(digest)
        if is_held(request.headers, blob.digest):
            return _not_modified(blob)
        return HttpResponse(
            content_type=_OCTETS,
            headers={**_headers(blob), "Content-Length": str(blob.size)},
        )

    def get(self, request: Request, name: str, digest: str) -> HttpResponse | FileResponse:
        blob = self._find(digest)
        if is_held(request.headers, blob.digest):
            return _not_modified(blob)
        parts = _parts(request, blob)
        if _can_be_sent_on(request, parts) and (url := link_to_blob(blob=blob, now=self.now)):
            return _sent_on(blob, url)
        response = self._multipart(blob, parts) if len(parts) > 1 else self._single(blob, parts)
        let_go_of_database()
        return response

    def delete(self, request: Request, name: str, digest: str) -> Response:
        delete_blob(
            repository=self.repository,
            digest=digest_to_read(digest),
            now=self.now,
            by=self.caller.actor,
        )
        return Response(status=status.HTTP_202_ACCEPTED)

    def _find(self, digest: str) -> StoredBlob:
        return fetch_blob(
            repository=self.repository, digest=digest, caller=self.caller, now=self.now
        )

    def _read(self, blob: StoredBlob, part: Part) -> Iterator[bytes]:
        return read_blob(blob=blob, start=part.start, length=part.length, now=self.now)

    def _single(self, blob: StoredBlob, parts: list[Part]) -> FileResponse:
        part = parts[0] if parts else Part(0, blob.size)
        headers = {**_headers(blob), "Content-Length": str(part.length)}
        if parts:
            headers["Content-Range"] = part.content_range(blob.size)
        return FileResponse(
            download(self._read(blob, part), part.length),
            status=status.HTTP_206_PARTIAL_CONTENT if parts else status.HTTP_200_OK,
            content_type=_OCTETS,
            headers=headers,
        )

    def _multipart(self, blob: StoredBlob, parts: list[Part]) -> FileResponse:
        boundary = uuid4().hex
        heads = [_part_head(boundary, part, blob.size) for part in parts]
        tail = f"\r\n--{boundary}--\r\n".encode()
        length = sum(map(len, heads)) + sum(part.length for part in parts) + len(tail)
        pieces = [self._read(blob, part) for part in parts]
        return FileResponse(
            download(_joined(heads, pieces, tail), length),
            status=status.HTTP_206_PARTIAL_CONTENT,
            content_type=f"multipart/byteranges; boundary={boundary}",
            headers={**_headers(blob), "Content-Length": str(length)},
        )


def _headers(blob: StoredBlob) -> dict[str, str]:
    return {
        **content_headers(blob.digest),
        "Accept-Ranges": "bytes",
        "Cache-Control": _UNCHANGING,
    }


def _parts(request: Request, blob: StoredBlob) -> list[Part]:
    if not wants_range(request.headers, blob.digest):
        return []
    return parse_range(request.headers["Range"], blob.size)


def _can_be_sent_on(request: Request, parts: list[Part]) -> bool:
    """Whether the store would answer this request as we do.

    Clients repeat their headers there, where the blob has another entity tag.
    """
    return len(parts) <= 1 and not {"If-Match", "If-Range"} & set(request.headers)


def _sent_on(blob: StoredBlob, url: str) -> HttpResponse:
    headers = {**content_headers(blob.digest), "Location": url, "Cache-Control": "no-store"}
    return HttpResponse(status=status.HTTP_307_TEMPORARY_REDIRECT, headers=headers)


def _not_modified(blob: StoredBlob) -> HttpResponse:
    return HttpResponse(status=status.HTTP_304_NOT_MODIFIED, headers=_headers(blob))


def _part_head(boundary: str, part: Part, size: int) -> bytes:
    lines = [
        "",
        f"--{boundary}",
        f"Content-Type: {_OCTETS}",
        f"Content-Range: {part.content_range(size)}",
        "",
        "",
    ]
    return "\r\n".join(lines).encode()


def _joined(heads: list[bytes], pieces: list[Iterator[bytes]], tail: bytes) -> Iterator[bytes]:
    for head, stretch in zip(heads, pieces, strict=True):
        yield head
        yield from stretch
    yield tail
