"""Signatures that cosign itself made, with every kind of key it makes or imports."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from artifacts.signatures.claims import DSSE, SIMPLE_SIGNING, read_claim
from artifacts.signatures.keys import VerifyingKey
from artifacts.signatures.verdicts import Budget, State, judge
from tests.artifacts.signatures.signing import BUNDLE

MADE: dict[str, Any] = json.loads(Path(__file__).with_name("by_cosign.json").read_text())
KEYS = {name: VerifyingKey.parse(pem) for name, pem in MADE["keys"].items()}


def _signer(layer: dict[str, Any], keys: dict[str, VerifyingKey]) -> str:
    """The name of the key that made the signature; empty when none of ``keys`` did."""
    content = layer["content"].encode()
    claim = read_claim(layer["mediaType"], layer["annotations"], content)
    assert claim.is_signature
    found = judge(
        claim, subject=MADE["subject"], keys=keys.values(), subject_body=None, budget=Budget()
    )
    return next((name for name, key in keys.items() if key.fingerprint == found.fingerprint), "")


@pytest.mark.parametrize("form", [True, False], ids=["tag", "bundle"])
def test_each_kind_of_key_verifies_what_it_signed_and_nothing_else(form: bool) -> None:
    layers = [one for one in MADE["layers"] if (one["mediaType"] == SIMPLE_SIGNING) == form]

    assert sorted(_signer(layer, KEYS) for layer in layers) == sorted(KEYS)
    for layer in layers:
        others = {name: key for name, key in KEYS.items() if name != _signer(layer, KEYS)}
        assert _signer(layer, others) == ""


@pytest.mark.parametrize("form", [DSSE, BUNDLE])
def test_each_kind_of_key_verifies_what_it_attested_and_nothing_else(form: str) -> None:
    made = MADE["attested"]
    keys = {name: VerifyingKey.parse(pem) for name, pem in made["keys"].items()}
    layers = [one for one in made["layers"] if one["mediaType"] == form]
    claims = [read_claim(form, one["annotations"], one["content"].encode()) for one in layers]

    assert {claim.predicate_type for claim in claims} == {
        "https://cosign.sigstore.dev/attestation/v1"
    }
    found = [
        name
        for claim in claims
        for name, key in keys.items()
        if judge(
            claim, subject=made["subject"], keys=[key], subject_body=None, budget=Budget()
        ).fingerprint
    ]
    assert sorted(found) == sorted(keys)


def test_the_names_of_the_keys_say_what_they_are() -> None:
    assert {name: key.algorithm for name, key in KEYS.items()} == {name: name for name in KEYS}


@pytest.mark.parametrize("layer", MADE["layers"], ids=lambda layer: layer["mediaType"][16:30])
def test_a_changed_byte_makes_a_signature_of_cosign_invalid(layer: dict[str, Any]) -> None:
    changed = {**layer, "annotations": {name: _flip(v) for name, v in layer["annotations"].items()}}
    if layer["mediaType"] != SIMPLE_SIGNING:
        bundle = json.loads(layer["content"])
        (signature,) = bundle["dsseEnvelope"]["signatures"]
        signature["sig"] = _flip(signature["sig"])
        changed["content"] = json.dumps(bundle)
    claim = read_claim(changed["mediaType"], changed["annotations"], changed["content"].encode())

    found = judge(
        claim, subject=MADE["subject"], keys=KEYS.values(), subject_body=None, budget=Budget()
    )

    assert found.state == State.INVALID


def test_the_example_of_rfc_8032_for_ed25519ph() -> None:
    raw = bytes.fromhex("ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf")
    public = Ed25519PublicKey.from_public_bytes(raw)
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    key = VerifyingKey.parse(pem)
    signature = bytes.fromhex(
        "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41"
        "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406"
    )

    assert key.verifies(signature, b"abc")
    assert not key.verifies(signature, b"abd")
    assert not key.verifies(signature[:32] + _too_large(signature[32:]), b"abc")


def _too_large(scalar: bytes) -> bytes:
    """The same scalar and once the order of the group: a second form of the same signature."""
    order = 2**252 + 27742317777372353535851937790883648493
    return (int.from_bytes(scalar, "little") + order).to_bytes(32, "little")


def _flip(text: str) -> str:
    """Change a character in the middle, where it is neither padding nor a length."""
    middle = len(text) // 2
    return text[:middle] + ("B" if text[middle] == "A" else "A") + text[middle + 1 :]
