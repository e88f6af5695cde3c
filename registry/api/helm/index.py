"""``GET /helm/<organization>/index.yaml``"""

import re

from django.http import FileResponse, HttpResponse
from rest_framework import status
from rest_framework.request import Request

from accounts.users.models import Namespace
from artifacts.oci.names import is_name
from registry.access.rights import readable_repositories, rights_in
from registry.api.helm.base import HelmView
from registry.api.http.conditions import entity_tag, is_held
from registry.blobs.transfers import download
from registry.charts.index import ChartIndex

_YAML = "application/yaml"
_TAKES_GZIP = re.compile(r"(?:^|[,\s])gzip(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))", re.IGNORECASE)


class IndexView(HelmView):
    """Every chart of an organization that the caller may pull."""

    def get(self, request: Request, organization: str) -> HttpResponse | FileResponse:
        index = self._index(organization)
        fingerprint = index.fingerprint
        if is_held(request.headers, fingerprint):
            headers = _headers(fingerprint)
            return HttpResponse(status=status.HTTP_304_NOT_MODIFIED, headers=headers)
        body = index.body(now=self.now)
        headers = _headers(body.fingerprint)
        size, pieces = body.size, body.pieces
        if _TAKES_GZIP.search(request.headers.get("Accept-Encoding", "")):
            headers["Content-Encoding"] = "gzip"
            size, pieces = body.packed_size, body.packed
        headers["Content-Length"] = str(size)
        if request.method == "HEAD":
            return HttpResponse(content_type=_YAML, headers=headers)
        return FileResponse(download(pieces(), size), content_type=_YAML, headers=headers)

    head = get

    def _index(self, organization: str) -> ChartIndex:
        namespaces = Namespace.objects.filter(name=organization)
        namespace = namespaces.first() if is_name(organization) else None
        if namespace is None:
            raise self._refusal(organization)
        repositories = readable_repositories(self.principal).filter(namespace=namespace.pk)
        if not repositories.exists() and not self._may_create_in(organization):
            raise self._refusal(organization)
        return ChartIndex.read(namespace=namespace, repositories=repositories, now=self.now)

    def _may_create_in(self, organization: str) -> bool:
        """Whoever may make its first repository finds an empty index instead of nothing."""
        path = f"{organization}/charts"
        return bool(rights_in(principal=self.principal, path=path, repository=None))

    def _refusal(self, organization: str) -> Exception:
        return self.hidden(f"charts of {organization}")


def _headers(fingerprint: str) -> dict[str, str]:
    # Weak: the same list may have been written at another moment, or be compressed.
    return {
        "ETag": f"W/{entity_tag(fingerprint)}",
        "Cache-Control": "private, no-cache",
        "Vary": "Authorization, Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
