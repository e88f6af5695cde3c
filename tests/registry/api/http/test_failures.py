"""Every failure under ``/v2/`` is JSON in the spec's form, crashes included."""

import logging
from ipaddress import ip_network

import pytest
from django.core.exceptions import SuspiciousOperation
from django.db import OperationalError
from django.http import UnreadablePostError
from django.test import Client, RequestFactory
from pytest_django import Settings
from rest_framework.exceptions import ValidationError

from accounts.credentials.principals import ANONYMOUS
from accounts.errors import AccountError
from artifacts.oci.errors import Denied
from registry.api.doors import answer
from registry.api.http.failures import failure_of
from registry.repositories.models import Repository
from registry.tags.models import Tag
from tests.registry.builders import bearer, error_of, owner_of

pytestmark = pytest.mark.django_db

TAGS = "/v2/acme/web/tags/list"


def test_a_crash_is_told_in_json_and_logged_with_its_cause(
    pusher: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(Tag.objects.get_queryset().__class__, "names", crash)

    with caplog.at_level(logging.ERROR):
        response = pusher.get(TAGS)

    assert response.status_code == 500
    code, message = error_of(response.json())
    assert code == "UNKNOWN"
    assert "secret" not in message
    assert response.headers["Docker-Distribution-API-Version"] == "registry/2.0"
    (record,) = (r for r in caplog.records if r.name.startswith("registry.api"))
    assert record.exc_info
    assert record.exc_info[0] is ZeroDivisionError


def test_a_database_without_room_is_507(pusher: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(Tag.objects.get_queryset().__class__, "names", full)

    response = pusher.get(TAGS)

    assert response.status_code == 507
    assert "full" in error_of(response.json())[1]


@pytest.mark.parametrize("path", ["/v2/x", "/v1/x", "/helm/acme/index.yaml", "/api/v1/x"])
def test_every_door_tells_of_what_is_no_text(path: str) -> None:
    response = answer(RequestFactory().get(path), Denied("nothing is called \ud800"))

    assert response.status_code == 403
    assert b"nothing is called" in response.content


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (AccountError("the name is taken"), "the name is taken"),
        (ValidationError({"immutable": ["must be true or false"]}), "immutable must be true or"),
        (ValidationError("send less"), "send less"),
        (SuspiciousOperation("secret detail"), "the request could not be read"),
        (UnreadablePostError(), "the request could not be read"),
    ],
)
def test_what_is_wrong_with_a_request_is_400_and_no_defect(
    failure: Exception, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    error = failure_of(failure, RequestFactory().get("/v2/"))

    assert error.status == 400
    assert error.reason.startswith(told)
    assert not caplog.records


@pytest.mark.parametrize(
    "path",
    [
        "/v2/x",
        "/v2/acme/web",
        "/v2/acme/web/manifests",
        "/v2/acme/web/manifests/",
        "/v2//",
        "/v2/a/",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
def test_no_endpoint_is_404_in_json_whatever_the_method(
    client: Client, path: str, method: str
) -> None:
    response = client.generic(method, path)

    assert response.status_code == 404
    assert error_of(response.json())[0] == "UNSUPPORTED"


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [
        ("/v2/", "POST", "GET"),
        (TAGS, "DELETE", "GET"),
        ("/v2/acme/web/blobs/uploads/", "GET", "POST"),
        ("/v2/acme/web/manifests/v1", "PATCH", "PUT"),
        ("/v2/acme/web/manifests/v1", "OPTIONS", "PUT"),
        ("/v2/_catalog", "PUT", "GET"),
    ],
)
def test_a_wrong_method_is_405_and_told_the_right_ones(
    pusher: Client, path: str, method: str, allowed: str
) -> None:
    response = pusher.generic(method, path)

    assert response.status_code == 405
    assert error_of(response.json())[0] == "UNSUPPORTED"
    assert allowed in response.headers["Allow"]


@pytest.mark.parametrize(
    "name", ["Acme/web", "acme/../web", "acme/web%0A", "acme//web", "ä/b", "a" * 256]
)
def test_an_illegal_name_is_400_before_anything_else(client: Client, name: str) -> None:
    response = client.get(f"/v2/{name}/tags/list")

    assert response.status_code == 400
    assert error_of(response.json())[0] == "NAME_INVALID"


# --- The challenge ------------------------------------------------------------------------------


def challenge(client: Client, path: str = TAGS, method: str = "GET", **headers: str) -> str:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = client.generic(method, path, headers=named)
    assert response.status_code == 401
    return str(response.headers["WWW-Authenticate"])


@pytest.mark.parametrize(
    ("headers", "realm"),
    [
        ({"Host": "registry.example:8080"}, "http://registry.example:8080/v2/auth"),
        ({"Host": "[::1]:8080"}, "http://[::1]:8080/v2/auth"),
        (
            {"Host": "inner", "X_Forwarded_Host": "outer.example", "X_Forwarded_Proto": "https"},
            "https://outer.example/v2/auth",
        ),
        (
            {
                "Host": "inner",
                "X_Forwarded_Host": "first, second",
                "X_Forwarded_Proto": "https,http",
            },
            "https://first/v2/auth",
        ),
        ({"Host": "inner", "X_Forwarded_Proto": "gopher"}, "http://inner/v2/auth"),
    ],
)
def test_the_challenge_names_the_host_that_the_client_used(
    client: Client, settings: Settings, headers: dict[str, str], realm: str
) -> None:
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.0/8")]
    settings.ALLOWED_HOSTS = ["registry.example"] if "registry.example" in realm else []

    assert f'realm="{realm}"' in challenge(client, **headers)


def test_a_hostile_host_breaks_no_challenge(client: Client, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]

    value = challenge(client, Host='x",realm="https://evil')

    assert 'realm="http://xrealmhttps:evil/v2/auth"' in value


def test_the_challenge_names_the_host_of_the_settings_before_any_header(
    client: Client, settings: Settings
) -> None:
    settings.SERVER_HOSTNAME, settings.PREFERRED_URL_SCHEME = "registry.example", "https"

    value = challenge(client, Host="inner", X_Forwarded_Host="evil.example")

    assert 'realm="https://registry.example/v2/auth"' in value
    assert 'service="registry.example"' in value


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", TAGS, "repository:acme/web:pull"),
        ("GET", "/v2/acme/web/manifests/v1", "repository:acme/web:pull"),
        ("PUT", "/v2/acme/web/manifests/v1", "repository:acme/web:pull,push"),
        ("DELETE", "/v2/acme/web/manifests/v1", "repository:acme/web:pull,delete"),
        ("POST", "/v2/web/blobs/uploads/", "repository:web:pull,push"),
        ("HEAD", "/v2/acme/web/blobs/sha256:" + "a" * 64, "repository:acme/web:pull,push"),
        ("GET", "/v2/_catalog", "registry:catalog:*"),
    ],
)
def test_the_challenge_names_the_scope_that_the_request_needs(
    client: Client, method: str, path: str, scope: str
) -> None:
    assert f'scope="{scope}"' in challenge(client, path, method)


