"""Addresses in answers: relative, or as the client sees them behind a proxy."""

import pytest

from tests.conformance.client import Client, Headers
from tests.conformance.content import digest_of, unique
from tests.conformance.repository import Repository

FORWARDED: Headers = [
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "registry.example.org:8443"),
]


def realm(client: Client, headers: Headers) -> str:
    return client.send("GET", "/v2/", headers=headers).challenge["realm"]


def test_the_realm_is_where_the_client_came_in(anonymous: Client) -> None:
    assert realm(anonymous, []) == f"http://{anonymous.host}/v2/auth"


def test_the_realm_is_what_a_proxy_forwarded(anonymous: Client) -> None:
    assert realm(anonymous, FORWARDED) == "https://registry.example.org:8443/v2/auth"


def test_of_several_proxies_the_first_counts(anonymous: Client) -> None:
    headers = [("X-Forwarded-Proto", "https, http"), ("X-Forwarded-Host", "a.example.org, b")]

    assert realm(anonymous, headers) == "https://a.example.org/v2/auth"


@pytest.mark.parametrize(
    "host",
    ['a",error="x', "a/../b", "a b", "<script>", "a\\b", "\xff", "", ",", "x" * 3000, "user@evil"],
)
def test_a_hostile_host_breaks_no_challenge(host: str, anonymous: Client) -> None:
    for name in ("X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "X-Forwarded-For"):
        answer = anonymous.send("GET", "/v2/", headers=[(name, host)])

        assert answer.status == 401
        assert set(answer.challenge) == {"realm", "service"}
        assert answer.challenge["realm"].endswith("/v2/auth")
        assert not set('"<> \\') & set(answer.challenge["realm"])


def test_every_location_is_a_path_or_where_the_client_came_in(repository: Repository) -> None:
    content = unique()
    client, origin = repository.client, "https://registry.example.org:8443"
    client.post(repository.uploads())

    opened = client.post(repository.uploads(), headers=FORWARDED)
    path = repository.uploads(digest=digest_of(content))
    closed = client.post(path, body=content, headers=FORWARDED)

    for answer in (opened, closed):
        assert answer.header("Location").removeprefix(origin).startswith(f"/v2/{repository.name}/")
