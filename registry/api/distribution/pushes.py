"""What the steps by which a blob comes in answer, as plain values.

The views turn them into Django's responses, and the front door sends them without one: no rule
about uploads stands in either. Source: distribution-spec v1.1, end-4, 5, 6, 13 and 14.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from django.conf import settings
from django.http.request import QueryDict

from artifacts.oci.digest import DEFAULT_ALGORITHM, Digest, parse_algorithm
from artifacts.oci.errors import BlobUploadInvalid, DigestInvalid
from registry.access.callers import Caller
from registry.api.distribution.reads import API_VERSION, Answer
from registry.blobs.models import UploadSession
from registry.blobs.sessions import get_upload, open_upload
from registry.blobs.transfers import transfers
from registry.blobs.uploads import (
    Chunk,
    Finished,
    Receiving,
    append_chunk,
    appending,
    cancel_upload,
    finish_blob,
    finish_upload,
    finishing,
    finishing_blob,
    register,
)
from registry.repositories.models import Repository
from registry.storage.base import Piece

# The spec's own form, and the one of RFC 9110 that some HTTP libraries insist on.
_CONTENT_RANGE = re.compile(
    r"(?:bytes[ =])?([0-9]{1,19})-([0-9]{1,19})(?:/(?:[0-9]+|\*))?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Push:
    """A step of a push that its caller may make. ``headers`` by their names in lower case.

    ``length`` is that of the body in bytes; ``None`` when only its end tells. ``pieces`` are a
    list when all of it has come.
    """

    headers: Mapping[str, str]
    query: QueryDict
    name: str  # of the repository, as the client writes it
    repository: Repository
    caller: Caller
    now: datetime
    pieces: Iterable[Piece] = ()
    length: int | None = 0


def upload_opened(push: Push) -> Answer:
    algorithm = parse_algorithm(push.query.get("digest-algorithm", DEFAULT_ALGORITHM))
    _refuse_when_busy()
    session = open_upload(
        repository=push.repository,
        owner=push.caller.principal.key,
        algorithm=algorithm,
        now=push.now,
    )
    answer = _standing(session, push, HTTPStatus.ACCEPTED)
    if not settings.BERTH.OCI_CHUNK_MIN_LENGTH:
        return answer
    least = {"OCI-Chunk-Min-Length": str(settings.BERTH.OCI_CHUNK_MIN_LENGTH)}
    return Answer(answer.status, {**answer.headers, **least})


def blob_pushed(push: Push) -> Answer:
    """A blob that comes with the request that opens its upload (end-4b)."""
    return _closed(push, blob_finished(push))


def blob_finished(push: Push) -> Finished:
    """The first part of that: of the rest each has its own, or many have one."""
    digest = _digest_of_blob(push)
    return finish_blob(repository=push.repository, digest=digest, chunk=_chunk(push), now=push.now)


def blob_arriving(push: Push) -> Receiving[Answer]:
    """The same as ``blob_pushed`` for a body that is handed in."""
    digest = _digest_of_blob(push)
    finished = yield from finishing_blob(
        repository=push.repository, digest=digest, chunk=_chunk(push)
    )
    return _closed(push, finished)


def upload_status(push: Push, session_id: str) -> Answer:
    return _standing(_session(push, session_id), push, HTTPStatus.NO_CONTENT)


def chunk_appended(push: Push, session_id: str) -> Answer:
    session = append_chunk(session=_session(push, session_id), chunk=_chunk(push), now=push.now)
    return _standing(session, push, HTTPStatus.ACCEPTED)


def chunk_arriving(push: Push, session_id: str) -> Receiving[Answer]:
    """The same for a body that is handed in."""
    session = yield from appending(session=_session(push, session_id), chunk=_chunk(push))
    return _standing(session, push, HTTPStatus.ACCEPTED)


def upload_closed(push: Push, session_id: str) -> Answer:
    return _closed(push, upload_finished(push, session_id))


def upload_finished(push: Push, session_id: str) -> Finished:
    """The first part of that."""
    session, digest = _ending(push, session_id)
    return finish_upload(session=session, digest=digest, chunk=_chunk(push), now=push.now)


def end_arriving(push: Push, session_id: str) -> Receiving[Answer]:
    """The same as ``upload_closed`` for a body that is handed in."""
    session, digest = _ending(push, session_id)
    finished = yield from finishing(session=session, digest=digest, chunk=_chunk(push))
    return _closed(push, finished)


def upload_cancelled(push: Push, session_id: str) -> Answer:
    cancel_upload(session=_session(push, session_id), now=push.now)
    return Answer(HTTPStatus.NO_CONTENT, API_VERSION)


def blob_created(name: str, digest: str) -> Answer:
    headers = {"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest}
    return Answer(HTTPStatus.CREATED, API_VERSION | headers)


def _closed(push: Push, finished: Finished) -> Answer:
    return blob_created(push.name, register(finished).digest)


def _digest_of_blob(push: Push) -> Digest:
    digest = Digest.parse(push.query.get("digest", ""))
    _refuse_when_busy()
    return digest


def _ending(push: Push, session_id: str) -> tuple[UploadSession, Digest]:
    session = _session(push, session_id)
    if "digest" not in push.query:
        raise DigestInvalid("close the upload with ?digest=ALGORITHM:HEX")
    return session, Digest.parse(push.query.get("digest", ""))


def _session(push: Push, session_id: str) -> UploadSession:
    return get_upload(
        repository=push.repository,
        owner=push.caller.principal.key,
        session_id=session_id,
        now=push.now,
    )


def _chunk(push: Push) -> Chunk:
    first, last = _content_range(push.headers.get("content-range"))
    return Chunk(push.pieces, push.length, first, last)


def _content_range(header: str | None) -> tuple[int | None, int | None]:
    if header is None:
        return None, None
    match = _CONTENT_RANGE.fullmatch(header.strip(" \t"))
    if match is None or int(match[1]) > int(match[2]):
        raise BlobUploadInvalid(f"Content-Range must be FIRST-LAST, not {header[:100]!r}")
    return int(match[1]), int(match[2])


def _refuse_when_busy() -> None:
    """Every client repeats a POST that is answered 429, and few repeat a PATCH or PUT.

    So the ceiling on concurrent uploads is applied here, and lies below what there is room for.
    """
    transfers.require_room_for_uploads()


def _standing(session: UploadSession, push: Push, status: HTTPStatus) -> Answer:
    headers = {
        "Location": f"/v2/{push.name}/blobs/uploads/{session.pk}",
        "Range": f"0-{max(session.offset - 1, 0)}",
        "Docker-Upload-UUID": str(session.pk),
    }
    return Answer(status, API_VERSION | headers)