def test_the_root_asks_for_a_login_and_for_no_scope(client: Client) -> None:
    assert "scope=" not in challenge(client, "/v2/")


def test_a_challenge_tells_a_bad_token_from_a_small_one(
    client: Client, repository: Repository
) -> None:
    small = bearer(owner_of("acme"), "repository:acme/web:pull")["Authorization"]

    assert 'error="invalid_token"' in challenge(client, Authorization="Bearer nonsense")
    path = "/v2/acme/web/manifests/v1"
    assert 'error="insufficient_scope"' in challenge(client, path, "DELETE", Authorization=small)
    assert "error=" not in challenge(client)


# --- The library --------------------------------------------------------------------------------


def test_a_name_without_a_namespace_is_of_the_library(pusher: Client, settings: Settings) -> None:
    settings.LIBRARY_NAMESPACE = "acme"
    owner = owner_of("acme")

    response = Client(headers=bearer(owner, "repository:web:pull")).get("/v2/web/tags/list")

    assert response.status_code == 200
    assert response.json() == {"name": "web", "tags": []}


def test_without_rights_in_the_library_the_answer_says_so(client: Client) -> None:
    response = client.post("/v2/web/blobs/uploads/", headers=_nobodys_token())

    assert response.status_code == 401
    message = error_of(response.json())[1]
    assert "library/web" in message


def test_without_a_library_a_name_needs_its_organization(
    client: Client, settings: Settings
) -> None:
    settings.FEATURE_LIBRARY_SUPPORT = False

    response = client.get("/v2/web/tags/list")

    assert response.status_code == 400
    code, message = error_of(response.json())
    assert code == "NAME_INVALID"
    assert "ORGANIZATION/web" in message


def test_a_name_that_the_library_makes_too_long_is_refused(client: Client) -> None:
    response = client.get(f"/v2/{'a' * 250}/tags/list")

    assert error_of(response.json())[0] == "NAME_INVALID"


def _nobodys_token() -> dict[str, str]:
    return bearer(ANONYMOUS, "repository:web:pull,push")
