"""Images of the V1 protocol, which are the layers of ours: what they say, and their bytes."""

from datetime import datetime
from functools import cached_property
from typing import Any

from django.http import FileResponse, HttpResponse
from django.utils.http import http_date
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from artifacts.oci.errors import ManifestUnknown
from registry.access.callers import InsufficientScope
from registry.api.docker_v1.base import V1View
from registry.api.docker_v1.conversion import image_of, schema1_of
from registry.api.docker_v1.ids import ImageId, ImageUnknown, read_id
from registry.api.docker_v1.schema1.documents import Schema1
from registry.api.docker_v1.schema1.images import NotConvertible
from registry.api.http.conditions import content_headers
from registry.blobs.services import StoredBlob, find_blob, read_blob
from registry.blobs.transfers import download
from registry.exchange.pulls import admit_pull_in_parts, note_pull_in_parts
from registry.manifests.models import Manifest
from registry.repositories.models import Repository

_UNCHANGING = "private, max-age=31536000, immutable"


def schema1_in(repository: Repository, digest: str, *, now: datetime) -> Schema1:
    """A manifest in the form that has layers with a history. Raises ``ManifestUnknown``."""
    try:
        image = image_of(repository=repository, digest=digest, now=now)
        body = schema1_of(repository=repository, image=image, name=repository.path, tag="", now=now)
    except NotConvertible as error:
        raise ManifestUnknown(f"the image has no form for Docker's V1 API: {error}") from error
    return Schema1.parse(body)


def history_of(schema1: Schema1, image: ImageId) -> list[dict[str, Any]]:
    """What an image and all it stands on say of themselves under their ids here, newest first."""
    layers = range(image.layer, len(schema1.layers))
    ids = [str(image._replace(layer=layer)) for layer in layers]
    history = [{**schema1.history[layer], "id": id} for layer, id in zip(layers, ids, strict=True)]
    for entry, parent in zip(history, [*ids[1:], ""], strict=True):
        entry["parent"] = parent
        if not parent:
            del entry["parent"]
    return history


class ImageView(V1View):
    """One image. Its id tells the repository, in which the caller must have the right to pull."""

    id: ImageId
    manifest: Manifest
    repository: Repository

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        text = kwargs["image_id"]
        caller = self.identify(request)
        self.id = read_id(text)
        manifest = (
            Manifest.objects.present()
            .filter(pk=self.id.manifest_id)
            .select_related("repository")
            .defer("body")
            .first()
        )
        if manifest is None:
            raise ImageUnknown(text)
        # By its path, with the state of everybody's rights, which tokens are held to.
        repository = Repository.objects.at_path(manifest.repository.path)
        if repository is None:
            raise ImageUnknown(text)
        self.manifest, self.repository = manifest, repository
        try:
            self.require_in(caller, "pull", self.repository.path, self.repository)
        except InsufficientScope:
            raise ImageUnknown(text) from None
        admit_pull_in_parts(repository=self.repository, digest=manifest.digest, now=self.now)
        if self.id.layer >= len(self.schema1.layers):
            raise ImageUnknown(text)

    @cached_property
    def schema1(self) -> Schema1:
        return schema1_in(self.repository, self.manifest.digest, now=self.now)

    @cached_property
    def blob(self) -> StoredBlob:
        digest = self.schema1.layers[self.id.layer]
        return find_blob(repository=self.repository, digest=digest, now=self.now)

    @property
    def ancestry(self) -> list[str]:
        """The image and all it stands on, newest first."""
        return [one["id"] for one in history_of(self.schema1, self.id)]


class ImageJsonView(ImageView):
    """What an image says of itself, under its id here."""

    def get(self, request: Request, image_id: str) -> Response:
        headers = {"X-Docker-Size": str(self.blob.size)}
        return Response(history_of(self.schema1, self.id)[0], headers=headers)


class AncestryView(ImageView):
    """The ids of an image and of all it stands on. Every pull asks for them, once."""

    def get(self, request: Request, image_id: str) -> Response:
        note_pull_in_parts(repository=self.repository, digest=self.manifest.digest, now=self.now)
        return Response(self.ancestry)


class LayerView(ImageView):
    """The bytes of an image's layer. They never change."""

    def head(self, request: Request, image_id: str) -> HttpResponse:
        if self._is_held(request):
            return self._not_modified()
        return HttpResponse(content_type="application/octet-stream", headers=self._headers())

    def get(self, request: Request, image_id: str) -> HttpResponse | FileResponse:
        if self._is_held(request):
            return self._not_modified()
        blob, headers = self.blob, self._headers()
        pieces = download(read_blob(blob=blob, start=0, length=blob.size, now=self.now), blob.size)
        return FileResponse(pieces, content_type="application/octet-stream", headers=headers)

    def _is_held(self, request: Request) -> bool:
        return "If-Modified-Since" in request.headers

    def _not_modified(self) -> HttpResponse:
        return HttpResponse(status=status.HTTP_304_NOT_MODIFIED)

    def _headers(self) -> dict[str, str]:
        blob = self.blob
        return {
            **content_headers(blob.digest),
            "Content-Length": str(blob.size),
            "Cache-Control": _UNCHANGING,
            "Last-Modified": http_date(self.manifest.pushed_at.timestamp()),
        }
