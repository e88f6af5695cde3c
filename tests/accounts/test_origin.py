"""Whom and what a request comes from, when proxies are in between."""

from ipaddress import ip_network
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.origin import address_of, external_url, ignored, is_served, settle

PROXY = "10.0.0.9"
CLIENT = "192.0.2.1"


@pytest.fixture(autouse=True)
def trusted(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]
    settings.SERVER_HOSTNAME = ""


def settled(peer: str = PROXY, **headers: str) -> dict[str, Any]:
    meta: dict[str, Any] = {
        "REMOTE_ADDR": peer,
        "wsgi.url_scheme": "http",
        "HTTP_HOST": "inner:8080",
        **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
    }
    settle(meta)
    return meta


FROM: list[tuple[dict[str, str], str]] = [
    ({"x_forwarded_for": CLIENT}, CLIENT),
    ({"x_forwarded_for": f"203.0.113.5, {CLIENT}"}, CLIENT),
    ({"x_forwarded_for": f"{CLIENT}, 10.0.0.3"}, CLIENT),
    ({"x_forwarded_for": f"{CLIENT}:4711"}, CLIENT),
    ({"x_forwarded_for": "2001:db8::1"}, "2001:db8::1"),
    ({"x_forwarded_for": "[2001:db8::1]:443"}, "2001:db8::1"),
    ({"x_forwarded_for": f"::ffff:{CLIENT}"}, CLIENT),
    ({"x_forwarded_for": "unknown"}, PROXY),
    ({"x_forwarded_for": "<script>"}, PROXY),
    ({"x_forwarded_for": ""}, PROXY),
    ({"x_forwarded_for": "10.0.0.4, 10.0.0.3"}, "10.0.0.4"),
    ({"forwarded": f"for={CLIENT}"}, CLIENT),
    ({"forwarded": f"For={CLIENT};proto=https;by=203.0.113.43"}, CLIENT),
    ({"forwarded": f"for=203.0.113.5, for={CLIENT}"}, CLIENT),
    ({"forwarded": f"for={CLIENT}, for=10.0.0.3"}, CLIENT),
    ({"forwarded": 'for="[2001:db8:cafe::17]:4711"'}, "2001:db8:cafe::17"),
    ({"forwarded": f'for="{CLIENT}:80"'}, CLIENT),
    ({"forwarded": "for=_hidden, for=_SEVKISEK"}, PROXY),
    ({"forwarded": "for=unknown"}, PROXY),
    ({"forwarded": f'for="{CLIENT}'}, PROXY),
    ({"forwarded": f"for={CLIENT}", "x_forwarded_for": CLIENT}, CLIENT),
    ({"forwarded": f"for={CLIENT}", "x_forwarded_for": "192.0.2.2"}, PROXY),
]


@pytest.mark.parametrize(("headers", "address"), FROM)
def test_a_trusted_proxy_says_who_calls(headers: dict[str, str], address: str) -> None:
    assert address_of(settled(**headers)) == address


@pytest.mark.parametrize(("headers", "_address"), FROM)
def test_nobody_else_says_who_calls(headers: dict[str, str], _address: str) -> None:
    assert address_of(settled(peer="198.51.100.7", **headers)) == "198.51.100.7"


TO: list[tuple[dict[str, str], str]] = [
    ({"x_forwarded_proto": "https"}, "https://inner:8080"),
    ({"x_forwarded_proto": "HTTPS"}, "https://inner:8080"),
    ({"x_forwarded_proto": "Https, http"}, "https://inner:8080"),
    ({"x_forwarded_proto": "gopher"}, "http://inner:8080"),
    ({"x_forwarded_host": "registry.example.com"}, "http://registry.example.com"),
    ({"x_forwarded_host": "a.example.com:8443, b"}, "http://a.example.com:8443"),
    ({"x_forwarded_host": 'x",realm="http://evil.example'}, "http://inner:8080"),
    ({"x_forwarded_host": "a/../b"}, "http://inner:8080"),
    ({"forwarded": f"for={CLIENT};proto=HTTPS;host=r.example.com"}, "https://r.example.com"),
    ({"forwarded": f'for={CLIENT};host="r.example.com:8443"'}, "http://r.example.com:8443"),
    ({"forwarded": f"for=x;host=evil.example, for={CLIENT};host=r.example.com"},
     "http://r.example.com"),
    ({"x_forwarded_for": CLIENT, "forwarded": f"for={CLIENT};host=evil.example;proto=https"},
     "http://inner:8080"),
    ({"x_forwarded_for": CLIENT, "x_forwarded_proto": "http", "x_forwarded_host": "r.example.com",
      "forwarded": f"for={CLIENT};host=evil.example;proto=https"}, "http://inner:8080"),
    ({"forwarded": f"for={CLIENT};proto=https", "x_forwarded_host": "evil.example"},
     "http://inner:8080"),
    ({"x_forwarded_for": CLIENT, "x_forwarded_proto": "https", "x_forwarded_host": "R.example.com",
      "forwarded": f"for={CLIENT};host=r.example.com;proto=https"}, "https://r.example.com"),
]  # fmt: skip


