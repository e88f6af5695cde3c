"""The signatures inside Docker's schema 1 manifests: JWS as libtrust writes it.

A signed manifest is a JSON object with one more key, ``signatures``. What was signed, the
payload, is the object's text before that key was put in: the first ``formatLength`` bytes
and ``formatTail``, as each signature's protected header tells. The keys come along with the
signatures, so these prove that the text was not changed, and say nothing of who wrote it.

Source: RFC 7515 and RFC 7517; Docker's "Image Manifest Version 2, Schema 1", "Signed Manifests".
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from artifacts.oci.errors import ManifestInvalid
from artifacts.oci.strict_json import parse_object

MAX_SIGNATURES = 16
MAX_RSA_BITS = 8192
_MAX_EXPONENT_BITS = 64
_MIN_RSA_BITS = 1024

_HASHES: Mapping[str, type[hashes.HashAlgorithm]] = {
    "256": hashes.SHA256,
    "384": hashes.SHA384,
    "512": hashes.SHA512,
}
_CURVES: Mapping[str, type[ec.EllipticCurve]] = {
    "ES256": ec.SECP256R1,
    "ES384": ec.SECP384R1,
    "ES512": ec.SECP521R1,
}
_CURVE_NAMES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
# Where the payload's text is left and taken up again: no value may be split there.
_BEFORE_SIGNATURES = re.compile(rb'\s*,\s*"signatures"\s*:')
_TAIL = re.compile(rb"\s*}\s*")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*={0,2}", re.ASCII)


def verified_payload(body: bytes, signatures: Any) -> bytes:
    """What was signed of ``body``, after every signature in it proved right.

    Args:
        body: the exact bytes of the manifest.
        signatures: what it has under ``signatures``.

    Raises:
        ManifestInvalid: a signature is wrong, or cannot be checked, or does not cover the whole.
    """
    if not isinstance(signatures, list) or not 1 <= len(signatures) <= MAX_SIGNATURES:
        raise ManifestInvalid(f"signatures must be a list of 1 to {MAX_SIGNATURES} signatures")
    payloads = {_payload(body, entry, f"signatures[{i}]") for i, entry in enumerate(signatures)}
    if len(payloads) != 1:
        raise ManifestInvalid("the signatures are not over the same text")
    return payloads.pop()


def sign(payload: bytes, *, time: str) -> bytes:
    """``payload``, a JSON object, with a signature put in.

    The key is this process's own and is not kept: readers of schema 1 want a signature, and
    none of them asks whose it is.
    """
    head = payload.rstrip().removesuffix(b"}").rstrip()
    tail = payload[len(head) :]
    protected = _json({"formatLength": len(head), "formatTail": encode(tail), "time": time})
    key = _passing_key()
    der = key.sign(_signed_text(encode(protected), payload), ec.ECDSA(hashes.SHA256()))
    r, s = decode_dss_signature(der)
    entry = {
        "header": {"jwk": _public_jwk(key.public_key()), "alg": "ES256"},
        "signature": encode(r.to_bytes(32) + s.to_bytes(32)),
        "protected": encode(protected),
    }
    return head + b',\n   "signatures": ' + _json([entry]) + tail


def encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _payload(body: bytes, entry: Any, where: str) -> bytes:
    match entry:
        case {
            "header": {"alg": str() as algorithm, "jwk": dict() as jwk},
            "signature": str() as signature,
            "protected": str() as protected,
        }:
            pass
        case _:
            raise ManifestInvalid(
                f"{where} must have protected, signature, and a header with alg and jwk"
            )
    match parse_object(_decode(protected, f"{where}.protected")):
        case {"formatLength": int() as length, "formatTail": str() as tail} if not isinstance(
            length, bool
        ) and 0 < length <= len(body):
            end = _decode(tail, f"{where}.protected.formatTail")
        case _:
            raise ManifestInvalid(f"{where}.protected must tell formatLength and formatTail")
    if not _TAIL.fullmatch(end) or not _BEFORE_SIGNATURES.match(body, length):
        raise ManifestInvalid(f"{where}.protected does not tell where the signatures were put in")
    payload = body[:length] + end
    proof = _decode(signature, f"{where}.signature")
    _verify(algorithm, jwk, _signed_text(protected, payload), proof, where)
    return payload


def _verify(algorithm: str, jwk: Mapping[str, Any], text: bytes, proof: bytes, where: str) -> None:
    family, digest = algorithm[:2], _HASHES.get(algorithm[2:])
    if digest is None or family not in ("ES", "RS"):
        raise ManifestInvalid(f"{where}.header.alg is {algorithm[:20]!r}; use ES256 or RS256")
    try:
        if family == "ES":
            _verify_elliptic(algorithm, jwk, text, proof, digest())
        else:
            _rsa_key(jwk).verify(proof, text, padding.PKCS1v15(), digest())
    except (InvalidSignature, ValueError, KeyError, TypeError) as error:
        raise ManifestInvalid(f"{where} is not a signature of this manifest by its jwk") from error


def _verify_elliptic(
    algorithm: str,
    jwk: Mapping[str, Any],
    text: bytes,
    proof: bytes,
    digest: hashes.HashAlgorithm,
) -> None:
    curve = _CURVES[algorithm]()
    if (jwk["kty"], jwk["crv"]) != ("EC", _CURVE_NAMES[algorithm]):
        raise ValueError("the key is not of the curve that the algorithm wants")
    numbers = ec.EllipticCurvePublicNumbers(_number(jwk["x"]), _number(jwk["y"]), curve)
    half = (curve.key_size + 7) // 8
    if len(proof) != 2 * half:
        raise ValueError("the signature is not two numbers of the curve")
    r, s = int.from_bytes(proof[:half]), int.from_bytes(proof[half:])
    numbers.public_key().verify(encode_dss_signature(r, s), text, ec.ECDSA(digest))


def _rsa_key(jwk: Mapping[str, Any]) -> rsa.RSAPublicKey:
    if jwk["kty"] != "RSA":
        raise ValueError("the key is no RSA key")
    modulus, exponent = _number(jwk["n"]), _number(jwk["e"])
    if not _MIN_RSA_BITS <= modulus.bit_length() <= MAX_RSA_BITS:
        raise ValueError("the key is too small or too large")
    if exponent.bit_length() > _MAX_EXPONENT_BITS:
        raise ValueError("the key's exponent is too large")
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _number(text: Any) -> int:
    """A number of a key, of at most as many digits as the largest key needs."""
    if not isinstance(text, str) or len(text) > MAX_RSA_BITS // 4:
        raise ValueError("a number of the key is missing or too long")
    return int.from_bytes(_decode(text, "a number of the key"))


def _signed_text(protected: str, payload: bytes) -> bytes:
    return f"{protected}.{encode(payload)}".encode()


def _decode(text: str, where: str) -> bytes:
    if not _BASE64URL.fullmatch(text):
        raise ManifestInvalid(f"{where} is not base64url")
    bare = text.rstrip("=")
    try:
        return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except (binascii.Error, ValueError) as error:
        raise ManifestInvalid(f"{where} is not base64url") from error


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


@cache
def _passing_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _public_jwk(key: ec.EllipticCurvePublicKey) -> Mapping[str, str]:
    return {"kty": "EC", "crv": "P-256", "kid": key_id(key), **_point(key)}


def _point(key: ec.EllipticCurvePublicKey) -> Mapping[str, str]:
    numbers = key.public_numbers()
    return {"x": encode(numbers.x.to_bytes(32)), "y": encode(numbers.y.to_bytes(32))}


def key_id(key: ec.EllipticCurvePublicKey) -> str:
    """libtrust's name for a key: 240 bits of the SHA-256 of its DER form, in twelve groups."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    text = base64.b32encode(hashlib.sha256(der).digest()[:30]).decode()
    return ":".join(text[i : i + 4] for i in range(0, len(text), 4))
