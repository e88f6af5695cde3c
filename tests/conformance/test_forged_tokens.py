"""Tokens that we did not issue, did issue for something else, or that ended."""

import base64
import contextlib
import hashlib
import hmac
import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.conformance.client import Answer, Client
from tests.conformance.conftest import Claims, Genuine
from tests.conformance.wire import Wire

FOREIGN_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def public_keys(alice: Client) -> list[Claims]:
    found: list[Claims] = alice.send("GET", "/.well-known/jwks.json").json()["keys"]
    return found


def present(alice: Client, token: str, path: str = "manifests/v1") -> Answer:
    target = f"/v2/{alice.username}/forged/{path}"
    return alice.send("GET", target, headers=[("Authorization", f"Bearer {token}")])


def assert_worthless(alice: Client, token: str) -> None:
    for path in ("manifests/v1", "tags/list"):
        answer = present(alice, token, path)
        assert (answer.status, answer.code) == (401, "UNAUTHORIZED"), token


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_a_genuine_token_opens_what_it_names(alice: Client, genuine: Genuine) -> None:
    assert present(alice, genuine.token).status == 200


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
@pytest.mark.parametrize("signature", ["", "genuine"])
def test_a_token_without_algorithm(
    signature: str, algorithm: str, alice: Client, genuine: Genuine
) -> None:
    signed = part({**genuine.header, "alg": algorithm}) + "." + part(genuine.claims)
    tail = genuine.token.rpartition(".")[2] if signature else ""

    assert_worthless(alice, f"{signed}.{tail}")


@pytest.mark.parametrize("form", ["pem", "pkcs1", "der", "jwk", "n", "kid", "empty"])
@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_a_token_signed_with_the_public_key_as_a_secret(
    algorithm: str, form: str, alice: Client, genuine: Genuine, public_keys: list[Claims]
) -> None:
    jwk = next(key for key in public_keys if key["kid"] == genuine.header["kid"])
    key = jwt.PyJWK(jwk).key
    secret = {
        "pem": key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "pkcs1": key.public_bytes(Encoding.PEM, PublicFormat.PKCS1),
        "der": key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "jwk": json.dumps(jwk).encode(),
        "n": jwk["n"].encode(),
        "kid": genuine.header["kid"].encode(),
        "empty": b"",
    }[form]
    signed = part({**genuine.header, "alg": algorithm}) + "." + part(genuine.claims)
    signature = hmac.new(secret, signed.encode(), f"sha{algorithm[2:]}").digest()

    assert_worthless(alice, f"{signed}.{part(signature)}")


@pytest.mark.parametrize("algorithm", ["RS256", "RS512", "PS256"])
@pytest.mark.parametrize("kid", ["ours", "unknown", "missing"])
def test_a_token_of_a_foreign_key(
    kid: str, algorithm: str, alice: Client, genuine: Genuine
) -> None:
    headers = {"ours": {"kid": genuine.header["kid"]}, "unknown": {"kid": "x" * 43}, "missing": {}}[
        kid
    ]

    assert_worthless(alice, jwt.encode(genuine.claims, FOREIGN_KEY, algorithm, headers=headers))


def test_a_token_of_an_elliptic_key(alice: Client, genuine: Genuine) -> None:
    key = ec.generate_private_key(ec.SECP256R1())

    assert_worthless(
        alice, jwt.encode(genuine.claims, key, "ES256", headers={"kid": genuine.header["kid"]})
    )


@pytest.mark.parametrize("carrier", ["jwk", "jku", "x5u", "x5c", "jwk and kid"])
def test_a_token_that_brings_its_own_key(carrier: str, alice: Client, genuine: Genuine) -> None:
    """CVE-2025-24976: only configured keys count."""
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(FOREIGN_KEY.public_key()))
    thumbprint = json.dumps({k: jwk[k] for k in ("e", "kty", "n")}, separators=(",", ":"))
    kid = part(hashlib.sha256(thumbprint.encode()).digest())
    headers: Claims = {
        "jwk": {"jwk": jwk, "kid": kid},
        "jku": {"jku": f"http://{alice.host}/jwks.json", "kid": kid},
        "x5u": {"x5u": f"http://{alice.host}/cert.pem"},
        "x5c": {"x5c": ["AAAA"]},
        "jwk and kid": {"jwk": jwk, "kid": genuine.header["kid"]},
    }[carrier]

    assert_worthless(alice, jwt.encode(genuine.claims, FOREIGN_KEY, "RS256", headers=headers))


