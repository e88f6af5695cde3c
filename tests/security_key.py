"""A security key that signs what a test wants it to sign, right or wrong."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

ORIGIN = "http://localhost"
PRESENT, VERIFIED, HAS_KEY = 1, 4, 64


@dataclass
class SecurityKey:
    counter: int = 0
    origin: str = ORIGIN
    place: str = "localhost"
    flags: int = PRESENT | VERIFIED
    handle: str = ""
    name: bytes = b"k" * 16
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def register(self, challenge: str) -> dict[str, Any]:
        public = ES256.from_cryptography_key(self.key.public_key())  # type: ignore[no-untyped-call]
        attested = AttestedCredentialData.create(b"\0" * 16, self.name, public)
        about = AttestationObject.create("none", self._data(HAS_KEY, attested), {})
        client = self._client("webauthn.create", challenge)
        return self._credential({"attestationObject": about, "clientDataJSON": client})

    def sign(self, challenge: str, *, key: Any = None) -> dict[str, Any]:
        client, data = self._client("webauthn.get", challenge), self._data(0)
        signed = bytes(data) + hashlib.sha256(client).digest()
        return self._credential(
            {
                "clientDataJSON": client,
                "authenticatorData": data,
                "signature": (key or self.key).sign(signed, ec.ECDSA(SHA256())),
                "userHandle": self.handle.encode(),
            }
        )

    def _data(self, more: int, attested: bytes = b"") -> AuthenticatorData:
        place = hashlib.sha256(self.place.encode()).digest()
        flags = AuthenticatorData.FLAG(self.flags | more)
        data: AuthenticatorData = AuthenticatorData.create(place, flags, self.counter, attested)
        return data

    def _client(self, kind: str, challenge: str) -> CollectedClientData:
        return CollectedClientData.create(kind, challenge, self.origin)

    def _credential(self, response: dict[str, bytes]) -> dict[str, Any]:
        return {
            "id": websafe_encode(self.name),
            "rawId": websafe_encode(self.name),
            "type": "public-key",
            "response": {name: websafe_encode(bytes(value)) for name, value in response.items()},
            "clientExtensionResults": {"credProps": {"rk": True}},
        }


def form(credential: Any, **more: str) -> dict[str, str]:
    return {"credential": json.dumps(credential), **more}
