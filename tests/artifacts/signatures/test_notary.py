"""What a signature of the Notary Project says of itself, as notation 1.3.2 made it."""

import base64
import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.signatures.cbor import CborInvalid, Tagged, decode
from artifacts.signatures.notary import COSE, JOSE, NotaryUnreadable, read_notary
from artifacts.signatures.verdicts import State, judge_notary

MADE = Path(__file__).with_name("by_notation")
IN_JWS = (MADE / "signature.jws").read_bytes()
IN_COSE = (MADE / "signature.cose").read_bytes()
SUBJECT = "sha256:ef3deb591f8ed161636d2791a568b64820d81014499bb53a6f986bba7ff0e3cc"


@pytest.mark.parametrize(
    ("media_type", "content", "envelope"), [(JOSE, IN_JWS, "JWS"), (COSE, IN_COSE, "COSE")]
)
def test_both_envelopes_say_who_signed_what_when_and_how(
    media_type: str, content: bytes, envelope: str
) -> None:
    found = read_notary(media_type, content)

    assert (found.envelope, found.target, found.algorithm) == (envelope, SUBJECT, "PS256")
    assert found.signed_at == datetime(2026, 11, 29, 13, 57, 25, tzinfo=UTC)
    assert found.signer.subject == "CN=test.example,O=Notary,L=Seattle,ST=WA,C=US"
    assert (found.scheme, found.agent) == ("notary.x509", "notation-go/1.3.2")


def test_it_is_present_and_not_verified_and_the_verdict_says_so() -> None:
    found = judge_notary(read_notary(COSE, IN_COSE), subject=SUBJECT)

    assert found.state == State.UNVERIFIABLE
    assert found.reason == (
        "a signature of the Notary Project that names"
        " CN=test.example,O=Notary,L=Seattle,ST=WA,C=US, made 2026-11-29 13:57 UTC:"
        " present, and not verified here, where no trust store is kept"
    )


def test_the_signature_of_another_manifest_is_invalid() -> None:
    found = judge_notary(read_notary(JOSE, IN_JWS), subject="sha256:" + "0" * 64)

    assert found.state == State.INVALID
    assert found.reason == f"it was made for another manifest: {SUBJECT}"


def _jws(**changed: Any) -> bytes:
    return json.dumps({**json.loads(IN_JWS), **changed}).encode()


def _protected(**changed: Any) -> bytes:
    text = json.loads(IN_JWS)["protected"]
    head = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    encoded = base64.urlsafe_b64encode(json.dumps({**head, **changed}).encode())
    return _jws(protected=encoded.decode().rstrip("="))


BROKEN = {
    "nothing": (JOSE, b""),
    "no JSON": (JOSE, b"\x00"),
    "an empty object": (JOSE, b"{}"),
    "no header": (JOSE, _jws(header=None)),
    "no certificate": (JOSE, _jws(header={"x5c": []})),
    "a certificate that is none": (JOSE, _jws(header={"x5c": ["AAAA"]})),
    "a signature that is no base64": (JOSE, _jws(signature="é")),
    "a payload that is no JSON": (JOSE, _jws(payload="AAAA")),
    "a payload without an artifact": (JOSE, _jws(payload="e30")),
    "another content": (JOSE, _protected(cty="text/plain")),
    "COSE that is no CBOR": (COSE, b"\xff"),
    "COSE that is cut": (COSE, IN_COSE[:-1]),
    "COSE with more behind it": (COSE, IN_COSE + b"\x00"),
    "another tag": (COSE, b"\xd8\x62" + IN_COSE[1:]),
    "JWS called COSE": (COSE, IN_JWS),
    "a tag without parts": (COSE, b"\xd2\x80"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_no_such_signature_is_told_in_one_sentence(what: str) -> None:
    with pytest.raises(NotaryUnreadable) as caught:
        read_notary(*BROKEN[what])

    assert 0 < len(str(caught.value)) < 400


@pytest.mark.parametrize("time", ["yesterday", 10**30, None, "2026-11-29T13:57:25+99:00"])
def test_a_time_that_is_none_is_left_out(time: Any) -> None:
    found = read_notary(JOSE, _protected(**{"io.cncf.notary.signingTime": time}))

    assert found.signed_at is None


@settings(derandomize=True, max_examples=300, deadline=None, database=None)
@given(content=st.binary(max_size=60))
def test_any_bytes_are_cbor_or_not(content: bytes) -> None:
    for data in (content, b"\xd2\x84" + content):
        with suppress(CborInvalid):
            decode(data)


@pytest.mark.parametrize(
    ("encoded", "value"),
    [
        ("00", 0),
        ("1903e8", 1000),
        ("3903e7", -1000),
        ("43010203", b"\x01\x02\x03"),
        ("6449455446", "IETF"),
        ("83010203", [1, 2, 3]),
        ("a201020304", {1: 2, 3: 4}),
        ("c11a514b67b0", Tagged(1, 1363896240)),
        ("f4", False),
        ("f6", None),
        ("f93c00", 1.0),
    ],
)
def test_the_examples_of_rfc_8949(encoded: str, value: object) -> None:
    assert decode(bytes.fromhex(encoded)) == value


@pytest.mark.parametrize(
    "encoded",
    ["", "18", "5f4101ff", "9bffffffffffffffff", "a2010201020", "62c328", "81" * 20 + "00", "0000"],
)
def test_cbor_with_no_end_or_two_readings_is_refused(encoded: str) -> None:
    with pytest.raises(CborInvalid):
        decode(bytes.fromhex(encoded + "0" * (len(encoded) % 2)))
