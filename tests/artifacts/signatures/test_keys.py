"""Which public keys are taken, and how they verify."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from artifacts.signatures.keys import MAX_PEM_BYTES, KeyRefused, VerifyingKey
from tests.artifacts.signatures.signing import Signer

SIGNERS = {
    "ECDSA P-224": Signer(ec.generate_private_key(ec.SECP224R1())),
    "ECDSA P-256": Signer(),
    "ECDSA P-384": Signer(ec.generate_private_key(ec.SECP384R1())),
    "ECDSA P-521": Signer(ec.generate_private_key(ec.SECP521R1())),
    "Ed25519": Signer(Ed25519PrivateKey.generate()),
    "RSA 2048": Signer(rsa.generate_private_key(65537, 2048)),
}


@pytest.mark.parametrize("name", SIGNERS)
def test_a_key_verifies_its_own_signatures_only(name: str) -> None:
    signer = SIGNERS[name]
    signature = signer.sign(b"message")

    assert signer.key.algorithm == name
    assert signer.key.verifies(signature, b"message")
    assert not signer.key.verifies(signature, b"another message")
    for other in SIGNERS.values():
        assert other.key.verifies(signature, b"message") == (other is signer)


@pytest.mark.parametrize("name", SIGNERS)
@pytest.mark.parametrize(
    "signature",
    [b"", b"\x00", b"\x30\x00", b"\xff" * 64, b"\x00" * 64, b"\x01" * 5000],
    ids=lambda one: f"{len(one)} bytes {one[:1].hex()}",
)
def test_nonsense_is_no_signature(name: str, signature: bytes) -> None:
    assert not SIGNERS[name].key.verifies(signature, b"message")


def test_a_signature_with_pss_padding_is_valid_too() -> None:
    private = SIGNERS["RSA 2048"].private
    assert isinstance(private, rsa.RSAPrivateKey)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)

    signature = private.sign(b"message", pss, hashes.SHA256())

    assert SIGNERS["RSA 2048"].key.verifies(signature, b"message")


def test_a_signature_over_sha1_is_not_valid() -> None:
    private = SIGNERS["RSA 2048"].private
    assert isinstance(private, rsa.RSAPrivateKey)

    signature = private.sign(b"message", padding.PKCS1v15(), hashes.SHA1())

    assert not SIGNERS["RSA 2048"].key.verifies(signature, b"message")


def test_the_fingerprint_does_not_depend_on_how_the_text_is_laid_out() -> None:
    signer = SIGNERS["ECDSA P-256"]
    windows = "\r\n".join(["", *signer.pem.splitlines(), "", ""])

    assert VerifyingKey.parse(windows) == VerifyingKey.parse(signer.pem)


def test_a_private_key_is_refused_with_advice() -> None:
    private = SIGNERS["ECDSA P-256"].private
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    with pytest.raises(KeyRefused, match="this is a private key: keep it secret"):
        VerifyingKey.parse(pem)


def _public(private: rsa.RSAPrivateKey | dsa.DSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    public = private.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _public_of_exponent(exponent: int) -> str:
    private = SIGNERS["RSA 2048"].private
    assert isinstance(private, rsa.RSAPrivateKey)
    numbers = rsa.RSAPublicNumbers(exponent, private.public_key().public_numbers().n)
    public = numbers.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


REFUSED = {
    "nothing": "",
    "no PEM": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB",
    "an empty PEM": "-----BEGIN PUBLIC KEY-----\n\n-----END PUBLIC KEY-----",
    "broken base64": "-----BEGIN PUBLIC KEY-----\nAAA\n-----END PUBLIC KEY-----",
    "two keys": SIGNERS["Ed25519"].pem * 2,
    "a certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
    "an RSA key of a large exponent": _public_of_exponent(2**31 + 11),
    "a long text": " " * MAX_PEM_BYTES + SIGNERS["Ed25519"].pem,
    "a short RSA key": _public(rsa.generate_private_key(65537, 1024)),
    "another curve": _public(ec.generate_private_key(ec.SECP256K1())),
    "DSA": _public(dsa.generate_private_key(1024)),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_key_for_signatures_is_refused(what: str) -> None:
    with pytest.raises(KeyRefused):
        VerifyingKey.parse(REFUSED[what])


@pytest.mark.parametrize("name", SIGNERS)
def test_text_and_headers_around_the_key_are_left_out(name: str) -> None:
    begin, *body = SIGNERS[name].pem.splitlines()
    text = "\n".join(["see here", begin, "Comment: of release", "", *body, "bye"])

    assert VerifyingKey.parse(text) == SIGNERS[name].key


def test_a_key_in_the_form_of_rsa_alone_is_the_same_key() -> None:
    private = SIGNERS["RSA 2048"].private
    assert isinstance(private, rsa.RSAPrivateKey)
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode()

    assert pem.startswith("-----BEGIN RSA PUBLIC KEY-----")
    assert VerifyingKey.parse(pem) == SIGNERS["RSA 2048"].key


@pytest.mark.parametrize("algorithm", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()])
def test_the_digest_of_a_signature_is_chosen_by_who_signs(
    algorithm: hashes.HashAlgorithm,
) -> None:
    curve, modulus = SIGNERS["ECDSA P-256"], SIGNERS["RSA 2048"]
    assert isinstance(curve.private, ec.EllipticCurvePrivateKey)
    assert isinstance(modulus.private, rsa.RSAPrivateKey)

    assert curve.key.verifies(curve.private.sign(b"message", ec.ECDSA(algorithm)), b"message")
    padded = modulus.private.sign(b"message", padding.PKCS1v15(), algorithm)
    assert modulus.key.verifies(padded, b"message")
