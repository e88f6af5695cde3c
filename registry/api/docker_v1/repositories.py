"""Repositories as the V1 protocol has them: a list of images that nobody reads, and tags."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from artifacts.kinds.kinds import Kind
from artifacts.oci.errors import ManifestUnknown
from artifacts.oci.names import is_tag
from registry.access.scopes import Action
from registry.api.docker_v1.base import V1RepositoryView
from registry.api.docker_v1.ids import ImageId
from registry.repositories.models import Repository
from registry.tags.models import Tag, TagQuerySet

_WITH_IMAGES = (Kind.IMAGE, Kind.INDEX)


class ImagesView(V1RepositoryView):
    """Where a pull begins: clients come here for a token."""

    actions: ClassVar[Mapping[str, Action]] = {"GET": "pull", "HEAD": "pull"}

    def get(self, request: Request, name: str) -> Response:
        return Response([], headers=dict(self.granted("pull")))


class TagsView(V1RepositoryView):
    """The ids of all images that have a tag. Artifacts are no images, and are left out."""

    actions: ClassVar[Mapping[str, Action]] = {"GET": "pull", "HEAD": "pull"}

    def get(self, request: Request, name: str) -> Response:
        tagged = _images(self.repository, self.now).order_by("name")
        found = tagged.values_list("name", "manifest_id")
        return Response({tag: str(ImageId(manifest, 0)) for tag, manifest in found})


class TagView(V1RepositoryView):
    """The id of the image that has one tag."""

    actions: ClassVar[Mapping[str, Action]] = {"GET": "pull", "HEAD": "pull"}

    def get(self, request: Request, name: str, tag: str) -> Response:
        tagged = _images(self.repository, self.now).filter(name=tag)
        found = tagged.values_list("manifest_id", flat=True)
        manifest = found.first() if is_tag(tag) else None
        if manifest is None:
            raise ManifestUnknown(f"{self.repository.path} has no image {tag[:128]}")
        return Response(str(ImageId(manifest, 0)))


def _images(repository: Repository, now: datetime) -> TagQuerySet:
    alive = Tag.objects.filter(repository=repository.id).alive(at=now)
    return alive.filter(manifest__kind__in=_WITH_IMAGES, manifest__deleted_at=None)
