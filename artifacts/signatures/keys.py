"""Public keys that signatures are checked with: read, named by a fingerprint, used.

The kinds of key are those that cosign makes or imports, each with the ways of signing that
cosign and sigstore use with it.

Source: sigstore's algorithm registry (architecture-docs, "algorithm-registry.md"); signatures
of cosign 2.6 and 3.1 made with each kind of key.
"""

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from artifacts.signatures import ed25519ph

MAX_PEM_BYTES = 8 * 1024
MAX_SIGNATURE_BYTES = 4 * 1024
RSA_BITS = range(2048, 8193)

_ONE_PUBLIC_KEY = re.compile(
    r"-----BEGIN (?:RSA )?PUBLIC KEY-----[A-Za-z0-9+/=\s]+-----END (?:RSA )?PUBLIC KEY-----"
)
_CURVES: dict[str, tuple[hashes.HashAlgorithm, ...]] = {
    "secp256r1": (hashes.SHA256(),),
    "secp384r1": (hashes.SHA384(), hashes.SHA256()),
    "secp521r1": (hashes.SHA512(), hashes.SHA256()),
}
_CURVE_NAMES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
_RSA_HASHES = (hashes.SHA256(), hashes.SHA512())

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

    def verifies(self, signature: bytes, message: bytes) -> bool:
        if not signature or len(signature) > MAX_SIGNATURE_BYTES:
            return False
        match self.key:
            case ec.EllipticCurvePublicKey() as key:
                return _ecdsa_verifies(key, signature, message)
            case RSAPublicKey() as key:
                return _rsa_verifies(key, signature, message)
            case key:
                raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
                return _holds(lambda: key.verify(signature, message)) or ed25519ph.verifies(
                    raw, signature, message
                )


def _load(pem: str) -> Verifying:
    if len(pem) > MAX_PEM_BYTES:
        raise KeyRefused(f"a public key has at most {MAX_PEM_BYTES} characters")
    if "PRIVATE KEY" in pem:
        raise KeyRefused("this is a private key: keep it secret and register its public half")
    if not _ONE_PUBLIC_KEY.fullmatch(pem.strip()):
        raise KeyRefused("expected one public key in PEM form, as in the file cosign.pub")
    try:
        key = load_pem_public_key(pem.strip().encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyRefused("the PEM text does not hold a public key that can be read") from error
    _algorithm(key)
    if not isinstance(key, Verifying):  # _algorithm has refused it
        raise TypeError(key)
    return key


def _algorithm(key: object) -> str:
    match key:
        case ec.EllipticCurvePublicKey(curve=curve) if curve.name in _CURVES:
            return f"ECDSA {_CURVE_NAMES[curve.name]}"
        case RSAPublicKey(key_size=bits) if bits in RSA_BITS:
            return f"RSA {bits}"
        case Ed25519PublicKey():
            return "Ed25519"
    raise KeyRefused(
        "keys of this kind are not supported; use ECDSA (P-256, P-384, P-521), Ed25519,"
        f" or RSA with {RSA_BITS.start} to {RSA_BITS.stop - 1} bits"
    )


def _ecdsa_verifies(key: ec.EllipticCurvePublicKey, signature: bytes, message: bytes) -> bool:
    return any(
        _holds(lambda h=algorithm: key.verify(signature, message, ec.ECDSA(h)))  # type: ignore[misc]
        for algorithm in _CURVES[key.curve.name]
    )


def _rsa_verifies(key: RSAPublicKey, signature: bytes, message: bytes) -> bool:
    for algorithm in _RSA_HASHES:
        pss = padding.PSS(mgf=padding.MGF1(algorithm), salt_length=padding.PSS.AUTO)
        for pad in (padding.PKCS1v15(), pss):
            if _rsa_holds(key, signature, message, pad, algorithm):
                return True
    return False


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