@pytest.mark.parametrize(("headers", "url"), TO)
def test_a_trusted_proxy_says_what_was_asked_for(headers: dict[str, str], url: str) -> None:
    meta = settled(**headers)

    assert external_url(meta, scheme=meta["wsgi.url_scheme"]) == url


@pytest.mark.parametrize(("headers", "_url"), TO)
def test_nobody_else_says_what_was_asked_for(headers: dict[str, str], _url: str) -> None:
    meta = settled(peer="198.51.100.7", **headers)

    assert external_url(meta, scheme=meta["wsgi.url_scheme"]) == "http://inner:8080"


def test_whose_headers_were_ignored_is_known_while_no_proxy_is_trusted(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = []

    settled(peer="10.1.2.3", x_forwarded_for=CLIENT)

    assert ignored.address == "10.1.2.3"


@pytest.mark.django_db
@pytest.mark.parametrize(("peer", "scheme"), [(PROXY, "https"), ("198.51.100.7", "http")])
def test_every_request_is_settled_before_it_is_looked_at(peer: str, scheme: str) -> None:
    headers = {"X-Forwarded-Proto": "HTTPS", "X-Forwarded-Host": "r.example.com"}

    answer = Client().get("/v2/", headers=headers, REMOTE_ADDR=peer)

    host = "r.example.com" if peer == PROXY else "testserver"
    assert f'realm="{scheme}://{host}' in answer.headers["WWW-Authenticate"]


# --- The names that are answered ----------------------------------------------------------------

HARMLESS = [
    "",
    "127.0.0.1",
    "127.0.0.1:8080",
    "10.1.2.3:443",
    "[::1]:8080",
    "[2001:db8::1]",
    "localhost",
    "LOCALHOST:8080",
    "registry.localhost",
    "host.containers.internal:8080",
    "host.docker.internal",
    "berth.registry.svc",
    "berth.registry.svc.cluster.local.",
    "berth",
]
FOREIGN = [
    "evil.example",
    "evil.example:8080",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "notlocal.evil",
    "registry.example.com.evil.example",
    'x",realm="https://evil',
    "a b.c",
    "evil.example/localhost",
    "\xe9vil.example",
]


def served(host: str, **meta: Any) -> bool:
    return is_served({"HTTP_HOST": host, **meta})


@pytest.mark.parametrize("name", ["", "registry.example.com"])
@pytest.mark.parametrize("host", HARMLESS)
def test_what_nobody_can_register_is_always_answered(
    host: str, name: str, settings: Settings
) -> None:
    settings.SERVER_HOSTNAME = name

    assert served(host)


@pytest.mark.parametrize("name", ["", "registry.example.com"])
@pytest.mark.parametrize("host", FOREIGN)
def test_a_name_of_others_is_not_answered(host: str, name: str, settings: Settings) -> None:
    settings.SERVER_HOSTNAME = name

    assert not served(host)


@pytest.mark.parametrize("host", ["evil.example", "a b.c"])
def test_every_name_is_answered_where_that_is_asked_for(host: str, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]

    assert served(host)


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("registry.example.com", True),
        ("Registry.Example.com:8443", True),
        ("mirror.example.org", True),
        ("a.teams.example.net", True),
        ("teams.example.net", True),
        ("a.mirror.example.org", False),
        ("notteams.example.net", False),
    ],
)
def test_our_names_are_those_that_are_set(host: str, is_ours: bool, settings: Settings) -> None:
    settings.SERVER_HOSTNAME = "registry.example.com:8443"
    settings.ALLOWED_HOSTS = ["mirror.example.org", ".teams.example.net"]

    assert served(host) is is_ours


@pytest.mark.parametrize(
    ("name", "peer", "is_ours"),
    [
        ("", "127.0.0.1", True),
        ("", "192.0.2.1", False),
        ("registry.example.com", "127.0.0.1", False),
    ],
)
def test_where_no_name_is_set_a_trusted_proxy_knows_best(
    name: str, peer: str, is_ours: bool, settings: Settings
) -> None:
    settings.SERVER_HOSTNAME = name
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.0/8")]
    meta = {
        "REMOTE_ADDR": peer,
        "HTTP_HOST": "outer.example",
        "HTTP_X_FORWARDED_FOR": "192.0.2.7",
    }

    settle(meta)

    assert is_served(meta) is is_ours


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/v2/", "application/json"),
        ("/v1/_ping", "application/json"),
        ("/api/v1/messages", "application/json"),
        ("/helm/acme/index.yaml", "text/plain; charset=utf-8"),
        ("/", "text/plain; charset=utf-8"),
        ("/admin/", "text/plain; charset=utf-8"),
        ("/static/app.css", "text/plain; charset=utf-8"),
    ],
)
def test_a_request_for_a_name_of_others_is_told_which_key_to_set(
    path: str, content_type: str
) -> None:
    answer = Client().get(path, headers={"host": "evil.example:8080"})

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == content_type
    text = answer.content.decode()
    assert "does not answer as 'evil.example:8080'" in text
    assert "SERVER_HOSTNAME" in text


def test_a_hostile_name_is_not_repeated_as_it_came() -> None:
    answer = Client().get("/", headers={"host": "<script>alert(1)</script>" + "x" * 9000})

    assert answer.status_code == 400
    assert "<" not in answer.content.decode()
    assert len(answer.content) < 600
