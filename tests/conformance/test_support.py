"""Section "Determining Support" (end-1), and what every route shares."""

import pytest

from tests.conformance.client import Client
from tests.conformance.conftest import Stocked
from tests.conformance.content import unknown_digest
from tests.conformance.repository import Repository
from tests.conformance.wire import Wire

UNKNOWN_SESSION = "3f0c8b0e-6d1f-4a53-9a3e-5d8f0a6f1c11"

# Each route with the methods it answers.
ROUTES = [
    ("blobs/{digest}", {"GET", "HEAD", "DELETE"}),
    ("manifests/v1", {"GET", "HEAD", "PUT", "DELETE"}),
    ("manifests/{digest}", {"GET", "HEAD", "PUT", "DELETE"}),
    ("blobs/uploads/", {"POST"}),
    (f"blobs/uploads/{UNKNOWN_SESSION}", {"GET", "PATCH", "PUT", "DELETE"}),
    ("tags/list", {"GET"}),
    ("referrers/{digest}", {"GET"}),
]
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"]
WRONG = [
    pytest.param(route, method, id=f"{method}-{route}")
    for route, allowed in ROUTES
    for method in METHODS
    if method not in allowed
]

UNKNOWN_ROUTES = [
    "/v2/_unknown",
    "/v2/_catalog/",
    "/v2/nothing",
    "/v2/nothing/here",
    "/v2/{name}",
    "/v2/{name}/",
    "/v2/{name}/blobs",
    "/v2/{name}/blobs/",
    "/v2/{name}/manifests",
    "/v2/{name}/manifests/",
    "/v2/{name}/manifests/a/b",
    "/v2/{name}/tags",
    "/v2/{name}/tags/",
    "/v2/{name}/tags/lists",
    "/v2/{name}/tags/list/",
    "/v2/{name}/referrers",
    "/v2/{name}/referrers/",
    "/v2/{name}/blobs/uploads/a/b",
    "/v2/blobs/uploads/",
    "/v2/tags/list",
    "/v2//tags/list",
    "/v2/%3Cscript%3Ealert(1)%3C/script%3E",
    "/v2/%00",
    "/v2/../../etc/passwd",
    "/v2/{name}/../../../etc/passwd",
    "/v2/%2e%2e/%2e%2e/etc/passwd",
]
ROUTES_OF_NO_NAME = ["/v2/%ff%fe/tags/list", "/v2/" + "a/" * 1000 + "tags/list"]


def test_get_v2_answers_200_where_the_specification_is_implemented(alice: Client) -> None:
    """Section "Determining Support": end-1."""
    answer = alice.get("/v2/")

    assert answer.status == 200
    assert answer.header("Content-Type").split(";")[0] == "application/json"
    assert answer.json() == {}


def test_v2_challenges_a_caller_without_credentials(anonymous: Client) -> None:
    answer = anonymous.send("GET", "/v2/")

    assert answer.status == 401
    assert answer.code == "UNAUTHORIZED"
    assert set(answer.challenge) >= {"realm", "service"}


def test_v2_answers_200_to_a_token_without_scope(alice: Client) -> None:
    assert alice.send("GET", "/v2/", headers=alice.bearer()).status == 200


def test_v2_without_its_slash_never_redirects_a_login_away(alice: Client) -> None:
    answer = alice.send("GET", "/v2", headers=alice.bearer())

    assert answer.status == 200


@pytest.mark.parametrize(("route", "method"), WRONG)
def test_a_method_the_route_does_not_know_is_unsupported(
    route: str, method: str, stocked: Stocked
) -> None:
    path = stocked.repository.path(route.format(digest=stocked.digest))

    answer = stocked.repository.client.request(method, path, body=b"{}")

    assert (answer.status, answer.code) == (405, "UNSUPPORTED")


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("path", [*UNKNOWN_ROUTES, *ROUTES_OF_NO_NAME])
def test_an_unknown_route_answers_in_json(path: str, method: str, stocked: Stocked) -> None:
    """Section "Error Codes": the client has checked the form of the body."""
    client = stocked.repository.client

    answer = client.request(method, path.format(name=stocked.repository.name))

    assert answer.status == (400 if path in ROUTES_OF_NO_NAME else 404)


