"""Search for repositories, which ``docker search`` and ``podman search`` still ask this way."""

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.credentials.principals import ANONYMOUS, Principal
from artifacts.oci.errors import RouteUnknown
from registry.access.rights import readable_repositories
from registry.access.scopes import CATALOG
from registry.api.docker_v1.base import V1View

_DEFAULT_SIZE = 25
_MAX_SIZE = 100
_MAX_PAGES = 5
_MAX_QUERY_LENGTH = 255
_PODMAN = "containers/"


class SearchView(V1View):
    """Repositories that the caller may pull from, by a part of their names."""

    def get(self, request: Request) -> Response:
        text = request.query_params.get("q", "").partition("\x00")[0].strip()[:_MAX_QUERY_LENGTH]
        size = _number(request, "n", default=_DEFAULT_SIZE, most=_MAX_SIZE)
        page = _number(request, "page", default=1, most=_MAX_PAGES)
        found = readable_repositories(self._searcher(request)).filter(path__icontains=text)
        count = found.count()
        if not count and _searches_elsewhere(request):
            raise RouteUnknown("nothing public has such a name; log in and ask the catalog")
        shown = found.order_by("path")[(page - 1) * size : page * size]
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


def _searches_elsewhere(request: Request) -> bool:
    """podman never logs in to search; refused, it looks through the catalog, where it does."""
    agent = request.META.get("HTTP_USER_AGENT", "")
    return agent.startswith(_PODMAN) and "HTTP_AUTHORIZATION" not in request.META


def _number(request: Request, name: str, *, default: int, most: int) -> int:
    text = request.query_params.get(name, "")
    if not (text.isascii() and text.isdigit()):
        return default
    return min(max(int(text[:9]), 1), most)