@pytest.mark.parametrize(
    "kid",
    ["../../../dev/null", "' or 1=1 --", "", "\0", "\u00e9", "a" * 5000, None, 1, [], {}, True],
    ids=range(11),
)
def test_a_token_with_a_hostile_kid(kid: object, alice: Client, genuine: Genuine) -> None:
    signed = part({"alg": "RS256", "typ": "JWT", "kid": kid}) + "." + part(genuine.claims)

    assert_worthless(alice, f"{signed}.{part(b'x' * 256)}")


@pytest.mark.parametrize("piece", [0, 1, 2])
def test_a_token_changed_in_one_place(piece: int, alice: Client, genuine: Genuine) -> None:
    parts = genuine.token.split(".")
    middle = len(parts[piece]) // 2
    swapped = "A" if parts[piece][middle] != "A" else "B"
    parts[piece] = parts[piece][:middle] + swapped + parts[piece][middle + 1 :]

    assert_worthless(alice, ".".join(parts))


def test_a_token_with_more_rights_than_were_signed(alice: Client, genuine: Genuine) -> None:
    head, _, signature = genuine.token.split(".")
    claims = {**genuine.claims, "sub": "admin", "exp": genuine.claims["exp"] + 1_000_000}

    assert_worthless(alice, f"{head}.{part(claims)}.{signature}")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        ".",
        "..",
        "...",
        "a.b",
        "a.b.c",
        "a.b.c.d",
        "null.null.null",
        "{}",
        "ÿ",
        "a b",
        part({}) + "." + part({}) + ".",
        part([]) + "." + part([]) + ".x",
        part(b"\xff") * 3,
        part({"alg": "RS256"}) + "." + part("text") + ".x",
        "A" * 7000,
        "." * 3000,
        "a." * 2000,
        part({"alg": "RS256", "x": [[[[[[]]]]]]}) + ".e30.x",
        part(b"[" * 3000) + ".e30.x",
    ],
    ids=range(21),
)
def test_a_token_that_is_none(token: str, alice: Client) -> None:
    assert_worthless(alice, token)


def test_a_token_of_a_megabyte_is_refused_without_harm(alice: Client, genuine: Genuine) -> None:
    with Wire(alice.host) as wire:
        wire.begin("GET", "/v2/", [("Authorization", "Bearer " + "A" * 1_000_000)])
        with contextlib.suppress(ConnectionError):
            assert wire.read().status == 431
    assert present(alice, genuine.token).status == 200


@pytest.mark.parametrize("scheme", ["Token", "JWT", "", "Bearer Bearer", "Basic", "Negotiate"])
def test_a_genuine_token_in_another_scheme(scheme: str, alice: Client, genuine: Genuine) -> None:
    target = f"/v2/{alice.username}/forged/manifests/v1"
    answer = alice.send(
        "GET", target, headers=[("Authorization", f"{scheme} {genuine.token}".strip())]
    )

    assert (answer.status, answer.code) == (401, "UNAUTHORIZED")


def test_the_scheme_may_be_written_anyhow(alice: Client, genuine: Genuine) -> None:
    target = f"/v2/{alice.username}/forged/manifests/v1"
    for scheme in ("bearer", "BEARER"):
        headers = [("Authorization", f"{scheme} {genuine.token}")]
        assert alice.send("GET", target, headers=headers).status == 200


def test_the_public_keys_are_public_and_hold_no_private_part(public_keys: list[Claims]) -> None:
    for key in public_keys:
        assert {"kty", "kid", "n", "e"} <= set(key)
        assert not {"d", "p", "q", "dp", "dq", "qi"} & set(key)
