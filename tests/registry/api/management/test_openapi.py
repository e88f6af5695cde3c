"""The documents that say what the API is: they are well-formed, whole, and true."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.db import transaction
from django.test import Client
from openapi_spec_validator import OpenAPIV2SpecValidator, OpenAPIV31SpecValidator

from registry.api.management.description.answers import ANSWERS
from registry.api.management.description.parts import QUERIES
from registry.api.management.description.views import DESCRIBED
from registry.api.management.routes import BESIDE
from registry.api.management.urls import urlpatterns
from tests.registry.api.management.asking import token
from tests.registry.builders import make_repository, make_user

pytestmark = pytest.mark.django_db

OPERATIONS = [
    (route, method, operation)
    for route in DESCRIBED
    for method, operation in route.operations.items()
]
HOSTILE: tuple[Any, ...] = (
    *(None, True, -1, 0, 2**70, 1.5, "", "x", "\u0000", "\ud800", "a" * 5000, "../..", "%2e%2e"),
    *([], {}, [[]], {"a": {"b": []}}, "super:user", "sha256:" + "0" * 64, "2026-01-01", "é" * 300),
)


@pytest.fixture
def openapi() -> Any:
    return Client().get("/api/v1/openapi.json").json()


@pytest.fixture
def discovery() -> Any:
    return Client().get("/api/v1/discovery").json()


def test_the_document_is_openapi(openapi: Any) -> None:
    assert list(OpenAPIV31SpecValidator(openapi).iter_errors()) == []


def test_what_no_document_describes_stands_on_the_page_about_the_api() -> None:
    text = (Path(__file__).parents[4] / "docs/api.md").read_text()
    _, _, beside = text.partition("### Beside `/api/v1/`")

    assert [route.path for route in BESIDE if f"/{route.path}`" not in beside] == []


def test_the_discovery_is_swagger(discovery: Any) -> None:
    assert list(OpenAPIV2SpecValidator(discovery).iter_errors()) == []


def test_both_documents_have_every_operation_by_its_name(openapi: Any, discovery: Any) -> None:
    names = sorted(operation.name for _, _, operation in OPERATIONS)

    for document in (openapi, discovery):
        found = [
            operation["operationId"]
            for path in document["paths"].values()
            for method, operation in path.items()
            if not method.startswith("x-")
        ]
        assert sorted(found) == names


def test_no_two_operations_have_one_name() -> None:
    names = [operation.name for _, _, operation in OPERATIONS]

    assert len(names) == len(set(names))


def test_every_address_of_the_api_is_in_the_document(openapi: Any) -> None:
    known = {route.name for route in DESCRIBED} | {"unknown"}
    addresses = {str(one.pattern): one.name for one in urlpatterns}

    assert {name for place, name in addresses.items() if place.startswith("^api")} == known
    assert len(openapi["paths"]) == len({route.path for route in DESCRIBED})


def test_what_a_view_takes_is_there_under_its_own_name(openapi: Any) -> None:
    taken = {body for route, method, _ in OPERATIONS if (body := route.view.bodies.get(method))}

    assert {body.__name__ for body in taken} <= set(openapi["components"]["schemas"])
    assert len(taken) == len({body.__name__ for body in taken})


def test_what_is_answered_is_told_of_every_operation_and_of_no_other() -> None:
    assert set(ANSWERS) == {operation.name for _, _, operation in OPERATIONS}


def test_a_list_that_goes_on_says_how_it_is_asked_to(openapi: Any) -> None:
    members = openapi["paths"]["/api/v1/organization/{organization}/members"]["get"]

    assert [one["name"] for one in members["parameters"]] == ["organization", "next_page"]


def test_parameters_are_told_of_operations_that_there_are() -> None:
    assert set(QUERIES) <= {operation.name for _, _, operation in OPERATIONS}


@pytest.fixture
def superuser() -> Client:
    make_repository("acme/web")
    user = make_user("root1", is_superuser=True)
    return Client(headers=token(user), raise_request_exception=False)


@pytest.mark.parametrize("seed", range(4))
def test_nothing_that_is_sent_breaks_an_operation(
    superuser: Client, openapi: Any, seed: int
) -> None:
    chosen = random.Random(seed)
    broken = []
    for path, method, body in _calls(openapi, chosen):
        try:
            with transaction.atomic():
                answer = superuser.generic(method, path, body, "application/json")
                transaction.set_rollback(True)
        finally:
            transaction.get_connection().needs_rollback = False
        if answer.status_code >= 500 or not _is_described(answer, openapi):
            broken.append((method, path, body[:200], answer.status_code))

    assert broken == []


def _is_described(answer: Any, document: Any) -> bool:
    """Whether a refusal has what the document says of refusals."""
    if answer.status_code < 400:
        return True
    told = json.loads(answer.content)
    return set(document["components"]["schemas"]["Error"]["required"]) <= set(told)


def _calls(document: Any, chosen: random.Random) -> Iterator[tuple[str, str, bytes]]:
    """Each operation with its parameters and its body, half of them as they should be."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            place = path
            query = []
            for parameter in operation["parameters"]:
                value = str(chosen.choice(HOSTILE))
                if parameter["in"] == "query":
                    query.append(f"{parameter['name']}={_quoted(value)}")
                    continue
                known = {"organization": "acme", "repository": "acme/web", "user": "acme-owner"}
                right = known.get(parameter["name"], "x")
                said = right if chosen.random() < 0.7 else value or "x"
                place = place.replace(f"{{{parameter['name']}}}", _quoted(said, safe="/"))
            body = b""
            if asked := operation.get("requestBody"):
                schema = asked["content"]["application/json"]["schema"]
                name = schema.get("items", schema)["$ref"].rpartition("/")[2]
                sent = _value(document["components"]["schemas"][name], chosen)
                body = json.dumps([sent] if "items" in schema else sent).encode()
            yield f"{place}?{'&'.join(query)}", method.upper(), body


def _value(schema: Any, chosen: random.Random) -> Any:
    if chosen.random() < 0.3:
        return chosen.choice(HOSTILE)
    if "enum" in schema:
        return chosen.choice(schema["enum"])
    if schema.get("type") == "object" and "properties" in schema:
        return {name: _value(one, chosen) for name, one in schema["properties"].items()}
    return {"string": "abc", "integer": 3, "boolean": True}.get(str(schema.get("type")), "abc")


def _quoted(text: str, safe: str = "") -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe=safe)
