"""Public keys that signatures are checked with: read, named by a fingerprint, used.

The kinds of key are those that cosign makes or imports, each with the ways of signing that
cosign and sigstore use with it.

Source: sigstore's algorithm registry (architecture-docs, "algorithm-registry.md"); signatures
of cosign 2.6 and 3.1 made with each kind of key.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from Crypto.Hash import SHA512
from Crypto.Signature import eddsa
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

MAX_PEM_BYTES = 8 * 1024
RSA_BITS = range(2048, 8193)

#: What cosign checks with is chosen by the person who does: --signature-digest-algorithm.
_HASHES = (hashes.SHA256(), hashes.SHA384(), hashes.SHA512())
_CURVE_NAMES = {
    "secp224r1": "P-224",
    "secp256r1": "P-256",
    "secp384r1": "P-384",
    "secp521r1": "P-521",
}
_LARGEST_EXPONENT = 2**31 - 1  # as Go has it; a larger one only takes long
_ED25519_BYTES = 64
_SHORTEST_DER = 8
_DER_SEQUENCE = 0x30
_PUBLIC_KEYS = ("PUBLIC KEY", "RSA PUBLIC KEY")
_BLOCK = re.compile(
    r"^-----BEGIN ([A-Z0-9 ]+)-----[ \t]*\r?$(.*?)^-----END \1-----[ \t]*\r?$",
    re.DOTALL | re.MULTILINE,
)
_HEADER = re.compile(r"^[^\s:]+:.*$", re.MULTILINE)

Verifying = ec.EllipticCurvePublicKey | RSAPublicKey | Ed25519PublicKey


class KeyRefused(ValueError):
    """Not a public key that signatures can be checked with. One sentence for a person."""


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key. ``fingerprint`` is the SHA-256 of its DER form, in hex."""

    pem: str
    fingerprint: str
    algorithm: str
    key: Verifying

    @classmethod
    def parse(cls, pem: str) -> Self:
        """Read one PEM public key, such as ``cosign.pub``. Raises ``KeyRefused``."""
        key = _load(pem)
        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        text = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        return cls(text, hashlib.sha256(der).hexdigest(), _algorithm(key), key)

    @property
    def hint(self) -> str:
        """What a bundle of cosign names the key by."""
        return base64.b64encode(bytes.fromhex(self.fingerprint)).decode()

    def could_have_made(self, signature: bytes) -> bool:
        """Whether the signature is as long as this key's are; costs nothing."""
        match self.key:
            case ec.EllipticCurvePublicKey(curve=curve):
                longest = 2 * ((curve.key_size + 7) // 8) + 9
                return _SHORTEST_DER <= len(signature) <= longest and signature[0] == _DER_SEQUENCE
            case RSAPublicKey(key_size=bits):
                return len(signature) == (bits + 7) // 8
            case _:
                return len(signature) == _ED25519_BYTES

    def verifies(self, signature: bytes, message: bytes) -> bool:
        if not self.could_have_made(signature):
            return False
        match self.key:
            case ec.EllipticCurvePublicKey() as key:
                return _ecdsa_verifies(key, signature, message)
            case RSAPublicKey() as key:
                return _rsa_verifies(key, signature, message)
            case key:
                return _ed25519_verifies(key, signature, message)


def _load(pem: str) -> Verifying:
    if len(pem) > MAX_PEM_BYTES:
        raise KeyRefused(f"a public key has at most {MAX_PEM_BYTES} characters")
    if "PRIVATE KEY" in pem:
        raise KeyRefused("this is a private key: keep it secret and register its public half")
    blocks = [(match[1], match[2]) for match in _BLOCK.finditer(pem.strip())]
    keys = [body for kind, body in blocks if kind in _PUBLIC_KEYS]
    if not keys and any(kind.endswith("CERTIFICATE") for kind, _ in blocks):
        raise KeyRefused(
            "this is a certificate: register its public key, which"
            " `openssl x509 -pubkey -noout -in FILE` prints"
        )
    if len(keys) != 1:
        raise KeyRefused("expected one public key in PEM form, as in the file cosign.pub")
    try:
        der = base64.b64decode("".join(_HEADER.sub("", keys[0]).split()), validate=True)
        key = load_der_public_key(der)
    except (binascii.Error, ValueError, UnsupportedAlgorithm) as error:
        raise KeyRefused("the PEM text does not hold a public key that can be read") from error
    _algorithm(key)
    if not isinstance(key, Verifying):  # _algorithm has refused it
        raise TypeError(key)
    return key


def _algorithm(key: object) -> str:
    match key:
        case ec.EllipticCurvePublicKey(curve=curve) if curve.name in _CURVE_NAMES:
            return f"ECDSA {_CURVE_NAMES[curve.name]}"
        case RSAPublicKey(key_size=bits) if bits in RSA_BITS:
            if key.public_numbers().e > _LARGEST_EXPONENT:
                raise KeyRefused("the exponent of this RSA key is too large; 65537 is usual")
            return f"RSA {bits}"
        case Ed25519PublicKey():
            return "Ed25519"
    raise KeyRefused(
        "keys of this kind are not supported; use ECDSA (P-224 to P-521), Ed25519,"
        f" or RSA with {RSA_BITS.start} to {RSA_BITS.stop - 1} bits"
    )


def _ecdsa_verifies(key: ec.EllipticCurvePublicKey, signature: bytes, message: bytes) -> bool:
    return any(
        _holds(lambda h=algorithm: key.verify(signature, message, ec.ECDSA(h)))  # type: ignore[misc]
        for algorithm in _HASHES
    )


def _rsa_verifies(key: RSAPublicKey, signature: bytes, message: bytes) -> bool:
    for algorithm in _HASHES:
        pss = padding.PSS(mgf=padding.MGF1(algorithm), salt_length=padding.PSS.AUTO)
        for pad in (padding.PKCS1v15(), pss):
            if _rsa_holds(key, signature, message, pad, algorithm):
                return True
    return False


def _ed25519_verifies(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    """Plain, or pre-hashed (RFC 8032, section 5.1), as cosign signs with such a key."""
    if _holds(lambda: key.verify(signature, message)):
        return True
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    try:
        checker = eddsa.new(eddsa.import_public_key(raw), "rfc8032")
        checker.verify(SHA512.new(message), signature)
    except ValueError:
        return False
    return True


def _rsa_holds(
    key: RSAPublicKey,
    signature: bytes,
    message: bytes,
    pad: padding.PKCS1v15 | padding.PSS,
    algorithm: hashes.HashAlgorithm,
) -> bool:
    return _holds(lambda: key.verify(signature, message, pad, algorithm))


def _holds(verify: Callable[[], None]) -> bool:
    try:
        verify()
    except (InvalidSignature, ValueError):  # ValueError: longer than the key's modulus allows
        return False
    return True
