"""Blobs: end-2 and end-10."""

from django.http import HttpResponseBase
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from registry.api.distribution.base import RepositoryView
from registry.api.distribution.reads import blob_answer
from registry.exchange.blobs import digest_to_read
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
