"""Who answers what, and that no request of any shape is a failure of ours."""

import json
import logging
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from django.urls import URLPattern
from pytest_django import Settings

from accounts.audit.models import AuditEvent
from accounts.audit.sightings import flush_sightings
from accounts.users.models import User
from artifacts.oci.digest import Digest
from registry.repositories.models import Repository, Role
from registry.repositories.services import grant
from tests.registry.api.management.test_tags import basic
from tests.registry.builders import NOW, error_of, hold, image, make_user, push
from tests.system.matrix import named_routes

pytestmark = pytest.mark.django_db

BODY = image(b"{}")
DIGEST = str(Digest.of(BODY))
MANY = "&".join(f"a{number}=1" for number in range(1100))
DOORS = ("distribution:", "docker_v1:", "helm:", "management:", "jwks")


@pytest.fixture
def owner(repository: Repository) -> Client:
    hold(repository, b"{}")
    push(repository, BODY)
    return Client(headers=basic("acme-owner"), raise_request_exception=False)


@pytest.mark.parametrize(
    "path",
    [
        "/v2/",
        "/v2/auth",
        "/v2/acme/web/tags/list",
        "/v1/users/",
        "/v1/repositories/acme/web/images",
        "/helm/acme/index.yaml",
        "/api/v1/user/",
    ],
)
def test_an_account_whose_address_nobody_verified_comes_in_by_no_door(
    owner: Client, settings: Settings, path: str
) -> None:
    settings.FEATURE_MAILING = True
    assert owner.get(path).status_code == 200
    User.objects.filter(username="acme-owner").update(email="owner@example.com")

    answer = owner.get(path)

    assert answer.status_code == 403
    assert b"is not verified yet" in answer.content


@pytest.mark.parametrize(
    "path",
    [
        "/v2/",
        "/v2/auth",
        "/v2/_catalog",
        "/v2/acme/web/tags/list",
        "/v2/acme/web/manifests/v1",
        "/v1/search",
        "/helm/acme/index.yaml",
        "/api/v1/repository/acme/web/tag/",
    ],
)
def test_too_many_parameters_are_no_failure(owner: Client, path: str) -> None:
    assert owner.get(f"{path}?{MANY}").status_code in _answers_to_many(path)


def _answers_to_many(path: str) -> set[int]:
    """400 where parameters mean something; elsewhere they are not even read."""
    reads = ("auth", "_catalog", "tags/list", "search", "tag/")
    return {400} if path.endswith(reads) else {200}


def test_too_many_parameters_are_400_for_who_is_not_logged_in(client: Client) -> None:
    response = client.get(f"/v2/auth?scope=x&{MANY}")

    assert response.status_code == 400
    assert "too many" in error_of(response.json())[1]


def test_too_many_fields_of_a_page_are_400_and_no_error_in_the_log(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    assert client.get(f"/explore?{MANY}").status_code == 400

    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/api/v1/repository/acme/web/tag/v1"),
        ("POST", "/api/v1/repository/acme/web/tag/v1/restore"),
        ("POST", "/v2/auth"),
        ("PUT", "/v2/acme/web/manifests/v1"),
        ("POST", "/v1/users/"),
        ("POST", "/account/login/"),
    ],
)
def test_a_body_that_is_too_large_is_413(owner: Client, method: str, path: str) -> None:
    form = "application/x-www-form-urlencoded"
    owner.cookies["csrftoken"] = "x" * 32
    body = b"a=" + b"x" * 4_300_000

    assert Client.generic(owner, method, path, body, form).status_code == 413


def test_a_chunked_body_of_the_management_door_counts(owner: Client) -> None:
    body = json.dumps({"manifest_digest": DIGEST}).encode()

    more: dict[str, Any] = {"CONTENT_LENGTH": "", "wsgi.input": BytesIO(body)}
    chunked = {"Transfer-Encoding": "chunked"}
    path = "/api/v1/repository/acme/web/tag/v2"
    response = owner.generic("PUT", path, body, "application/json", headers=chunked, **more)

    assert response.status_code == 201


@pytest.mark.parametrize("path", ["/api/v1/repository/acme/web/tag/", "/api/v1/messages"])
def test_head_is_answered_where_get_is(owner: Client, path: str) -> None:
    assert owner.head(path).status_code == 200
    assert owner.head(path).content == b""


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/", "/api/v2/x", "/api"])
def test_an_unknown_route_of_the_management_door_is_404_in_its_form(
    client: Client, method: str, path: str
) -> None:
    response = client.generic(method, path)

    assert response.status_code == 404
    assert response.json()["error_type"] == "not_found"