@pytest.mark.parametrize("path", ["/v1/_ping", "/v1/search?q=a&n=25"])
def test_what_docker_search_asks_is_answered(path: str, alice: Client) -> None:
    assert alice.send("GET", path).status == 200


@pytest.mark.parametrize("route", [route for route, _ in ROUTES])
def test_every_resource_challenges_with_the_scope_it_needs(
    route: str, stocked: Stocked, anonymous: Client
) -> None:
    path = stocked.repository.path(route.format(digest=stocked.digest))
    allowed = next(methods for known, methods in ROUTES if known == route)

    for method in sorted(allowed):
        answer = anonymous.send(method, path, body=b"" if method in {"PUT", "POST"} else None)

        assert answer.status == 401, (method, path, answer)
        kind, name, actions = answer.challenge["scope"].split(":")
        assert (kind, name) == ("repository", stocked.repository.name)
        assert set(actions.split(",")) <= {"pull", "push", "delete"}


@pytest.mark.parametrize(
    "accept", ["", "text/html", "application/vnd.oci.image.index.v1+json", "a", "*/*;q=0", "\xff"]
)
def test_no_accept_header_is_unacceptable(accept: str, stocked: Stocked) -> None:
    """Section "Pulling manifests": the type that was pushed is the type that is served."""
    for path in ("manifests/v1", f"blobs/{stocked.digest}", "tags/list"):
        answer = stocked.repository.client.get(
            stocked.repository.path(path), headers=[("Accept", accept)]
        )

        assert answer.status == 200


def test_nothing_is_compressed_even_for_who_asks(stocked: Stocked) -> None:
    headers = [("Accept-Encoding", "gzip, deflate, br, zstd")]

    for path in ("manifests/v1", f"blobs/{stocked.digest}"):
        answer = stocked.repository.client.get(stocked.repository.path(path), headers=headers)

        assert answer.status == 200
        assert int(answer.header("Content-Length")) == len(answer.body)


def test_a_proxy_namespace_may_be_ignored(stocked: Stocked) -> None:
    """Section "Registry Proxying": ``ns``; who uses it answers with ``OCI-Namespace``."""
    answer = stocked.repository.client.get(stocked.repository.manifest("v1") + "?ns=example.org")

    assert answer.status == 200
    assert answer.header("OCI-Namespace") in {"", "example.org"}


def test_old_http_is_understood(stocked: Stocked) -> None:
    with Wire(stocked.repository.client.host) as wire:
        wire.send(f"GET /v2/ HTTP/1.0\r\nHost: {wire.host}\r\n\r\n".encode())

        assert wire.read().status == 401


def test_a_connection_stays_in_step_after_a_refused_body(repository: Repository) -> None:
    """A body nobody wanted is read or the connection is closed, never taken for a request."""
    repository.open_upload()
    bearer = repository.client.bearer(f"repository:{repository.name}:pull,push")
    unknown = repository.path(f"blobs/uploads/{UNKNOWN_SESSION}")
    with Wire(repository.client.host) as wire:
        wire.begin("PATCH", unknown, [*bearer, ("Content-Length", "100000")])
        wire.send(b"GET / HTTP/1.1\r\n\r\n" * 5555 + b"GET / HTTP")
        refused = wire.read("PATCH")
        assert (refused.status, refused.code) == (404, "BLOB_UPLOAD_UNKNOWN")

        try:
            wire.begin("GET", "/v2/", bearer)
            answer = wire.read()
        except ConnectionError:
            return
        assert answer.status == 200


def test_a_missing_blob_and_a_missing_manifest_differ_in_code(stocked: Stocked) -> None:
    client = stocked.repository.client

    blob = client.get(stocked.repository.blob(unknown_digest()))
    manifest = client.get(stocked.repository.manifest(unknown_digest()))

    assert (blob.status, blob.code) == (404, "BLOB_UNKNOWN")
    assert (manifest.status, manifest.code) == (404, "MANIFEST_UNKNOWN")


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_body_where_none_belongs_changes_nothing(
    chunked: bool, method: str, stocked: Stocked
) -> None:
    """RFC 9110 section 9.3.1: content in a GET has no meaning."""
    body = [b"x" * 500_000] * 2 if chunked else b"x" * 1_000_000
    path = stocked.repository.manifest("v1" if method != "DELETE" else "missing")

    answer = stocked.repository.client.request(method, path, body=body)

    assert answer.status == (404 if method == "DELETE" else 200)
