"""No address that somebody gives leads to what only this machine can reach."""

import socket
import ssl
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import Settings

from accounts.outgoing import client
from accounts.outgoing.addresses import (
    AddressRefused,
    NameUnresolved,
    Permission,
    parse_address,
    resolve,
)
from accounts.outgoing.client import Answer, CallFailed, HostUnreached, call, permission
from tests.receiver import Receiver, breaks_off

NOTHING = Permission()
REFUSED_ADDRESSES = [
    # The machine itself, in every spelling that a resolver takes.
    *("127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1"),
    *("017700000001", "127.255.255.254", "0", "0.0.0.0", "0.1.2.3"),
    *("[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::127.0.0.1]", "[::ffff:127.0.0.1]"),
    *("[::ffff:7f00:1]", "[::ffff:0:127.0.0.1]"),
    # Networks at home, of providers, of links.
    *("10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
    *("100.64.0.1", "169.254.169.254", "169.254.170.2", "0xa9fea9fe", "2852039166"),
    *("[fe80::1]", "[fc00::1]", "[fd00:ec2::254]", "[fec0::1]", "[::ffff:169.254.169.254]"),
    # Ways to write one address within another.
    *("[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b::10.0.0.1]", "[64:ff9b:1::1]"),
    *("[2002:7f00:1::]", "[2002:a9fe:a9fe::1]", "[2001:0:7f00:1::]", "[2001:0:4136:e378::1]"),
    # What belongs to nobody, or to many.
    *("192.0.0.1", "192.0.0.8", "192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1"),
    *("192.88.99.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
    *("[ff02::1]", "[ff0e::1]", "[2001:db8::1]", "[3fff::1]", "[100::1]", "[5f00::1]"),
    *("[2001:20::1]", "[2001:2::1]"),
]
REFUSED_URLS = [
    "",
    "example.com",
    "//example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "javascript:alert(1)",
    "http://",
    "http:///path",
    "https://:443/",
    "http://user@example.com/",
    "http://user:password@example.com/",
    "http://@example.com/",
    "http://example.com@127.0.0.1/",
    "http://example.com\\@127.0.0.1/",
    "http://example.com/\r\nX: y",
    "http://exa\tmple.com/",
    "http://example.com/ a",
    "http://example.com/\u200b",
    "http://example.com/#fragment",
    "http://exa%6dple.com/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://[::1/",
    "http://[example.com]/",
    "http://example..com/",
    "http://.example.com/",
    "http://" + "a" * 64 + ".com/",
    "http://" + "a." * 127 + "com/",
    "http://exa mple.com/",
    "http://exa,mple.com/",
    "http://\u2488\u2488.com/",
    "http://example.com:0/",
    "http://example.com:22/",
    "http://example.com:25/",
    "http://example.com:6379/",
    "https://example.com:5432/",
    "http://example.com:65536/",
    "http://example.com:-1/",
    "http://example.com:x/",
    "http://example.com/" + "a" * 2000,
    "http://\u2460\u2461\u2466.0.0.1/",
    "http://127。0。0。1/",
    "http://\uff11\uff12\uff17.0.0.1/",
]


@pytest.fixture
def canary() -> Iterator[Receiver]:
    with Receiver().listening() as running:
        yield running


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What names stand for; each look-up takes the first answer, and keeps the last."""
    known: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def look(host: str, port: int, *more: Any, **options: Any) -> Any:
        if host not in known:
            return real(host, port, *more, **options)
        answer = known[host].pop(0) if len(known[host]) > 1 else known[host][0]
        return [
            (
                socket.AF_INET6 if ":" in each else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (each, port),
            )
            for each in answer.split()
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look)
    return known


def ask(url: str, allowed: Permission = NOTHING, **more: Any) -> Answer:
    options = {"headers": {}, "seconds": 3.0, "most_bytes": 1000, **more}
    return call("POST", url, body=b"{}", allowed=allowed, **options)


LOCAL = Permission.of(["127.0.0.0/8"])


@pytest.mark.parametrize("host", REFUSED_ADDRESSES)
def test_an_address_that_is_not_public_is_refused_and_hears_nothing(
    host: str, canary: Receiver, names: dict[str, list[str]]
) -> None:
    with pytest.raises(AddressRefused):
        ask(f"http://{host}:{canary.port}/")

    assert canary.heard == []


@pytest.mark.parametrize("host", [each.strip("[]") for each in REFUSED_ADDRESSES if ":" in each])
def test_a_name_that_stands_for_such_an_address_is_refused(
    host: str, names: dict[str, list[str]]
) -> None:
    names["innocent.example"] = [host]

    with pytest.raises(AddressRefused):
        ask("http://innocent.example/")


@pytest.mark.parametrize("url", REFUSED_URLS)
def test_what_is_no_clear_address_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        parse_address(url, NOTHING)


@pytest.mark.parametrize(
    ("url", "authority", "target"),
    [
        ("https://example.com", "example.com", "/"),
        ("https://Example.COM./a", "example.com", "/a"),
        ("https://example.com:443/a?b=c&d", "example.com", "/a?b=c&d"),
        (
            "http://example.com:8080/?type=harbor&secret=s%20t",
            "example.com:8080",
            "/?type=harbor&secret=s%20t",
        ),
        ("https://bücher.example/ü?ä=1", "xn--bcher-kva.example", "/%C3%BC?%C3%A4=1"),
        ("https://[2606:4700::1111]:8443/", "[2606:4700::1111]:8443", "/"),
        ("https://1.1.1.1/", "1.1.1.1", "/"),
        ("https://my_host.example/", "my_host.example", "/"),
    ],
)
def test_an_address_is_asked_as_it_was_given(url: str, authority: str, target: str) -> None:
    address = parse_address(url, NOTHING)

    assert (address.authority, address.target) == (authority, target)


@pytest.mark.parametrize(
    "answer", ["1.1.1.1", "2606:4700::1111", "64:ff9b::1.1.1.1", "1.1.1.1 8.8.8.8"]
)
def test_a_public_name_may_be_asked(answer: str, names: dict[str, list[str]]) -> None:
    names["public.example"] = [answer]

    found = resolve(parse_address("http://public.example/", NOTHING), NOTHING, seconds=3)

    assert found == answer.split()


def test_one_private_address_of_a_name_is_enough_to_refuse_it(names: dict[str, list[str]]) -> None:
    names["mixed.example"] = ["1.1.1.1 10.0.0.1"]

    with pytest.raises(AddressRefused, match=r"10\.0\.0\.1"):
        ask("http://mixed.example/")


def test_a_name_that_changes_its_answer_is_asked_for_once(
    names: dict[str, list[str]], canary: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    names["turning.example"] = ["1.1.1.1", "127.0.0.1"]
    went: list[Any] = []

    def refuse(place: Any, **_: Any) -> Any:
        went.append(place)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", refuse)

    with pytest.raises(HostUnreached):
        ask(f"http://turning.example:{canary.port}/")

    assert went == [("1.1.1.1", canary.port)]


def test_the_second_address_is_tried_when_the_first_does_not_answer(
    names: dict[str, list[str]], canary: Receiver
) -> None:
    names["two.example"] = ["127.9.9.9 127.0.0.1"]

    answer = ask(f"http://two.example:{canary.port}/", LOCAL)

    assert answer.body == b"ok"


def test_a_name_that_nobody_knows_may_be_known_later(names: dict[str, list[str]]) -> None:
    names["nobody.example"] = [""]

    with pytest.raises(NameUnresolved):
        resolve(parse_address("http://nobody.example/", NOTHING), NOTHING, seconds=3)


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("127.0.0.0/8", "http://127.0.0.1/"),
        ("127.0.0.1", "http://127.0.0.1/"),
        ("127.0.0.0/8", "http://[::ffff:127.0.0.1]/"),
        ("::1", "http://[::1]/"),
        ("ci.internal", "http://ci.internal/"),
        (".internal", "http://a.ci.internal/"),
        ("ci.internal", "http://CI.internal.:6379/"),
        ("10.0.0.0/8", "http://10.1.2.3:22/"),
    ],
)
def test_what_an_administrator_allows_may_be_asked(
    entry: str, url: str, names: dict[str, list[str]]
) -> None:
    names.update({"ci.internal": ["10.0.0.1"], "a.ci.internal": ["10.0.0.1"]})
    allowed = Permission.of([entry])
    address = parse_address(url, allowed)

    assert resolve(address, allowed, seconds=3)


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("127.0.0.1", "http://127.0.0.2/"),
        ("ci.internal", "http://other.ci.internal/"),
        (".internal", "http://internal/"),
        ("0.0.0.0/0", "http://0.0.0.0/"),
        ("::/0", "http://[ff02::1]/"),
    ],
)
def test_what_is_allowed_is_no_more_than_that(
    entry: str, url: str, names: dict[str, list[str]]
) -> None:
    names.update({"other.ci.internal": ["10.0.0.1"], "internal": ["10.0.0.1"]})

    with pytest.raises(AddressRefused):
        ask(url, Permission.of([entry]))


def test_a_secret_goes_nowhere_without_encryption_when_the_configuration_says_so(
    settings: Settings,
) -> None:
    settings.BERTH = settings.BERTH.model_copy(update={"OUTGOING_ALLOW_HTTP": False})

    with pytest.raises(AddressRefused, match="https"):
        ask("http://1.1.1.1/", permission(with_secret=True))


def test_the_registry_does_not_ask_itself(settings: Settings) -> None:
    settings.BERTH = settings.BERTH.model_copy(
        update={
            "SERVER_HOSTNAME": "registry.example:8080",
            "OUTGOING_ALLOWED_NETWORKS": [".example"],
        }
    )

    with pytest.raises(AddressRefused, match="itself"):
        ask("http://registry.example:8080/api/v1/", Permission.of(["registry.example"]))


def test_path_query_and_headers_arrive_as_they_were_given(canary: Receiver) -> None:
    url = f"http://127.0.0.1:{canary.port}/webhook?type=harbor&secret=a%2Fb"

    ask(url, LOCAL, headers={"Authorization": "token", "host": "other.example"})

    assert canary.heard == ["POST /webhook?type=harbor&secret=a%2Fb HTTP/1.1"]
    assert canary.headers[0]["Authorization"] == "token"
    assert canary.headers[0]["Host"] == f"127.0.0.1:{canary.port}"


def test_a_redirect_is_told_and_not_followed(canary: Receiver) -> None:
    def leads_on(handler: Any) -> None:
        handler.send_response(302)
        handler.send_header("Location", f"http://127.0.0.1:{canary.port}/elsewhere")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    canary.answer = leads_on

    answer = ask(f"http://127.0.0.1:{canary.port}/", LOCAL)

    assert (answer.status, len(canary.heard)) == (302, 1)


def test_variables_of_the_environment_lead_nowhere(
    canary: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Receiver().listening() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")

        ask(f"http://127.0.0.1:{canary.port}/", LOCAL)

        assert proxy.heard == []


def test_the_configured_proxy_is_asked_for_the_whole_address(
    canary: Receiver, settings: Settings
) -> None:
    proxy = f"http://127.0.0.1:{canary.port}"
    settings.BERTH = settings.BERTH.model_copy(update={"OUTGOING_PROXY": proxy})

    ask("http://hooks.example/a?b")

    assert canary.heard == ["POST http://hooks.example/a?b HTTP/1.1"]


def test_the_configured_proxy_is_asked_to_carry_what_is_encrypted(
    canary: Receiver, settings: Settings
) -> None:
    proxy = f"http://127.0.0.1:{canary.port}"
    settings.BERTH = settings.BERTH.model_copy(update={"OUTGOING_PROXY": proxy})

    with pytest.raises(CallFailed):  # it answers in clear
        ask("https://hooks.example/a?b")

    assert canary.heard == ["CONNECT hooks.example:443 HTTP/1.1"]


@pytest.mark.parametrize(
    "beginning",
    [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 100 \r\n\r\n"],
)
def test_an_answer_that_comes_in_drips_is_not_waited_for(
    canary: Receiver, beginning: bytes
) -> None:
    def drip(handler: Any) -> None:
        handler.wfile.write(beginning)
        while True:
            handler.wfile.write(b"a")
            time.sleep(0.02)

    canary.answer = drip

    began = time.monotonic()
    with pytest.raises(CallFailed):
        ask(f"http://127.0.0.1:{canary.port}/", LOCAL, seconds=0.3)

    assert time.monotonic() - began < 2


def test_an_answer_without_end_is_cut(canary: Receiver) -> None:
    def pour(handler: Any) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"a" * 65536)

    canary.answer = pour

    answer = ask(f"http://127.0.0.1:{canary.port}/", LOCAL)

    assert (len(answer.body), answer.is_whole) == (1000, False)


def test_what_is_no_http_is_told(canary: Receiver) -> None:
    canary.answer = lambda handler: handler.wfile.write(b"SSH-2.0-OpenSSH\r\n")

    with pytest.raises(CallFailed, match="not HTTP"):
        ask(f"http://127.0.0.1:{canary.port}/", LOCAL)


def test_a_name_that_is_not_known_is_a_host_that_nobody_reaches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def look(*_: Any, **__: Any) -> Any:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", look)

    with pytest.raises(HostUnreached, match=r"gone\.example is not known"):
        ask("http://gone.example/")


def test_who_takes_the_connection_is_reached_whatever_follows(canary: Receiver) -> None:
    canary.answer = breaks_off

    with pytest.raises(CallFailed) as failed:
        ask(f"http://127.0.0.1:{canary.port}/", LOCAL)

    assert not isinstance(failed.value, HostUnreached)


def test_a_body_that_is_cut_short_is_no_answer(canary: Receiver) -> None:
    def short(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "10")
        handler.end_headers()
        handler.wfile.write(b"ok")
        handler.close_connection = True

    canary.answer = short

    with pytest.raises(CallFailed):
        ask(f"http://127.0.0.1:{canary.port}/", LOCAL)


def test_a_certificate_that_nobody_vouches_for_is_refused(canary: Receiver, tmp_path: Any) -> None:
    context = self_signed(tmp_path)
    canary.server.socket = context.wrap_socket(canary.server.socket, server_side=True)

    with pytest.raises(CallFailed, match="certificate"):
        ask(f"https://127.0.0.1:{canary.port}/", LOCAL)

    assert canary.heard == []


def test_a_certificate_must_be_for_the_name_that_is_asked(
    canary: Receiver, tmp_path: Any, names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    names.update({"hooks.example": ["127.0.0.1"], "other.example": ["127.0.0.1"]})
    context = self_signed(tmp_path)
    canary.server.socket = context.wrap_socket(canary.server.socket, server_side=True)
    trusting = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
    monkeypatch.setattr(client, "_tls", lambda: trusting)

    assert ask(f"https://hooks.example:{canary.port}/", LOCAL).body == b"ok"
    with pytest.raises(CallFailed, match="certificate"):
        ask(f"https://other.example:{canary.port}/", LOCAL)


def self_signed(folder: Any) -> ssl.SSLContext:
    """For ``hooks.example``."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hooks.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example")]), False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context
