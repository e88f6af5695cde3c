"""Section "Pulling manifests": what a repository may be called, on every route."""

import pytest

from tests.conformance.client import Client, escaped
from tests.conformance.content import OCI_INDEX, index, unknown_digest
from tests.conformance.repository import Repository

LEGAL = ["0", "a.b_c__d---e", "a/b/c/d/e", "a" * 200]

# What follows the namespace, as written in a URL; others are in tests/artifacts/oci.
ILLEGAL = ["UPPER", "a//b", "a___b", "a+b", "a%2525b", "a%0a", "%C3%A9", "a/../b", "%2e%2e%2fa"]
ROUTES = [
    ("GET", "tags/list"),
    ("GET", "manifests/v1"),
    ("HEAD", "manifests/v1"),
    ("PUT", "manifests/v1"),
    ("DELETE", "manifests/v1"),
    ("GET", "blobs/{digest}"),
    ("HEAD", "blobs/{digest}"),
    ("DELETE", "blobs/{digest}"),
    ("POST", "blobs/uploads/"),
    ("GET", "referrers/{digest}"),
]


@pytest.mark.parametrize("name", LEGAL)
def test_a_name_the_grammar_allows_is_taken(name: str, repository: Repository) -> None:
    named = Repository(repository.client, f"{repository.name[:40].rstrip('-/')}/{name}")

    assert named.put_manifest(index([]), "v1", OCI_INDEX).status == 201
    assert named.tags() == ["v1"]


@pytest.mark.parametrize("name", ILLEGAL)
def test_a_name_the_grammar_forbids_is_invalid(name: str, alice: Client) -> None:
    answer = alice.get(f"/v2/{alice.username}/{name}/tags/list")

    assert (answer.status, answer.code) == (400, "NAME_INVALID")


@pytest.mark.parametrize(("method", "route"), ROUTES)
@pytest.mark.parametrize("name", ["UPPER", "a//b", "a%00"])
def test_an_invalid_name_is_invalid_on_every_route(
    name: str, method: str, route: str, alice: Client
) -> None:
    path = f"/v2/{alice.username}/{name}/{route.format(digest=unknown_digest())}"

    answer = alice.request(method, path, body=b"")

    assert answer.status == 400
    assert method == "HEAD" or answer.code == "NAME_INVALID"


@pytest.mark.parametrize("parts", [1, 2, 20, 100])
@pytest.mark.parametrize("length", [230, 254, 255])
def test_a_name_just_short_enough_works_everywhere(length: int, parts: int, alice: Client) -> None:
    """Registries that keep names as folders fail here with a 500."""
    room = length - len(alice.username) - 1
    name = "a" * room if parts == 1 else ("b/" * (parts - 1) + "c" * room)[:room]
    name = name if not name.endswith("/") else f"{name[:-1]}d"
    repository = Repository(alice, f"{alice.username}/{name}")
    assert len(repository.name) == length

    pushed = repository.push_image("v1")

    assert repository.client.get(repository.manifest("v1")).body == pushed.body
    assert repository.tags() == ["v1"]


@pytest.mark.parametrize("length", [256, 257, 300, 1000, 5000])
def test_a_name_too_long_is_invalid(length: int, alice: Client) -> None:
    name = f"{alice.username}/".ljust(length, "a")

    answer = alice.get(f"/v2/{name}/tags/list")
    pushed = alice.post(f"/v2/{name}/blobs/uploads/")

    assert (answer.status, answer.code) == (400, "NAME_INVALID")
    assert (pushed.status, pushed.code) == (400, "NAME_INVALID")


@pytest.mark.parametrize("word", ["blobs", "manifests", "tags", "uploads", "referrers", "v2"])
@pytest.mark.parametrize("place", ["last", "first", "alone"])
def test_a_name_may_hold_the_words_of_routes(place: str, word: str, repository: Repository) -> None:
    suffix = {"last": f"x/{word}", "first": f"{word}/x", "alone": word}[place]
    named = Repository(repository.client, f"{repository.client.username}/words/{suffix}")

    pushed = named.push_image("v1")

    assert named.client.get(named.manifest("v1")).body == pushed.body
    assert named.tags() == ["v1"]


@pytest.mark.parametrize(
    "name", ["tags/list", "manifests/latest", "blobs/uploads", "a/tags/list/b"]
)
def test_a_name_that_reads_like_a_route_is_a_name(name: str, repository: Repository) -> None:
    named = Repository(repository.client, f"{repository.client.username}/like/{name}")

    assert named.put_manifest(index([]), "v1", OCI_INDEX).status == 201
    assert named.tags() == ["v1"]
    assert named.client.get(named.manifest("v1")).status == 200


def test_an_escaped_slash_separates_like_a_plain_one(repository: Repository) -> None:
    repository.push_image("v1")
    path = f"/v2/{escaped(repository.name)}/tags/list"

    answer = repository.client.get(path)

    assert (answer.status, answer.json()["tags"]) == (200, ["v1"])


def test_a_push_without_an_organization_is_told_what_the_name_means(alice: Client) -> None:
    answer = alice.ask_token("repository:nobody-here:pull,push")

    assert (answer.status, answer.code) == (403, "DENIED")
    assert "library/nobody-here" in answer.json()["errors"][0]["message"]
    assert alice.ask_token("repository:nobody-here:pull").status == 200


@pytest.mark.parametrize("name", ["nobody-here/x", "library/x"])
def test_a_namespace_one_may_not_use_is_refused_in_words(name: str, alice: Client) -> None:
    answer = alice.post(f"/v2/{name}/blobs/uploads/")

    assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
    assert len(answer.json()["errors"][0]["message"]) > len("authentication required")
