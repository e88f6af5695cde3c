"""Repositories as the V1 protocol has them: found by a word, a list of images that nobody reads,
and tags.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.credentials.principals import ANONYMOUS, Principal
from artifacts.kinds.kinds import Kind
from artifacts.oci.errors import ManifestUnknown, RouteUnknown
from artifacts.oci.names import is_tag
from registry.access.rights import readable_repositories
from registry.access.scopes import CATALOG, Action
from registry.api.docker_v1.base import V1RepositoryView, V1View
from registry.api.docker_v1.ids import ImageId
from registry.repositories.models import Repository
from registry.tags.models import Tag, TagQuerySet

_WITH_IMAGES = (Kind.IMAGE, Kind.INDEX)
_DEFAULT_SIZE = 25
_MAX_SIZE = 100
_MAX_PAGES = 5
_MAX_QUERY_LENGTH = 255
_PODMAN = "containers/"


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
        pairs = tagged.values_list("name", "manifest_id")
        return Response({tag: str(ImageId(manifest, 0)) for tag, manifest in pairs})


class TagView(V1RepositoryView):
    """The id of the image that has one tag."""

    actions: ClassVar[Mapping[str, Action]] = {"GET": "pull", "HEAD": "pull"}

    def get(self, request: Request, name: str, tag: str) -> Response:
        tagged = _images(self.repository, self.now).filter(name=tag)
        manifests = tagged.values_list("manifest_id", flat=True)
        manifest = manifests.first() if is_tag(tag) else None
        if manifest is None:
            raise ManifestUnknown(f"{self.repository.path} has no image {tag[:128]}")
        return Response(str(ImageId(manifest, 0)))


class SearchView(V1View):
    """Repositories that the caller may pull from, by a part of their names."""

    def get(self, request: Request) -> Response:
        text = request.query_params.get("q", "").partition("\x00")[0].strip()[:_MAX_QUERY_LENGTH]
        size = _number(request, "n", default=_DEFAULT_SIZE, most=_MAX_SIZE)
        page = _number(request, "page", default=1, most=_MAX_PAGES)
        repositories = readable_repositories(self._searcher(request)).filter(path__icontains=text)
        count = repositories.count()
        if not count and _searches_elsewhere(request):
            raise RouteUnknown("nothing public has such a name; log in and ask the catalog")
        shown = repositories.order_by("path")[(page - 1) * size : page * size]
        return Response(
            {
                "query": text,
                "num_results": count,
                "num_pages": min(-(-count // size), _MAX_PAGES),
                "page": page,
                "page_size": size,
                "results": [
                    {
                        "name": repository.path,
                        "description": repository.description,
                        "is_public": repository.is_public,
                        "href": f"/repository/{repository.path}",
                    }
                    for repository in shown
                ],
            }
        )

    def _searcher(self, request: Request) -> Principal:
        """Whose repositories are searched; everybody's for tokens that are for other things."""
        caller = self.identify(request)
        narrow = self.token or (caller.claims and CATALOG not in caller.claims.registry)
        return ANONYMOUS if narrow else caller.confirmed(now=self.now)


def _images(repository: Repository, now: datetime) -> TagQuerySet:
    alive = Tag.objects.filter(repository=repository.id).alive(at=now)
    return alive.filter(manifest__kind__in=_WITH_IMAGES, manifest__deleted_at=None)


def _searches_elsewhere(request: Request) -> bool:
    """podman never logs in to search; refused, it looks through the catalog, where it does."""
    agent = request.META.get("HTTP_USER_AGENT", "")
    return agent.startswith(_PODMAN) and "HTTP_AUTHORIZATION" not in request.META


def _number(request: Request, name: str, *, default: int, most: int) -> int:
    text = request.query_params.get(name, "")
    if not (text.isascii() and text.isdigit()):
        return default
    return min(max(int(text[:9]), 1), most)
