"""Lists: tags (end-8), referrers (end-12), and repositories, as Docker's registry API has it."""

import json
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from artifacts.oci.digest import AlgorithmUnsupported, Digest
from artifacts.oci.errors import RouteUnknown
from artifacts.oci.media_types import OCI_INDEX
from registry.access.callers import InsufficientScope
from registry.access.rights import catalog_of
from registry.access.scopes import CATALOG
from registry.api.distribution.base import DistributionView, RepositoryView
from registry.api.distribution.reads import tags_answer
from registry.api.http.paging import next_link, next_page, page_size, page_start
from registry.manifests.referrers import ReferrersPage, referrers_page

# An index is a manifest, and clients read no manifest larger than this.
_MAX_ANSWER_BYTES = 4 * 1024 * 1024
_NOTHING = ReferrersPage([], has_more=False)


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
        repositories = visible.page(after=page_start(request.query_params), size=size + 1)
        paths = list(repositories.values_list("path", flat=True)) if size else []
        document = {"repositories": paths[:size]}
        return Response(document, headers=next_page("/v2/_catalog", paths, size))


class ReferrersView(RepositoryView):
    """An index of the manifests whose ``subject`` is the digest. Empty for an unknown one.

    Switched off it is unknown, so that clients keep the list under a tag ("Referrers Tag Schema").
    """

    actions = {"GET": "pull", "HEAD": "pull"}
    needs_repository = False  # 404 would tell clients that there is no referrers API

    def get(self, request: Request, name: str, digest: str) -> HttpResponse:
        if not settings.BERTH.FEATURE_REFERRERS_API:
            raise RouteUnknown("this registry has no referrers API")
        artifact_type = request.query_params.get("artifactType", "").partition("\x00")[0]
        page = self._page(digest, artifact_type, after=page_start(request.query_params))
        descriptors, more = _fitting(page)
        headers = {"OCI-Filters-Applied": "artifactType"} if artifact_type else {}
        if more:
            query = {"last": descriptors[-1]["digest"]}
            if artifact_type:
                query["artifactType"] = artifact_type
            headers |= next_link(f"/v2/{name}/referrers/{digest}", **query)
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": descriptors}
        return HttpResponse(json.dumps(index), content_type=OCI_INDEX, headers=headers)

    def _page(self, digest: str, artifact_type: str, *, after: str) -> ReferrersPage:
        try:
            subject = Digest.parse(digest)
        except AlgorithmUnsupported:
            return _NOTHING
        if not self.repository_exists:
            return _NOTHING
        return referrers_page(
            repository=self.repository,
            subject=subject,
            artifact_type=artifact_type,
            after=after,
            size=settings.BERTH.V2_PAGINATION_SIZE,
            size_bytes=_MAX_ANSWER_BYTES,
            now=self.now,
        )


def _fitting(page: ReferrersPage) -> tuple[list[Mapping[str, Any]], bool]:
    """As many descriptors as one answer may hold, and whether there are more."""
    room = _MAX_ANSWER_BYTES
    fitting: list[Mapping[str, Any]] = []
    for descriptor in page.descriptors:
        room -= len(json.dumps(descriptor)) + 2
        if fitting and room < 0:
            return fitting, True
        fitting.append(descriptor)
    return fitting, page.has_more
