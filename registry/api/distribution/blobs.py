"""Blobs (end-2, end-10), and upload sessions (end-4, end-5, end-6, end-11, end-13, end-14)."""

from django.http import HttpResponse, HttpResponseBase
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from artifacts.oci.digest import Digest
from artifacts.oci.errors import ChunkOutOfOrder, OCIError
from registry.api.distribution.base import RepositoryView
from registry.api.distribution.pushes import (
    Push,
    blob_created,
    blob_pushed,
    chunk_appended,
    upload_cancelled,
    upload_closed,
    upload_opened,
    upload_status,
)
from registry.api.distribution.reads import blob_answer
from registry.exchange.blobs import digest_to_read, mount_blob
from registry.manifests.removal import delete_blob


class BlobView(RepositoryView):
    """One blob, whole or in part."""

    actions = {"GET": "pull", "HEAD": "pull", "DELETE": "delete"}
    # Some clients keep the token of their first challenge for the push that follows.
    asks_for = {"HEAD": "pull,push"}

    def get(self, request: Request, name: str, digest: str) -> HttpResponseBase:
        return self.answered(blob_answer(self.read(name), digest))

    head = get

    def delete(self, request: Request, name: str, digest: str) -> Response:
        delete_blob(
            repository=self.repository,
            digest=digest_to_read(digest),
            now=self.now,
            by=self.caller.actor,
        )
        return Response(status=status.HTTP_202_ACCEPTED)


class _View(RepositoryView):
    def push(self, name: str) -> Push:
        """This request as a step of a push to ``name``, the repository as the client writes it."""
        return Push(
            headers=self.request.headers,
            query=self.request.query_params,
            name=name,
            repository=self.repository,
            caller=self.caller,
            now=self.now,
            pieces=list(self.body) if self.body.has_come else self.body,
            length=self.body.length,
        )


class UploadsView(_View):
    """Where blobs come in: a new session, a mount, or the whole blob at once."""

    actions = {"POST": "push"}
    creates = frozenset({"POST"})

    def post(self, request: Request, name: str) -> HttpResponseBase:
        query = request.query_params
        if "mount" in query:
            digest = Digest.parse(query["mount"])
            if self._mount(digest, query.get("from")):
                return self.answered(blob_created(name, str(digest)))
        elif "digest" in query:
            return self.answered(blob_pushed(self.push(name)))
        return self.answered(upload_opened(self.push(name)))

    def _mount(self, digest: Digest, source: str | None) -> bool:
        return mount_blob(
            repository=self.repository,
            digest=digest,
            source=source,
            caller=self.caller,
            now=self.now,
        )


class UploadView(_View):
    """One upload session: where it stands, its next chunk, its end."""

    actions = {"GET": "push", "PATCH": "push", "PUT": "push", "DELETE": "push"}

    def get(self, request: Request, name: str, session_id: str) -> HttpResponseBase:
        return self.answered(upload_status(self.push(name), session_id))

    def patch(self, request: Request, name: str, session_id: str) -> HttpResponseBase:
        return self.answered(chunk_appended(self.push(name), session_id))

    def put(self, request: Request, name: str, session_id: str) -> HttpResponseBase:
        return self.answered(upload_closed(self.push(name), session_id))

    def delete(self, request: Request, name: str, session_id: str) -> HttpResponseBase:
        return self.answered(upload_cancelled(self.push(name), session_id))

    def refusal(self, error: OCIError, request: Request) -> HttpResponse:
        """A chunk out of order is told where to go on (end-13)."""
        if isinstance(error, ChunkOutOfOrder):
            error.location = request.path
        return super().refusal(error, request)
