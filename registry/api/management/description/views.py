"""The routes as documents, for programs: they are made of the table of the routes, of what its
views take, and of what they answer (``ANSWERS``)."""

from typing import Final

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from registry.api.http.login import external_url
from registry.api.management.base import ManagementView
from registry.api.management.description.openapi import openapi
from registry.api.management.description.swagger import discovery
from registry.api.management.operations import Operation
from registry.api.management.routes import ROUTES, Route


class OpenApiView(ManagementView):
    def get(self, request: Request) -> Response:
        return Response(openapi(DESCRIBED, origin=external_url(request), version=settings.VERSION))


class DiscoveryView(ManagementView):
    def get(self, request: Request) -> Response:
        scheme, _, host = external_url(request).partition("://")
        return Response(discovery(DESCRIBED, scheme=scheme, host=host, version=settings.VERSION))


OWN: Final = (
    Route(
        "openapi", "openapi.json", OpenApiView, {"GET": Operation("getOpenApiDocument", "anybody")}
    ),
    Route("discovery", "discovery", DiscoveryView, {"GET": Operation("discovery", "anybody")}),
)
DESCRIBED: Final = (*OWN, *ROUTES)
