"""The addresses of the routes of ``/api/v1/``, and of those beside it."""

import re

from django.urls import URLPattern, re_path

from registry.api.management.base import RepositoryView
from registry.api.management.description.views import OWN
from registry.api.management.messages import UnknownView
from registry.api.management.routes import BESIDE, ITSELF, ROUTES, Route

_PLACES = re.compile(r"\{(\w+)\}")
_itself = ITSELF.view.as_view(operations=ITSELF.operations)


def _address(route: Route, below: str = "api/v1/") -> URLPattern:
    path = _PLACES.sub(_group, route.path.removesuffix("/"))
    more = {"itself": _itself} if issubclass(route.view, RepositoryView) else {}
    view = route.view.as_view(operations=route.operations, **more)
    return re_path(rf"^{below}{path}/?\Z", view, name=route.name)


def _group(place: re.Match[str]) -> str:
    """Names of repositories have more segments than one. Whatever comes as ``%2F`` is a slash by
    now."""
    return f"(?P<{place[1]}>.+?)" if place[1] == "name" else f"(?P<{place[1]}>[^/]+)"


_TAG = next(route for route in ROUTES if route.name == "tag")
urlpatterns = [
    # A tag may be called as the end of the list of tags is.
    re_path(
        r"^api/v1/repository/(?P<name>.+?)/tag/(?P<tag>tag)\Z",
        _TAG.view.as_view(operations=_TAG.operations, itself=_itself),
        name="tag",
    ),
    *(_address(route) for route in (*OWN, *ROUTES)),
    *(_address(route, below="") for route in BESIDE),
    re_path(r"^api(?:/[\s\S]*)?\Z", UnknownView.as_view(), name="unknown"),
]
