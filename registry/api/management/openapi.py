"""The routes as a document: OpenAPI 3.1 for those who generate clients, Swagger 2.0 as Quay has it.

Both are made of the table of the routes and of what their views take. Operations carry Quay's
names, after which generated clients call their functions.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.credentials.principals import ALL_SCOPES
from registry.api.http.login import external_url
from registry.api.management import bodies
from registry.api.management.base import ManagementView
from registry.api.management.operations import Operation
from registry.api.management.routes import ROUTES, Route

_PLACE: Final = re.compile(r"\{(\w+)\}")
_ABOUT: Final = {
    "repo:read": "pull",
    "repo:write": "pull, push and delete",
    "repo:admin": "administer repositories",
    "repo:create": "create repositories",
    "user:read": "read who one is",
    "user:admin": "administer one's account",
    "org:admin": "administer organizations",
    "super:user": "administer the registry",
}
# What is asked beside the path. Whatever else is sent is overlooked.
_LOGS: Final = ("starttime", "endtime", "performer", "next_page")
_DAYS: Final = ("starttime", "endtime", "performer")
QUERIES: Final[Mapping[str, tuple[str, ...]]] = {
    "getMatchingEntities": ("namespace", "includeTeams", "includeOrgs"),
    "listAppTokens": ("expiring", "next_page"),
    "listAllAppTokens": ("expiring", "next_page"),
    "getOrganizationTeamMembers": ("includePending", "next_page"),
    "getOrgRobots": ("permissions", "token", "limit", "next_page"),
    "getUserRobots": ("permissions", "token", "limit", "next_page"),
    "listRepos": ("namespace", "public", "starred", "last_modified", "popularity", "next_page"),
    "getRepo": ("includeTags", "includeStats"),
    "listRepoTags": ("specificTag", "filter_tag_name", "onlyActiveTags", "limit", "page"),
    "listManifestLabels": ("filter",),
    "conductRepoSearch": ("query", "page", "includeUsage"),
    "conductSearch": ("query",),
    "listAllUsers": ("limit", "next_page", "disabled"),
    "listAllOrganizations": ("limit", "next_page"),
    "listOrganizationApplicationTokens": ("next_page",),
    "listUserAuthorizations": ("next_page",),
    "listAssignedAuthorizations": ("next_page",),
    "listRepoLogs": _LOGS,
    "listOrgLogs": _LOGS,
    "listUserLogs": _LOGS,
    "listAllLogs": _LOGS,
    "getAggregateRepoLogs": _DAYS,
    "getAggregateOrgLogs": _DAYS,
    "getAggregateUserLogs": _DAYS,
    "getAllAggregateLogs": _DAYS,
    "exportRepoLogs": _DAYS[:2],
    "exportOrgLogs": _DAYS[:2],
    "exportUserLogs": _DAYS[:2],
}
_NUMBERS: Final = frozenset({"limit", "page"})
_ERROR: Final[Mapping[str, Any]] = {
    "type": "object",
    "required": ["detail", "error_message", "message", "error_type", "title", "type", "status"],
    "properties": {
        **{
            name: {"type": "string"}
            for name in ("detail", "error_message", "message", "error_type", "title", "type")
        },
        "status": {"type": "integer"},
    },
}


class OpenApiView(ManagementView):
    def get(self, request: Request) -> Response:
        return Response(openapi(origin=external_url(request), version=settings.VERSION))


class DiscoveryView(ManagementView):
    def get(self, request: Request) -> Response:
        scheme, _, host = external_url(request).partition("://")
        return Response(discovery(scheme=scheme, host=host, version=settings.VERSION))


OWN: Final = (
    Route(
        "openapi", "openapi.json", OpenApiView, {"GET": Operation("getOpenApiDocument", "anybody")}
    ),
    Route("discovery", "discovery", DiscoveryView, {"GET": Operation("discovery", "anybody")}),
)


def openapi(*, origin: str, version: str) -> dict[str, Any]:
    """OpenAPI 3.1 of the API at ``origin``, which is scheme and host."""
    refused = {"description": "Refused, in words.", "content": _json({"$ref": _ref("Error")})}
    paths: dict[str, dict[str, Any]] = {}
    for route, method, operation in _operations():
        described: dict[str, Any] = {
            **_described(operation, route),
            "parameters": [
                {"name": name, "in": place, "required": place == "path", "schema": schema}
                for name, place, schema in _parameters(route, operation)
            ],
            "responses": {"2XX": {"description": "Done, or found."}, "4XX": refused},
            "security": _security(operation, "token"),
        }
        if body := route.view.bodies.get(method):
            described["requestBody"] = {
                "required": _needs_body(body),
                "content": _json(_listed(route, {"$ref": _ref(body.__name__)})),
            }
        paths.setdefault(_path(route), {})[method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": _info(version),
        "servers": [{"url": origin}],
        "paths": paths,
        "components": {
            "schemas": {
                "Error": _ERROR,
                **{body.__name__: _schema(body(), "3.1") for body in _bodies()},
            },
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "tags": [{"name": tag} for tag in _tags()],
    }


def discovery(*, scheme: str, host: str, version: str) -> dict[str, Any]:
    """Swagger 2.0 of the same, in the form in which Quay has it."""
    refused = {"description": "Refused, in words.", "schema": {"$ref": "#/definitions/ApiError"}}
    paths: dict[str, dict[str, Any]] = {}
    for route, method, operation in _operations():
        parameters: list[dict[str, Any]] = [
            {"name": name, "in": place, "required": place == "path", **schema}
            for name, place, schema in _parameters(route, operation)
        ]
        if body := route.view.bodies.get(method):
            schema = _listed(route, {"$ref": f"#/definitions/{body.__name__}"})
            is_needed = _needs_body(body)
            parameters.append(
                {"name": "body", "in": "body", "required": is_needed, "schema": schema}
            )
        done = {"200": {"description": "Done, or found."}, "default": refused}
        path = paths.setdefault(
            _path(route),
            {"x-name": route.name, "x-path": _path(route), "x-tag": _tag(route)},
        )
        path[method.lower()] = {
            **_described(operation, route),
            "parameters": parameters,
            "responses": done,
            "security": _security(operation, "oauth2_implicit"),
        }
    return {
        "swagger": "2.0",
        "host": host,
        "basePath": "/",
        "schemes": [scheme],
        "info": _info(version),
        "produces": ["application/json"],
        "consumes": ["application/json"],
        "securityDefinitions": {
            "oauth2_implicit": {
                "type": "oauth2",
                "flow": "implicit",
                "authorizationUrl": f"{scheme}://{host}/oauth/authorize",
                "scopes": {scope: _ABOUT[scope] for scope in sorted(ALL_SCOPES)},
            }
        },
        "paths": paths,
        "definitions": {
            "ApiError": _ERROR,
            **{body.__name__: _schema(body(), "2.0") for body in _bodies()},
        },
        "tags": [{"name": tag} for tag in _tags()],
    }


def _operations() -> Iterator[tuple[Route, str, Operation]]:
    for route in (*OWN, *ROUTES):
        for method, operation in route.operations.items():
            yield route, method, operation


def _info(version: str) -> dict[str, str]:
    text = "What Quay's management API has of people, organizations, repositories and rights."
    return {"title": "Berth's management API", "version": version, "description": text}


def _described(operation: Operation, route: Route) -> dict[str, Any]:
    return {
        "operationId": operation.name,
        "tags": [_tag(route)],
        "description": f"For: {operation.right if operation.right != '*' else 'administrator'}.",
    }


def _security(operation: Operation, scheme: str) -> list[dict[str, list[str]]]:
    if operation.right == "anybody":
        return []
    scopes = [operation.scope] if operation.scope else []
    needed = {scheme: scopes}
    return [{}, needed] if operation.right in ("pull", "visitor") else [needed]


def _parameters(route: Route, operation: Operation) -> Iterator[tuple[str, str, dict[str, str]]]:
    for name in _PLACE.findall(_path(route)):
        yield name, "path", {"type": "string"}
    for name in QUERIES.get(operation.name, ()):
        yield name, "query", {"type": "integer" if name in _NUMBERS else "string"}


def _path(route: Route) -> str:
    """As Quay's document has it: a repository is called so."""
    return f"/api/v1/{route.path.replace('{name}', '{repository}')}"


