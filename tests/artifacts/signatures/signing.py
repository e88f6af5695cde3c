"""Signs as cosign does, and puts the result into each of the forms that cosign stores."""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from artifacts.kinds.kinds import COSIGN_SIGN
from artifacts.signatures.claims import DSSE, IN_TOTO, SIMPLE_SIGNING
from artifacts.signatures.keys import VerifyingKey

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
ANNOTATION = "dev.cosignproject.cosign/signature"

Private = ec.EllipticCurvePrivateKey | RSAPrivateKey | Ed25519PrivateKey


@dataclass(frozen=True)
class Layer:
    """One layer of a signature: its type, its content, the annotations of its descriptor."""

    media_type: str
    content: bytes
    annotations: dict[str, str] = field(default_factory=dict)

    @property
    def arguments(self) -> tuple[str, dict[str, str], bytes]:
        return self.media_type, self.annotations, self.content


@dataclass(frozen=True)
class Signer:
    """Somebody with a private key."""

    private: Private = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @cached_property
    def pem(self) -> str:
        public = self.private.public_key()
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    @cached_property
    def key(self) -> VerifyingKey:
        return VerifyingKey.parse(self.pem)

    def sign(self, message: bytes) -> bytes:
        match self.private:
            case ec.EllipticCurvePrivateKey() as key:
                sizes = {384: hashes.SHA384(), 521: hashes.SHA512()}
                return key.sign(message, ec.ECDSA(sizes.get(key.key_size, hashes.SHA256())))
            case RSAPrivateKey() as key:
                return key.sign(message, padding.PKCS1v15(), hashes.SHA256())
            case key:
                return key.sign(message)

    def simple(self, digest: str, **changed: Any) -> Layer:
        """A signature as cosign keeps it under the tag ``sha256-<hex>.sig``."""
        payload = simple_payload(digest, **changed)
        return Layer(SIMPLE_SIGNING, payload, {ANNOTATION: b64(self.sign(payload))})

    def envelope(self, digest: str, **changed: Any) -> Layer:
        """An attestation as cosign keeps it under the tag ``sha256-<hex>.att``."""
        envelope = self._envelope(statement(digest, **changed))
        return Layer(DSSE, json.dumps(envelope).encode())

    def bundle(self, digest: str, *, bundle_type: str = BUNDLE, **changed: Any) -> Layer:
        """A signature as cosign 3 attaches it, unless ``predicateType`` is changed."""
        envelope = self._envelope(statement(digest, predicateType=COSIGN_SIGN, **changed))
        return self._bundle(bundle_type, dsseEnvelope=envelope)

    def attestation(self, digest: str, predicate_type: str) -> Layer:
        """An attestation as cosign 3 attaches it."""
        envelope = self._envelope(statement(digest, predicateType=predicate_type))
        return self._bundle(BUNDLE, dsseEnvelope=envelope)

    def message_bundle(self, body: bytes) -> Layer:
        """A bundle with a signature over the bytes of the manifest itself."""
        digest = {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(body).digest())}
        signed = {"messageDigest": digest, "signature": b64(self.sign(body))}
        return self._bundle(BUNDLE, messageSignature=signed)

    def _envelope(self, payload: bytes) -> dict[str, Any]:
        encoded = b"DSSEv1 %d %b %d %b" % (len(IN_TOTO), IN_TOTO.encode(), len(payload), payload)
        return {
            "payloadType": IN_TOTO,
            "payload": b64(payload),
            "signatures": [{"keyid": "", "sig": b64(self.sign(encoded))}],
        }

    def _bundle(self, bundle_type: str, **content: Any) -> Layer:
        material = {"publicKey": {"hint": self.key.hint}}
        document = {"mediaType": bundle_type, "verificationMaterial": material, **content}
        return Layer(BUNDLE, json.dumps(document).encode())


def simple_payload(digest: str, **changed: Any) -> bytes:
    critical = {
        "identity": {"docker-reference": "registry.example/acme/web"},
        "image": {"docker-manifest-digest": digest},
        "type": "cosign container image signature",
        **changed,
    }
    return json.dumps({"critical": critical, "optional": None}).encode()


def statement(digest: str, **changed: Any) -> bytes:
    algorithm, _, value = digest.partition(":")
    document = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {algorithm: value}}],
        "predicateType": "https://example.com/tested/v1",
        "predicate": {},
        **changed,
    }
    return json.dumps(document).encode()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
