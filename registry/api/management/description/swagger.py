"""Swagger 2.0 of the API, in the form in which Quay has it."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from accounts.credentials.principals import ALL_SCOPES
from registry.api.management.description.forms import body_schema
from registry.api.management.description.parts import (
    ERROR,
    Described,
    bodies_of,
    described,
    information,
    tags_of,
)
from registry.api.management.routes import Route

_SCHEME: Final = "oauth2_implicit"
_ABOUT: Final[Mapping[str, str]] = {
    "repo:read": "pull",
    "repo:write": "pull, push and delete",
    "repo:admin": "administer repositories",
    "repo:create": "create repositories",
    "user:read": "read who one is",
    "user:admin": "administer one's account",
    "org:admin": "administer organizations",
    "super:user": "administer the registry",
}


def discovery(routes: Iterable[Route], *, scheme: str, host: str, version: str) -> dict[str, Any]:
    operations = described(routes)
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        about = {"x-name": one.route.name, "x-path": one.path, "x-tag": one.tag}
        paths.setdefault(one.path, dict(about))[one.method.lower()] = _operation(one)
    return {
        "swagger": "2.0",
        "host": host,
        "basePath": "/",
        "schemes": [scheme],
        "info": information(version),
        "produces": ["application/json"],
        "consumes": ["application/json"],
        "securityDefinitions": {
            _SCHEME: {
                "type": "oauth2",
                "flow": "implicit",
                "authorizationUrl": f"{scheme}://{host}/oauth/authorize",
                "scopes": {scope: _ABOUT[scope] for scope in sorted(ALL_SCOPES)},
            }
        },
        "paths": paths,
        "definitions": {
            "ApiError": ERROR,
            **{
                body.__name__: body_schema(body(), has_null=False) for body in bodies_of(operations)
            },
        },
        "tags": tags_of(operations),
    }


def _operation(one: Described) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": place, "required": place == "path", **schema}
        for name, place, schema in one.parameters()
    ]
    if one.body:
        schema = one.listed({"$ref": f"#/definitions/{one.body.__name__}"})
        body = {"name": "body", "in": "body", "required": one.needs_body, "schema": schema}
        parameters.append(body)
    refused = {"description": "Refused, in words.", "schema": {"$ref": "#/definitions/ApiError"}}
    done = {"description": "Done, or found."}
    return {
        **one.words,
        "parameters": parameters,
        "responses": {str(one.answer.status): done, "default": refused},
        "security": one.security(_SCHEME),
    }
