"""What a read answers, as a plain value.

The views turn it into Django's response, and the front door sends it without one: no rule about
pulls stands in either.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from artifacts.oci.digest import AlgorithmUnsupported
from artifacts.oci.errors import ManifestInvalid, ManifestUnknown
from artifacts.oci.names import Reference
from registry.access.callers import Caller
from registry.api.distribution.conversions import CONVERSIONS
from registry.api.http.conditions import content_headers, is_held, wants_range
from registry.api.http.paging import next_page
from registry.api.http.ranges import Part, parse_range
from registry.blobs.services import StoredBlob, link_to_blob, read_blob
from registry.blobs.transfers import download
from registry.exchange.blobs import fetch_blob
from registry.exchange.pulls import ask_for_manifest, pull_manifest
from registry.repositories.models import Repository
from registry.tags.models import Tag

_MAX_HEADER_LENGTH = 3072  # of the 4 KiB that proxies have for all headers of an answer
API_VERSION = {"Docker-Distribution-API-Version": "registry/2.0"}

_OCTETS = "application/octet-stream"
_JSON = "application/json"
_UNCHANGING = "private, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Read:
    """A read that its caller may make. ``headers`` by their names in lower case."""

    is_head: bool
    headers: Mapping[str, str]
    name: str  # of the repository, as the client writes it
    repository: Repository
    caller: Caller
    now: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent: a whole body, or the pieces of one that is not held in memory."""

    status: HTTPStatus
    headers: Mapping[str, str]
    body: bytes | Iterator[bytes] = b""


def ping_answer(caller: Caller, now: datetime) -> Answer:
    """That this is a registry, to whom it knows (end-1). Raises ``Unauthorized``."""
    caller.confirmed(now=now)
    return document_answer({})


def document_answer(
    document: Mapping[str, Any], headers: Mapping[str, str] = MappingProxyType({})
) -> Answer:
    """A document of our own, for programs."""
    body = json.dumps(document, separators=(",", ":")).encode()
    described = {"Content-Type": _JSON, "Content-Length": str(len(body))}
    return Answer(HTTPStatus.OK, {**API_VERSION, **described, **headers}, body)


def manifest_answer(read: Read, reference: str) -> Answer:
    """One manifest, by tag or digest (end-3)."""
    target = reference_to_read(reference)
    repository, caller = read.repository, read.caller
    if read.is_head:
        pulled = ask_for_manifest(
            repository=repository, reference=target, caller=caller, now=read.now
        )
    else:
        pulled = pull_manifest(repository=repository, reference=target, caller=caller, now=read.now)
    manifest = pulled.manifest
    if target.tag:
        for conversion in CONVERSIONS:
            manifest = conversion.convert(
                read.headers,
                repository=read.repository,
                manifest=manifest,
                name=read.name,
                tag=target.tag,
                now=read.now,
            )
    headers = API_VERSION | content_headers(manifest.digest) | warning_header(pulled.warnings)
    if is_held(read.headers, manifest.digest):
        return Answer(HTTPStatus.NOT_MODIFIED, headers)
    headers["Content-Type"] = manifest.media_type
    headers["Content-Length"] = str(manifest.size)
    return Answer(HTTPStatus.OK, headers, manifest.body)


def blob_answer(read: Read, digest: str) -> Answer:
    """One blob, whole or in part (end-2)."""
    blob = fetch_blob(repository=read.repository, digest=digest, caller=read.caller, now=read.now)
    named = API_VERSION | content_headers(blob.digest)
    headers = {**named, "Accept-Ranges": "bytes", "Cache-Control": _UNCHANGING}
    if is_held(read.headers, blob.digest):
        return Answer(HTTPStatus.NOT_MODIFIED, headers)
    headers["Content-Type"] = _OCTETS
    if read.is_head:
        return Answer(HTTPStatus.OK, {**headers, "Content-Length": str(blob.size)})
    parts = _parts(read, blob)
    if _can_be_sent_on(read, parts) and (url := link_to_blob(blob=blob, now=read.now)):
        moved = {**named, "Location": url, "Cache-Control": "no-store"}
        return Answer(HTTPStatus.TEMPORARY_REDIRECT, moved)
    if len(parts) > 1:
        return _multipart(read, blob, parts, headers)
    part = parts[0] if parts else Part(0, blob.size)
    headers["Content-Length"] = str(part.length)
    if parts:
        headers["Content-Range"] = part.content_range(blob.size)
    status = HTTPStatus.PARTIAL_CONTENT if parts else HTTPStatus.OK
    return Answer(status, headers, download(_pieces(read, blob, part), part.length))


def tags_answer(read: Read, *, size: int, after: str) -> Answer:
    """The tags of a repository in the order of their bytes, page by page (end-8)."""
    names = Tag.objects.names(read.repository.id, after=after, size=size + 1, at=read.now)
    next_ = next_page(f"/v2/{read.name}/tags/list", names, size)
    return document_answer({"name": read.name, "tags": names[:size]}, next_)


def reference_to_read(text: str) -> Reference:
    """What cannot be a tag, or a digest of ours, cannot be found either: 404 (end-3)."""
    try:
        return Reference.parse(text)
    except (ManifestInvalid, AlgorithmUnsupported) as error:
        raise ManifestUnknown(error.reason) from error


def warning_header(texts: Sequence[str]) -> dict[str, str]:
    """``Warning``, whose values clients show: distribution-spec 1.1, "Warnings"."""
    return {"Warning": ", ".join(fitting(map(_warning, texts)))} if texts else {}


def fitting(parts: Iterable[str]) -> Iterator[str]:
    """As many as a header may hold: proxies refuse answers with longer ones.

    A client takes a tag that is not named for one that was not pushed, and pushes it again.
    """
    room = _MAX_HEADER_LENGTH
    for part in parts:
        room -= len(part) + 2
        if room < 0:
            return
        yield part


def _warning(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{escaped}"'


def _parts(read: Read, blob: StoredBlob) -> list[Part]:
    if not wants_range(read.headers, blob.digest):
        return []
    return parse_range(read.headers["range"], blob.size)


def _can_be_sent_on(read: Read, parts: list[Part]) -> bool:
    """Whether the store would answer this request as we do.

    Clients repeat their headers there, where the blob has another entity tag.
    """
    return len(parts) <= 1 and not any(name in read.headers for name in ("if-match", "if-range"))


def _pieces(read: Read, blob: StoredBlob, part: Part) -> Iterator[bytes]:
    return read_blob(blob=blob, start=part.start, length=part.length, now=read.now)


def _multipart(
    read: Read, blob: StoredBlob, parts: list[Part], headers: Mapping[str, str]
) -> Answer:
    boundary = uuid4().hex
    heads = [_part_head(boundary, part, blob.size) for part in parts]
    tail = f"\r\n--{boundary}--\r\n".encode()
    length = sum(map(len, heads)) + sum(part.length for part in parts) + len(tail)
    pieces = [_pieces(read, blob, part) for part in parts]
    more = {
        "Content-Type": f"multipart/byteranges; boundary={boundary}",
        "Content-Length": str(length),
    }
    body = download(_joined(heads, pieces, tail), length)
    return Answer(HTTPStatus.PARTIAL_CONTENT, {**headers, **more}, body)


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
