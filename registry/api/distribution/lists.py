"""The list of tags (end-8), and that of repositories, which Docker's registry API has."""

from collections.abc import Sequence

from rest_framework.request import Request
from rest_framework.response import Response

from registry.access.callers import InsufficientScope
from registry.access.rights import catalog_of
from registry.access.scopes import CATALOG
from registry.api.distribution.base import DistributionView, RepositoryView
from registry.api.http.paging import next_link, page_size, page_start
from registry.tags.models import Tag


class TagsView(RepositoryView):
    """The tags of one repository in the order of their bytes, page by page."""

    actions = {"GET": "pull", "HEAD": "pull"}

    def get(self, request: Request, name: str) -> Response:
        size = page_size(request.query_params)
        tags = Tag.objects.filter(repository=self.repository.id).alive(at=self.now)
        tags = tags.page(after=page_start(request.query_params), size=size + 1)
        names = list(tags.values_list("name", flat=True)) if size else []
        document = {"name": name, "tags": names[:size]}
        return Response(document, headers=_next_page(f"/v2/{name}/tags/list", names, size))


class CatalogView(DistributionView):
    """The repositories the caller may pull from, page by page."""

    challenge_scope = "registry:catalog:*"

    def get(self, request: Request) -> Response:
        caller = self.identify(request)
        if caller.claims is not None and CATALOG not in caller.claims.registry:
            raise InsufficientScope("the token does not open the catalog")
        size = page_size(request.query_params)
        visible = catalog_of(caller.confirmed(now=self.now))
        found = visible.page(after=page_start(request.query_params), size=size + 1)
        paths = list(found.values_list("path", flat=True)) if size else []
        document = {"repositories": paths[:size]}
        return Response(document, headers=_next_page("/v2/_catalog", paths, size))


def _next_page(path: str, names: Sequence[str], size: int) -> dict[str, str]:
    """``names`` has one more than the page where there is another."""
    return next_link(path, n=size, last=names[size - 1]) if len(names) > size > 0 else {}
