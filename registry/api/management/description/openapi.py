"""OpenAPI 3.1, for those who generate clients. Operations carry Quay's names, after which such
clients call their functions."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from registry.api.management.description.answers import Answer
from registry.api.management.description.forms import AnswerForms, body_schema, reference
from registry.api.management.description.parts import (
    ERROR,
    Described,
    bodies_of,
    described,
    information,
    tags_of,
)
from registry.api.management.routes import Route


def openapi(routes: Iterable[Route], *, origin: str, version: str) -> dict[str, Any]:
    """The API at ``origin``, which is scheme and host."""
    operations = described(routes)
    forms = AnswerForms()
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, forms)
    taken = {body.__name__: body_schema(body(), has_null=True) for body in bodies_of(operations)}
    if both := sorted(taken.keys() & forms.schemas.keys()):
        raise TypeError(f"what is taken and what is answered are both called {both}")
    return {
        "openapi": "3.1.0",
        "info": information(version),
        "servers": [{"url": origin}],
        "paths": paths,
        "components": {
            "schemas": {"Error": ERROR, **taken, **dict(sorted(forms.schemas.items()))},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "tags": tags_of(operations),
    }


def _operation(one: Described, forms: AnswerForms) -> dict[str, Any]:
    refused = {"description": "Refused, in words.", "content": _json(reference("Error"))}
    operation: dict[str, Any] = {
        **one.words,
        "parameters": [
            {"name": name, "in": place, "required": place == "path", "schema": schema}
            for name, place, schema in one.parameters()
        ],
        "responses": {str(one.answer.status): _answer(one.answer, forms), "4XX": refused},
        "security": one.security("token"),
    }
    if one.body:
        operation["requestBody"] = {
            "required": one.needs_body,
            "content": _json(one.listed(reference(one.body.__name__))),
        }
    return operation


def _answer(answer: Answer, forms: AnswerForms) -> dict[str, Any]:
    document: dict[str, Any] = {"description": HTTPStatus(answer.status).phrase}
    if answer.form is not None:
        document["content"] = {answer.media_type: {"schema": forms.schema(answer.form)}}
    return document


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