def _tag(route: Route) -> str:
    return route.path.partition("/")[0]


def _tags() -> list[str]:
    return sorted({_tag(route) for route, _, _ in _operations()})


def _bodies() -> list[type[bodies.Body]]:
    found: dict[str, type[bodies.Body]] = {}
    for route, method, _ in _operations():
        if body := route.view.bodies.get(method):
            found[body.__name__] = body
    return [found[name] for name in sorted(found)]


def _listed(route: Route, schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": schema} if route.view.takes_lists else schema


def _needs_body(body: type[bodies.Body]) -> bool:
    return any(field.required for field in body().fields.values())


def _schema(body: bodies.Body, form: str) -> dict[str, Any]:
    fields = {str(name): _field(field, form) for name, field in body.fields.items()}
    required = [str(name) for name, field in body.fields.items() if field.required]
    return {
        "type": "object",
        "properties": fields,
        **({"required": required} if required else {}),
    }


def _field(field: Any, form: str) -> dict[str, Any]:
    if isinstance(field, bodies.Body):
        return _schema(field, form)
    if isinstance(field, bodies.Choice):
        return {"type": "string", "enum": list(field.words)}
    if isinstance(field, bodies.Text):
        most = {} if field.max_length is None else {"maxLength": field.max_length}
        least = {} if field.allow_blank else {"minLength": 1}
        return {"type": "string", **least, **most}
    kinds = (kind for cls, kind in _KINDS if isinstance(field, cls))
    described = dict(next(kinds, {}))
    if form == "3.1" and field.allow_null:
        described["type"] = [described["type"], "null"]
    return described


_KINDS: Final[tuple[tuple[type, Mapping[str, Any]], ...]] = (
    (bodies.Truth, {"type": "boolean"}),
    (bodies.Number, {"type": "integer", "minimum": 0}),
    (bodies.Object, {"type": "object"}),
)


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _ref(name: str) -> str:
    return f"#/components/schemas/{name}"
