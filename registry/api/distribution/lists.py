"""The list of tags (end-8), and that of repositories, which Docker's registry API has."""

from django.http import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from registry.access.callers import InsufficientScope
from registry.access.rights import catalog_of
from registry.access.scopes import CATALOG
from registry.api.distribution.base import DistributionView, RepositoryView
from registry.api.distribution.reads import tags_answer
from registry.api.http.paging import next_page, page_size, page_start


class TagsView(RepositoryView):
    """The tags of one repository in the order of their bytes, page by page."""

    actions = {"GET": "pull", "HEAD": "pull"}

    def get(self, request: Request, name: str) -> HttpResponseBase:
        size = page_size(request.query_params)
        after = page_start(request.query_params)
        return self.answered(tags_answer(self.read(name), size=size, after=after))


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
        return Response(document, headers=next_page("/v2/_catalog", paths, size))
