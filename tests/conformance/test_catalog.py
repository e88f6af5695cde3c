"""``GET /v2/_catalog``: the repositories that a caller may read, in pages."""

from urllib.parse import quote

import pytest

from tests.conformance.client import Client, link
from tests.conformance.content import OCI_INDEX, index
from tests.conformance.repository import Repository
from tests.live import RunningServer


def names(client: Client, query: str = "", until: str = "") -> list[str]:
    """All repositories, page by page, at most to the page that reaches ``until``."""
    found: list[str] = []
    path = f"/v2/_catalog{query}"
    while path:
        answer = client.get(path)
        assert answer.status == 200, answer
        page = answer.json()["repositories"]
        assert not found or not page or page[0] > found[-1]
        found += page
        path = "" if until and found[-1] >= until else link(answer)
    return found


@pytest.fixture(scope="module")
def family(live_registry: RunningServer, alice: Client) -> list[str]:
    """Repositories, and an organization, whose names are prefixes of one another."""
    organization = f"{alice.username}.b"
    live_registry.manage("create_organization", organization, "--owner", alice.username)
    base = f"{alice.username}/catalog"
    found = [base + suffix for suffix in ("", "-b", "/b", "b", ".b", "_b", "/b/c", "0")]
    found.append(f"{organization}/catalog")
    for name in found:
        Repository(alice, name).push_manifest(index([]), "v1", OCI_INDEX)
    return sorted(found)


def of_family(found: list[str], family: list[str]) -> list[str]:
    return [name for name in found if name in family]


def test_the_catalog_lists_what_the_caller_may_read(alice: Client, family: list[str]) -> None:
    answer = alice.get("/v2/_catalog")

    assert answer.status == 200
    assert answer.header("Content-Type").split(";")[0] == "application/json"
    assert of_family(names(alice), family) == family


def test_the_catalog_is_in_order_and_names_nothing_twice(alice: Client, family: list[str]) -> None:
    found = names(alice)

    assert found == sorted(set(found))
    assert set(family) <= set(found)


@pytest.mark.parametrize("n", [1, 3, 7, 1000])
def test_the_pages_of_the_catalog_are_the_whole(n: int, alice: Client, family: list[str]) -> None:
    for part in (family[:1], family[1:]):
        start = quote(part[0][:-1], safe="")

        first = alice.get(f"/v2/_catalog?n={n}&last={start}")

        assert len(first.json()["repositories"]) <= n
        found = names(alice, f"?n={n}&last={start}", until=part[-1])
        assert of_family(found, part) == part


def test_last_starts_after_the_name_it_gives(alice: Client, family: list[str]) -> None:
    for position, name in enumerate(family):
        found = names(alice, f"?last={quote(name, safe='')}")

        assert of_family(found, family) == family[position + 1 :]


def test_n_zero_gives_an_empty_catalog(alice: Client) -> None:
    answer = alice.get("/v2/_catalog?n=0")

    assert (answer.status, answer.json()) == (200, {"repositories": []})
    assert not answer.header("Link")


@pytest.mark.parametrize("n", ["1000000000000", "9" * 30])
def test_a_huge_n_is_cut_down(n: str, alice: Client, family: list[str]) -> None:
    assert of_family(names(alice, f"?n={n}"), family) == family


@pytest.mark.parametrize("last", ["", "zzzz", "unknown/x", "%00", "%ff", "%2e%2e%2f", "UPPER", "'"])
def test_last_need_not_exist(last: str, alice: Client) -> None:
    assert alice.get(f"/v2/_catalog?last={last}").status == 200


def test_the_catalog_hides_what_the_caller_may_not_read(
    bob: Client, readable: Repository, writable: Repository, family: list[str]
) -> None:
    found = names(bob)

    assert not of_family(found, family)
    assert {readable.name, writable.name} <= set(found)


def test_the_catalog_shows_nothing_private_to_anybody(
    anonymous: Client, family: list[str], writable: Repository
) -> None:
    answer = anonymous.get("/v2/_catalog")

    if answer.status == 200:
        assert not {*family, writable.name} & set(names(anonymous))
    else:
        assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
        assert answer.challenge["scope"] == "registry:catalog:*"


def test_a_new_repository_is_in_the_catalog_at_once(alice: Client, repository: Repository) -> None:
    repository.push_manifest(index([]), "v1", OCI_INDEX)

    last = quote(repository.name[:-1], safe="")

    assert repository.name in alice.get(f"/v2/_catalog?n=1000&last={last}").json()["repositories"]


def test_a_token_for_a_repository_is_no_token_for_the_catalog(
    alice: Client, repository: Repository
) -> None:
    headers = alice.bearer(f"repository:{repository.name}:pull")

    answer = alice.send("GET", "/v2/_catalog", headers=headers)

    assert answer.status == 401
    assert answer.challenge["scope"] == "registry:catalog:*"