@pytest.mark.parametrize("path", ["/v2x", "/v2x/y", "/v20", "/v1x", "/apis", "/helm/x"])
def test_a_path_that_only_begins_like_a_door_is_a_page_s(client: Client, path: str) -> None:
    response = client.get(path)

    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("path", ["//v2/", "///v2/", "//v2"])
def test_more_slashes_before_the_registry_count_as_one(owner: Client, path: str) -> None:
    assert owner.get("/", PATH_INFO=path).status_code == 200
    assert Client().get("/", PATH_INFO=path).status_code == 401


def test_more_slashes_reach_every_route(owner: Client) -> None:
    assert owner.get("/", PATH_INFO="//v2/acme/web/manifests/v1").content == BODY
    assert error_of(owner.get("/", PATH_INFO="//v2/x").json())[0] == "UNSUPPORTED"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/v2/acme/web/manifests/v1"),
        ("DELETE", "/v1/repositories/acme/web/tags/v1"),
        ("DELETE", "/api/v1/repository/acme/web/tag/v1"),
    ],
)
def test_who_is_refused_is_in_the_log_with_the_address(
    owner: Client, repository: Repository, settings: Settings, method: str, path: str
) -> None:
    settings.FEATURE_RESTRICTED_V1_PUSH = False
    grant(repository=repository, role=Role.READ, holder=make_user("reader"), now=NOW)

    reader = Client(headers=basic("reader"), REMOTE_ADDR="192.0.2.7")
    reader.generic(method, path)

    flush_sightings()
    event = AuditEvent.objects.get(action="access.refuse")
    assert (event.actor, event.address) == ("reader", "192.0.2.7")


# --- Requests of any shape ----------------------------------------------------------------------

ODD_VALUES = [
    "",
    "0",
    "-1",
    "1e9",
    "9" * 19,
    "9" * 5000,
    str(2**63),
    "٣",
    "\x00",
    "a\x00b",
    "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    "\U0001f980",
    "'\"--",
    "%",
    "_%_",
    "../..",
    "a" * 3000,
    "sha256:" + "a" * 64,
    "sha256:" + "A" * 64,
    "null",
    "true",
    "[]",
]
PARAMETERS = {
    "distribution:token": ["scope", "service", "account", "client_id"],
    "distribution:catalog": ["n", "last"],
    "distribution:tags": ["n", "last"],
    "distribution:referrers": ["artifactType", "last", "n"],
    "distribution:uploads": ["mount", "from", "digest", "digest-algorithm"],
    "distribution:upload": ["digest"],
    "distribution:manifest": ["tag"],
    "docker_v1:search": ["q", "n", "page"],
    "management:tags": ["limit", "page", "specificTag", "onlyActiveTags", "filter_tag_name"],
    "management:repositories": ["namespace", "public", "next_page"],
    "management:find-repositories": ["query", "page"],
    "management:org-robots": ["limit", "next_page"],
    "management:entities": ["namespace", "includeTeams", "includeOrgs"],
    "management:superuser-users": ["limit", "next_page", "disabled"],
    "management:labels": ["filter"],
}
ODD_BODIES = [
    b"",
    b"[" * 200_000,
    b'{"a":' * 100_000,
    b"[]",
    b"null",
    b'"\\ud800"',
    b"\xff\xfe{",
    b"9" * 5000,
    b'{"a": NaN, "a": 1}',
    b"grant_type=password&username=%ff&password=%00",
    b'{"username": "\\ud800", "password": "\\ud800"}',
    b'{"username": "$app", "password": "\\ud800"}',
    b'{"manifest_digest": "\\ud800"}',
    b'{"manifest_digest": ["a"], "expiration": 1e400}',
    b'{"expiration": 99999999999999999999, "immutable": "x"}',
    b'{"expiration": -1}',
    b'{"expiration": 253402300799}',
    b'{"name": "\\ud800", "email": 1, "role": []}',
    b'{"role": "admin", "delegate": 1, "activating_user": []}',
    b'{"method": "creation_date", "value": 1e400, "tagPattern": "("}',
]
ODD_HEADERS: list[dict[str, str]] = [
    {"Authorization": "Basic \xff"},
    {"Authorization": "Bearer " + "a.b.c" * 100},
    {"Authorization": "Token sigv2=e30:x"},
    {"Range": "bytes=9999999999999999999999-"},
    {"Content-Range": "0-99999999999999999999"},
    {"If-None-Match": '"\xff", W/"x", *'},
    {"Accept": ";;,=,;q=x, */*;q=0"},
    {"X-Forwarded-Host": "\xff\x7f", "X-Forwarded-Proto": "\xff"},
    {"Origin": "http://[::1", "Sec-Fetch-Site": "\xff"},
]
NAMES = {
    "name": ["acme/web", "web", "acme/w\x00b", "ACME", "a" * 300, "nobody/x", "\U0001f980/x"],
    "reference": ["v1", DIGEST, "sha256:x", "\x00", "a" * 200],
    "digest": [DIGEST, "sha256:x", "md5:" + "a" * 32, "\x00"],
    "session_id": ["00000000-0000-0000-0000-000000000000", "x", "\x00", "9" * 100],
    "tag": ["v1", "\x00", "a" * 200, "\U0001f980"],
    "image_id": ["a" * 64, "x", "\x00"],
    "organization": ["acme", "\x00", "nobody"],
    "path": ["web", "\x00"],
    "team": ["owners", "\x00", "a" * 300],
    "member": ["acme-owner", "acme+ci", "\x00", "+"],
    "robot": ["ci", "\x00", "a" * 300],
    "user": ["acme-owner", "acme+ci", "\x00"],
    "prefix": ["ac", "\x00", "\U0001f980", "acme+"],
    "prototype": ["1", "\x00", "9" * 30],
    "policy": ["00000000-0000-0000-0000-000000000001", "x", "\x00"],
    "notification": ["00000000-0000-0000-0000-000000000001", "x", "\x00", "9" * 100],
    "token": ["1", "x", "\x00"],
    "client_id": ["A" * 20, "x", "\x00", "a" * 300],
    "authorization": ["1", "x", "\x00", "9" * 30],
    "key": ["00000000-0000-0000-0000-000000000001", "x", "\x00", "a" * 300],
    "offer": ["00000000-0000-0000-0000-000000000001", "x", "\x00", "9" * 100],
    "namespace": ["acme", "\x00", "nobody"],
    "message": ["1", "x", "\x00"],
    "label": ["x", "\x00"],
    "kind": ["not_found", "x", "\x00"],
    "file_name": ["a-1.0.0.tgz", "a.tgz.prov"],
}


