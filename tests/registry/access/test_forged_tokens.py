"""Bearer tokens of every wrong kind, each made from a good one."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from accounts.credentials import keys
from accounts.credentials.principals import ANONYMOUS
from registry.access.grants import grant_token
from registry.access.tokens import MAX_TOKEN_BYTES, TokenInvalid, verify_token

pytestmark = pytest.mark.django_db

ACCESS = {"type": "repository", "name": "acme/web", "actions": ["pull", "push"]}


@pytest.fixture
def now() -> datetime:
    # Signatures are checked against the real clock.
    return datetime.now(UTC).replace(microsecond=0)


def good_token(now: datetime) -> str:
    return grant_token(principal=ANONYMOUS, scopes=[], now=now).text


def claims(now: datetime, **changed: Any) -> dict[str, Any]:
    """What a good token says, with changes; ``None`` takes a claim away."""
    good = jwt.decode(good_token(now), options={"verify_signature": False})
    good |= {"sub": "acme-owner", "access": [ACCESS]}
    good["berth"] |= {"kind": "user", "id": 1, "repositories": [1]}
    return {name: value for name, value in {**good, **changed}.items() if value is not None}


def signed(now: datetime, **changed: Any) -> str:
    """A token that is signed with our key."""
    key = keys.signing_key(now=now)
    return jwt.encode(
        claims(now, **changed), key.private_key, algorithm="RS256", headers={"kid": key.kid}
    )


def part(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def foreign_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


def public_pem(now: datetime) -> bytes:
    public = keys.signing_key(now=now).private_key.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def hs256_with_our_public_key(now: datetime) -> str:
    head = part({"alg": "HS256", "typ": "JWT", "kid": keys.signing_key(now=now).kid})
    body = f"{head}.{part(claims(now))}"
    mac = hmac.new(public_pem(now), body.encode(), hashlib.sha256).digest()
    return f"{body}.{part(mac)}"


def unsigned(now: datetime, algorithm: str = "none", signature: str = "") -> str:
    head = part({"alg": algorithm, "typ": "JWT", "kid": keys.signing_key(now=now).kid})
    return f"{head}.{part(claims(now))}.{signature}"


def by_a_foreign_key(now: datetime, **headers: Any) -> str:
    return jwt.encode(claims(now), foreign_key(), algorithm="RS256", headers=headers)


def with_its_own_key(now: datetime, *, kid: str) -> str:
    key = foreign_key()
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    headers = {"kid": kid, "jwk": jwk, "jku": "http://127.0.0.1:9/keys", "x5u": "file:///dev/zero"}
    return jwt.encode(claims(now), key, algorithm="RS256", headers=headers)


def other_body(now: datetime) -> str:
    head, _, signature = signed(now).split(".")
    return f"{head}.{part(claims(now, sub='admin'))}.{signature}"


WRONG: dict[str, Callable[[datetime], str]] = {
    "empty": lambda now: "",
    "no token": lambda now: "hello",
    "dots": lambda now: "..",
    "four parts": lambda now: signed(now) + ".x",
    "no base64": lambda now: "!.!.!",
    "not ASCII": lambda now: "\xff\xfe." + signed(now),
    "a NUL": lambda now: signed(now) + "\x00",
    "a lone surrogate": lambda now: "\udcff" + signed(now),
    "oversize": lambda now: signed(now, sub="x" * MAX_TOKEN_BYTES),
    "a header of no JSON": lambda now: f"{part(b'{')}.{part(claims(now))}.x",
    "a header that is a list": lambda now: f"{part([])}.{part(claims(now))}.x",
    "a bottomless header": lambda now: f"{part(b'[' * 5500)}.x.x",
    "a bottomless object as header": lambda now: part(b'{"a":' * 1200) + ".x.x",
    "alg none": unsigned,
    "alg None": lambda now: unsigned(now, "None"),
    "alg none, signed": lambda now: unsigned(now, "none", signed(now).rpartition(".")[2]),
    "no signature": lambda now: signed(now).rpartition(".")[0] + ".",
    "HS256 with our public key": hs256_with_our_public_key,
    "PS256 with our key": lambda now: jwt.encode(
        claims(now),
        keys.signing_key(now=now).private_key,
        algorithm="PS256",
        headers={"kid": keys.signing_key(now=now).kid},
    ),
    "another body": other_body,
    "foreign key, no kid": by_a_foreign_key,
    "foreign key, its own kid": lambda now: by_a_foreign_key(now, kid="foreign"),
    "foreign key, our kid": lambda now: by_a_foreign_key(now, kid=keys.signing_key(now=now).kid),
    "foreign key in its header": lambda now: with_its_own_key(now, kid="foreign"),
    "foreign key in its header, our kid": lambda now: with_its_own_key(
        now, kid=keys.signing_key(now=now).kid
    ),
    "kid with a path": lambda now: by_a_foreign_key(now, kid="../../../../dev/null"),
    "kid with SQL": lambda now: by_a_foreign_key(now, kid="' OR 1=1 --"),
    "wrong aud": lambda now: signed(now, aud="other"),
    "list of other auds": lambda now: signed(now, aud=["other", "berth2"]),
    "wrong iss": lambda now: signed(now, iss="other"),
    **{
        f"no {name}": lambda now, name=name: signed(now, **{name: None})  # type: ignore[misc]
        for name in ("iss", "aud", "sub", "iat", "nbf", "exp", "jti", "access", "berth")
    },
    "expired": lambda now: signed(now, exp=int(now.timestamp()) - 60),
    "not yet": lambda now: signed(now, nbf=int(now.timestamp()) + 600),
    "from the future": lambda now: signed(now, iat=int(now.timestamp()) + 600),
    "exp is a word": lambda now: signed(now, exp="tomorrow"),
    "access is a word": lambda now: signed(now, access="all"),
    "access without repositories": lambda now: signed(now, access=[]),
    "an illegal name": lambda now: signed(
        now, access=[{"type": "repository", "name": "../x", "actions": ["pull"]}]
    ),
    "berth is a word": lambda now: signed(now, berth="x"),
    "sub is a number": lambda now: signed(now, sub=5),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_token_of_a_wrong_kind_is_refused(kind: str, now: datetime) -> None:
    text = WRONG[kind](now)

    for _ in range(2):
        with pytest.raises(TokenInvalid):
            verify_token(text, now=now)


def test_the_good_token_that_the_wrong_ones_are_made_of_is_good(now: datetime) -> None:
    assert verify_token(signed(now), now=now).principal.name == "acme-owner"


def test_a_refused_token_costs_no_look_at_the_database_each_time(
    now: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    keys.signing_key(now=now)
    for kid in ("a", "b"):
        with pytest.raises(TokenInvalid):
            verify_token(by_a_foreign_key(now, kid=kid), now=now)
    text = by_a_foreign_key(now, kid="c")

    with django_assert_num_queries(0, connection=connection), pytest.raises(TokenInvalid):
        verify_token(text, now=now)
