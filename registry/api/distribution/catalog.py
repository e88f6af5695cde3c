"""The list of repositories. Not in the OCI spec; Docker's registry API has it and tools use it."""

from rest_framework.request import Request
from rest_framework.response import Response

from artifacts.oci.errors import Unauthorized
from registry.access.callers import InsufficientScope
from registry.access.rights import catalog_of
from registry.access.scopes import CATALOG
from registry.api.distribution.base import DistributionView
from registry.api.distribution.challenges import identify
from registry.api.distribution.paging import next_link, page_size, page_start


class CatalogView(DistributionView):
    """The repositories the caller may pull from, page by page."""

    challenge_scope = "registry:catalog:*"

    def get(self, request: Request) -> Response:
        caller = identify(request, now=self.now)
        if caller is None:
            raise Unauthorized
        if caller.claims is not None and CATALOG not in caller.claims.registry:
            raise InsufficientScope("the token does not open the catalog")
        size = page_size(request)
        visible = catalog_of(caller.confirmed(now=self.now))
        found = visible.page(after=page_start(request), size=size + 1)
        paths = list(found.values_list("path", flat=True)) if size else []
        page = paths[:size]
        more = len(paths) > size
        headers = next_link("/v2/_catalog", n=size, last=page[-1]) if more else {}
        return Response({"repositories": page}, headers=headers)
