"""Upload sessions: end-4, end-5, end-6, end-11, end-13, end-14."""

import re

from django.conf import settings
from django.http import HttpResponse
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from artifacts.oci.digest import DEFAULT_ALGORITHM, Digest, parse_algorithm
from artifacts.oci.errors import (
    BlobUploadInvalid,
    ChunkOutOfOrder,
    DigestInvalid,
    OCIError,
    TooManyRequests,
)
from registry.api.distribution.base import RepositoryView
from registry.blobs.models import UploadSession
from registry.blobs.transfers import RETRY_AFTER_SECONDS, transfers
from registry.blobs.uploads import (
    Chunk,
    append_chunk,
    cancel_upload,
    commit_upload,
    get_upload,
    open_upload,
    push_blob,
)
from registry.exchange.blobs import mount_blob

# The spec's own form, and the one of RFC 9110 that some HTTP libraries insist on.
_CONTENT_RANGE = re.compile(
    r"(?:bytes[ =])?([0-9]{1,19})-([0-9]{1,19})(?:/(?:[0-9]+|\*))?", re.ASCII
)


class UploadsView(RepositoryView):
    """Where blobs come in: a new session, a mount, or the whole blob at once."""

    actions = {"POST": "push"}
    creates = frozenset({"POST"})

    def post(self, request: Request, name: str) -> Response:
        query = request.query_params
        if "mount" in query:
            digest = Digest.parse(query["mount"])
            if self._mount(digest, query.get("from")):
                return _created(name, str(digest))
        elif "digest" in query:
            return self._push_whole(Digest.parse(query["digest"]), name)
        algorithm = parse_algorithm(query.get("digest-algorithm", DEFAULT_ALGORITHM))
        _refuse_when_busy()
        session = open_upload(
            repository=self.repository,
            owner=self.caller.principal.key,
            algorithm=algorithm,
            now=self.now,
        )
        response = _session_response(session, name, status.HTTP_202_ACCEPTED)
        if settings.BERTH.OCI_CHUNK_MIN_LENGTH:
            response["OCI-Chunk-Min-Length"] = str(settings.BERTH.OCI_CHUNK_MIN_LENGTH)
        return response

    def _mount(self, digest: Digest, source: str | None) -> bool:
        return mount_blob(
            repository=self.repository,
            digest=digest,
            source=source,
            caller=self.caller,
            now=self.now,
        )

    def _push_whole(self, digest: Digest, name: str) -> Response:
        _refuse_when_busy()
        push_blob(
            repository=self.repository,
            digest=digest,
            chunk=Chunk(pieces=self.body, length=self.body.length),
            now=self.now,
        )
        return _created(name, str(digest))


class UploadView(RepositoryView):
    """One upload session: where it stands, its next chunk, its end."""

    actions = {"GET": "push", "PATCH": "push", "PUT": "push", "DELETE": "push"}

    def get(self, request: Request, name: str, session_id: str) -> Response:
        return _session_response(self._session(session_id), name, status.HTTP_204_NO_CONTENT)

    def patch(self, request: Request, name: str, session_id: str) -> Response:
        session = self._session(session_id)
        session = append_chunk(session=session, chunk=self._chunk(), now=self.now)
        return _session_response(session, name, status.HTTP_202_ACCEPTED)

    def put(self, request: Request, name: str, session_id: str) -> Response:
        session = self._session(session_id)
        if "digest" not in request.query_params:
            raise DigestInvalid("close the upload with ?digest=ALGORITHM:HEX")
        digest = Digest.parse(request.query_params["digest"])
        commit_upload(session=session, digest=digest, chunk=self._chunk(), now=self.now)
        return _created(name, str(digest))

    def delete(self, request: Request, name: str, session_id: str) -> Response:
        cancel_upload(session=self._session(session_id))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _session(self, session_id: str) -> UploadSession:
        return get_upload(
            repository=self.repository, owner=self.caller.principal.key, session_id=session_id
        )

    def refusal(self, error: OCIError, request: Request) -> HttpResponse:
        """A chunk out of order is told where to go on (end-13)."""
        if isinstance(error, ChunkOutOfOrder):
            error.location = request.path
        return super().refusal(error, request)

    def _chunk(self) -> Chunk:
        first, last = _content_range(self.request.headers.get("Content-Range"))
        return Chunk(self.body, self.body.length, first, last)


def _content_range(header: str | None) -> tuple[int | None, int | None]:
    if header is None:
        return None, None
    match = _CONTENT_RANGE.fullmatch(header.strip(" \t"))
    if match is None or int(match[1]) > int(match[2]):
        raise BlobUploadInvalid(f"Content-Range must be FIRST-LAST, not {header[:100]!r}")
    return int(match[1]), int(match[2])


def _refuse_when_busy() -> None:
    """Every client repeats a POST that is answered 429, and few repeat a PATCH or PUT.

    So the ceiling on concurrent uploads is applied here. It lies below the number
    of threads, so that slow uploads never take the last one from readers.
    """
    if transfers.uploads >= settings.BERTH.MAXIMUM_CONCURRENT_UPLOADS:
        raise TooManyRequests(
            "too many uploads at once; try again shortly",
            retry_after_seconds=RETRY_AFTER_SECONDS,
        )


def _session_response(session: UploadSession, name: str, code: int) -> Response:
    headers = {
        "Location": f"/v2/{name}/blobs/uploads/{session.pk}",
        "Range": f"0-{max(session.offset - 1, 0)}",
        "Docker-Upload-UUID": str(session.pk),
    }
    return Response(status=code, headers=headers)


def _created(name: str, digest: str) -> Response:
    headers = {"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest}
    return Response(status=status.HTTP_201_CREATED, headers=headers)
