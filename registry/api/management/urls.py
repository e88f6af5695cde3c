"""The addresses of the routes of ``/api/v1/``."""

import re

from django.urls import URLPattern, re_path

from registry.api.management.authorization import (
    AccessTokenView,
    AuthorizeView,
    RobotTokenView,
)
from registry.api.management.base import RepositoryView
from registry.api.management.messages import UnknownView
from registry.api.management.openapi import OWN
from registry.api.management.operations import Operation
from registry.api.management.people.logins import CsrfTokenView
from registry.api.management.registry import PublicConfigView
from registry.api.management.routes import ITSELF, ROUTES, Route

_PLACES = re.compile(r"\{(\w+)\}")
_itself = ITSELF.view.as_view(operations=ITSELF.operations)


def _address(route: Route) -> URLPattern:
    path = _PLACES.sub(_group, route.path.removesuffix("/"))
    more = {"itself": _itself} if issubclass(route.view, RepositoryView) else {}
    view = route.view.as_view(operations=route.operations, **more)
    return re_path(rf"^api/v1/{path}/?\Z", view, name=route.name)


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
    re_path(
        r"^csrf_token/?\Z",
        CsrfTokenView.as_view(operations={"GET": Operation("getCsrfToken", "anybody")}),
        name="csrf-token",
    ),
    re_path(
        r"^config/?\Z",
        PublicConfigView.as_view(operations={"GET": Operation("getConfig", "anybody")}),
        name="public-config",
    ),
    re_path(
        r"^oauth/authorizeapp/?\Z",
        AuthorizeView.as_view(operations={"POST": Operation("authorizeApplication", "anybody")}),
        name="authorize-application",
    ),
    re_path(
        r"^oauth/access_token/?\Z",
        AccessTokenView.as_view(operations={"POST": Operation("redeemCode", "anybody")}),
        name="access-token",
    ),
    re_path(
        r"^oauth2/federation/robot/token/?\Z",
        RobotTokenView.as_view(
            operations={
                "GET": Operation("exchangeRobotToken", "anybody"),
                "POST": Operation("exchangeRobotToken", "anybody"),
            }
        ),
        name="robot-token",
    ),
    re_path(r"^api(?:/[\s\S]*)?\Z", UnknownView.as_view(), name="unknown"),
]