def routes() -> list[tuple[str, URLPattern]]:
    return [(name, route) for name, route in named_routes() if name.startswith(DOORS)]


def paths_of(route: URLPattern) -> Iterator[str]:
    """The address of a route with each odd name in each of its places."""
    groups = list(route.pattern.regex.groupindex)
    for odd in groups or [""]:
        for value in NAMES.get(odd, [""]):
            yield _filled(route, {group: NAMES[group][0] for group in groups} | {odd: value})


def _filled(route: URLPattern, values: dict[str, str]) -> str:
    text = str(route.pattern).removeprefix("^").removesuffix(r"\Z")
    for group, value in values.items():
        start = text.find(f"(?P<{group}>")
        if start < 0:
            continue
        depth, end = 0, start
        for end in range(start, len(text)):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            if not depth:
                break
        text = text[:start] + value + text[end + 1 :]
    return "/" + text.replace("/?", "/").replace("\\.", ".").replace(r"[\s\S]*", "x")


def ask(client: Client, method: str, path: str, query: str = "", **more: Any) -> int:
    body = more.pop("body", b"")
    response = client.generic(
        method,
        "/",
        body,
        "application/json",
        QUERY_STRING=query,
        PATH_INFO=_sent(path),
        **more,
    )
    return response.status_code


def _sent(path: str) -> str:
    """A path as a server hands it on (PEP 3333)."""
    return path.encode().decode("latin-1")


@pytest.mark.parametrize(("name", "route"), routes(), ids=[name for name, _ in routes()])
def test_no_request_of_any_shape_is_a_failure_of_ours(
    owner: Client, name: str, route: URLPattern
) -> None:
    failed: list[tuple[object, ...]] = []

    def check(method: str, path: str, query: str = "", **more: Any) -> None:
        try:
            status = ask(owner, method, path, query, **more)
        except Exception as error:
            failed.append((method, path[:80], query[:80], str(more)[:80], error))
            return
        if status >= 500:
            failed.append((method, path[:80], query[:80], str(more)[:80], status))

    usual = next(paths_of(route))
    for path in paths_of(route):
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            check(method, path)
    for parameter in PARAMETERS.get(name, []):
        for value in ODD_VALUES:
            for method in ("GET", "POST", "PUT"):
                check(method, usual, f"{parameter}={quote(value)}")
    for query in ("n=%ff&last=%ff%00", "&&==", MANY):
        check("GET", usual, query)
    for body in ODD_BODIES:
        for method in ("POST", "PUT", "PATCH"):
            check(method, usual, body=body)
    for headers in ODD_HEADERS:
        for method in ("GET", "PUT", "POST"):
            check(method, usual, headers=headers)

    assert not failed
