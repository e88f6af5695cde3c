"""Signatures inside schema 1 manifests: which are right, and which cannot be."""

import json
import math
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artifacts.oci.digest import Digest
from artifacts.oci.errors import ManifestInvalid
from registry.api.docker_v1.schema1.documents import Schema1
from registry.api.docker_v1.schema1.jws import MAX_SIGNATURES, sign, verified_payload
from tests.clients.run import client
from tests.registry.api.docker_v1.schema1.made import (
    Document,
    encode,
    jwk,
    new_key,
    schema1,
    signature,
    signed,
    written,
)

LAYER = str(Digest.of(b"layer"))
PAYLOAD = written(schema1(LAYER))
GOOD = signature(PAYLOAD)


def verify(*signatures: Any) -> bytes:
    body = signed(PAYLOAD, *signatures)
    return verified_payload(body, json.loads(body)["signatures"])


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512", "RS256", "RS384", "RS512"])
def test_a_right_signature_gives_back_what_was_signed(algorithm: str) -> None:
    assert verify(signature(PAYLOAD, algorithm)) == PAYLOAD


def test_several_signatures_must_all_be_right() -> None:
    other = signature(PAYLOAD, "RS256")
    assert verify(GOOD, other) == PAYLOAD

    with pytest.raises(ManifestInvalid, match=r"^signatures\[1\] is not a signature"):
        verify(GOOD, {**other, "signature": GOOD["signature"]})


@pytest.mark.parametrize(("bits", "is_taken"), [(17, True), (64, True), (80, False)])
def test_a_key_that_would_take_long_to_check_is_refused(bits: int, is_taken: bool) -> None:
    entry = signature(PAYLOAD, "RS256", key=rsa_key_with_exponent_of(bits))

    if is_taken:
        assert verify(entry) == PAYLOAD
        return
    with pytest.raises(ManifestInvalid, match="is not a signature of this manifest"):
        verify(entry)


def rsa_key_with_exponent_of(bits: int) -> rsa.RSAPrivateKey:
    numbers = new_key("RS256").private_numbers()
    p, q = numbers.p, numbers.q
    order = (p - 1) * (q - 1)
    e = next(e for e in range(2 ** (bits - 1) + 1, 2**bits, 2) if math.gcd(e, order) == 1)
    d = pow(e, -1, order)
    return rsa.RSAPrivateNumbers(
        p=p,
        q=q,
        d=d,
        dmp1=rsa.rsa_crt_dmp1(d, p),
        dmq1=rsa.rsa_crt_dmq1(d, q),
        iqmp=rsa.rsa_crt_iqmp(p, q),
        public_numbers=rsa.RSAPublicNumbers(e, p * q),
    ).private_key()


def test_signatures_over_different_texts_are_refused() -> None:
    head = PAYLOAD[:-2]
    other = signature(head + b"}", length=len(head), tail=b"}")
    assert verify(other) == head + b"}"

    with pytest.raises(ManifestInvalid, match="not over the same text"):
        verify(GOOD, other)


def changed(**parts: Any) -> Document:
    return {**GOOD, **parts}


def header(**parts: Any) -> Document:
    return changed(header={**GOOD["header"], **parts})


_RSA = new_key("RS256")
WRONG: list[tuple[Any, str]] = [
    (None, "must have protected, signature, and a header"),
    ({}, "must have protected, signature, and a header"),
    (changed(header={"alg": "ES256"}), "must have protected, signature, and a header"),
    (changed(header={"alg": "ES256", "x5c": []}), "must have protected, signature, and a header"),
    (header(alg="none"), "alg is 'none'"),
    (header(alg="HS256"), "alg is 'HS256'"),
    (header(alg="ES"), "alg is 'ES'"),
    (header(alg="ES384"), "is not a signature of this manifest"),
    (header(alg="RS256"), "is not a signature of this manifest"),
    (header(jwk={}), "is not a signature of this manifest"),
    (header(jwk={**GOOD["header"]["jwk"], "x": "AAAA"}), "is not a signature of this manifest"),
    (header(jwk={**GOOD["header"]["jwk"], "x": 5}), "is not a signature of this manifest"),
    (header(jwk={**GOOD["header"]["jwk"], "x": "A" * 5000}), "is not a signature of this"),
    (header(jwk=jwk(new_key("ES256"))), "is not a signature of this manifest"),
    (header(alg="RS256", jwk={**jwk(_RSA), "e": "A" * 100}), "is not a signature of this"),
    (header(alg="RS256", jwk={**jwk(_RSA), "n": "Aw"}), "is not a signature of this"),
    (changed(signature=""), "is not a signature of this manifest"),
    (changed(signature="AAAA"), "is not a signature of this manifest"),
    (changed(signature="?"), "is not base64url"),
    (changed(signature="A"), "is not base64url"),
    (changed(protected=encode(b"{}")), "must tell formatLength and formatTail"),
    (changed(protected=encode(b"[]")), "a manifest must be a JSON object"),
    (signature(PAYLOAD, length=0), "must tell formatLength and formatTail"),
    (signature(PAYLOAD, length=10**9), "must tell formatLength and formatTail"),
    (signature(PAYLOAD, length=5), "does not tell where the signatures were put in"),
    (signature(PAYLOAD, tail=b', "more": 1}'), "does not tell where the signatures were put in"),
    (signature(PAYLOAD, tail=b""), "does not tell where the signatures were put in"),
    (signature(PAYLOAD, tail=b"}"), "is not a signature of this manifest"),
    (signature(PAYLOAD[:-3] + b"   \n}"), "must tell formatLength|does not tell where"),
]


@pytest.mark.parametrize(("wrong", "says"), WRONG)
def test_a_wrong_signature_is_refused(wrong: Any, says: str) -> None:
    with pytest.raises(ManifestInvalid, match=says):
        verify(wrong)


@pytest.mark.parametrize("signatures", [None, {}, [], [GOOD] * (MAX_SIGNATURES + 1)])
def test_there_are_some_signatures_and_not_too_many(signatures: Any) -> None:
    with pytest.raises(ManifestInvalid, match="signatures must be a list of 1 to"):
        verified_payload(PAYLOAD, signatures)


@pytest.mark.parametrize(
    "payload", [PAYLOAD, PAYLOAD + b"\n", json.dumps(json.loads(PAYLOAD)).encode()]
)
def test_what_is_signed_here_verifies_and_keeps_its_digest(payload: bytes) -> None:
    parsed = Schema1.parse(sign(payload, time="2020-01-01T00:00:00Z"))

    assert parsed.is_signed
    assert parsed.payload == payload


def test_skopeo_reads_the_same_payload_from_what_is_signed_here(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_bytes(sign(PAYLOAD, time="2020-01-01T00:00:00Z"))

    command = [client("skopeo"), "manifest-digest", str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True)

    assert said.stdout.strip() == str(Digest.of(PAYLOAD))


@settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.integers(0, len(PAYLOAD) - 3), st.integers(1, 255))
def test_no_byte_of_a_signed_manifest_can_be_another(place: int, difference: int) -> None:
    body = bytearray(signed(PAYLOAD, GOOD))
    body[place] ^= difference

    with pytest.raises(ManifestInvalid):
        Schema1.parse(bytes(body))
