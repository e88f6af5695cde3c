"""Where tokens are issued: who gets one, and what it says that it is good for."""

from urllib.parse import urlencode

import pytest
from django.test import Client
from pytest_django import Settings

from registry.access.scopes import MAX_SCOPES
from registry.access.tokens import MAX_TOKEN_BYTES
from registry.repositories.models import Repository
from tests.registry.api.management.test_tags import basic
from tests.registry.builders import PASSWORD, error_of, make_repository

pytestmark = pytest.mark.django_db

AUTH = "/v2/auth"
FORM_TYPE = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("query", ["", "?service=berth", "?scope=", "?account=alice&scope=&scope="])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_without_a_login_and_a_scope_there_is_no_token(
    client: Client, method: str, query: str
) -> None:
    response = client.generic(method, AUTH + query)

    assert response.status_code == 401
    assert "WWW-Authenticate" in response.headers


def test_a_scope_that_needs_no_login_is_granted_to_nobody_in_particular(client: Client) -> None:
    make_repository("acme/open", is_public=True)

    response = client.get(f"{AUTH}?scope=repository:acme/open:pull,push")

    assert response.status_code == 200
    assert response.json()["scope"] == "repository:acme/open:pull"


def test_without_anonymous_access_nobody_in_particular_gets_a_token(
    client: Client, settings: Settings
) -> None:
    settings.FEATURE_ANONYMOUS_ACCESS = False
    make_repository("acme/open", is_public=True)

    response = client.get(f"{AUTH}?scope=repository:acme/open:pull")

    assert response.status_code == 401
    assert error_of(response.json())[0] == "UNAUTHORIZED"


def test_a_login_alone_is_enough(client: Client, repository: Repository) -> None:
    assert client.get(AUTH, headers=basic("acme-owner")).status_code == 200


def test_a_scope_that_cannot_be_read_is_left_out(client: Client, repository: Repository) -> None:
    query = "scope=nonsense&scope=repository:!!:pull&scope=repository:acme/web:pull&scope=x:y:z"

    response = client.get(f"{AUTH}?{query}", headers=basic("acme-owner"))

    assert response.json()["scope"] == "repository:acme/web:pull"


@pytest.mark.parametrize("length", [60, 150, 240])
@pytest.mark.parametrize("door", ["GET", "POST"])
def test_a_token_that_is_issued_is_taken(
    client: Client, repository: Repository, door: str, length: int
) -> None:
    names = [f"acme/{'x' * (length - 7)}{number:02}" for number in range(MAX_SCOPES)]
    scopes = [f"repository:{name}:pull,push,delete" for name in names]
    form = {"grant_type": "password", "username": "acme-owner", "password": PASSWORD}

    if door == "GET":
        response = client.get(AUTH, {"scope": scopes}, headers=basic("acme-owner"))
    else:
        response = client.post(AUTH, urlencode({**form, "scope": scopes}, doseq=True), FORM_TYPE)

    answer = response.json()
    granted = answer["scope"].split()
    assert len(answer["token"]) <= MAX_TOKEN_BYTES
    assert 0 < len(granted) < MAX_SCOPES or length == 60
    assert [scope.split(":")[1] for scope in granted] == names[: len(granted)]
    headers = {"Authorization": f"Bearer {answer['token']}"}
    assert client.get("/v2/", headers=headers).status_code == 200
    assert client.post(f"/v2/{names[0]}/blobs/uploads/", headers=headers).status_code == 202


def test_what_a_token_has_no_room_for_is_told(client: Client, repository: Repository) -> None:
    scopes = [f"repository:acme/{'x' * 200}{number}:pull" for number in range(MAX_SCOPES)]

    many = client.get(AUTH, {"scope": scopes}, headers=basic("acme-owner"))
    few = client.get(AUTH, {"scope": scopes[:3]}, headers=basic("acme-owner"))

    left_out = MAX_SCOPES - len(many.json()["scope"].split())
    assert many.headers["Warning"] == (
        f'299 - "the token has no room for {left_out} of the scopes; ask for fewer"'
    )
    assert "Warning" not in few.headers


def test_two_names_of_one_repository_add_up(client: Client) -> None:
    make_repository("library/web")
    query = "scope=repository:web:push&scope=repository:library/web:pull"
    answer = client.get(f"{AUTH}?{query}", headers=basic("library-owner")).json()
    headers = {"Authorization": f"Bearer {answer['token']}"}

    assert client.get("/v2/web/tags/list", headers=headers).status_code == 200
    assert client.post("/v2/web/blobs/uploads/", headers=headers).status_code == 202
