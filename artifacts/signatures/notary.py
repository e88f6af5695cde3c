"""Signatures of the Notary Project: what they say, which nobody here has checked.

They are made with certificates, and whom to trust is said on the machine that pulls. So what a
signature says of itself is shown, and no more.

Source: notaryproject/specifications, "signature-specification.md", "signature-envelope-jws.md"
and "signature-envelope-cose.md"; RFC 7515; RFC 9052, section 4.2.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from artifacts.oci.errors import ManifestInvalid
from artifacts.oci.strict_json import parse_object
from artifacts.signatures.cbor import CborInvalid, Tagged, decode
from artifacts.signatures.certificates import Certificate, CertificateUnreadable, read_certificate

NOTARY: Final = "application/vnd.cncf.notary.signature"
JOSE: Final = "application/jose+json"
COSE: Final = "application/cose"
MAX_NOTARY_BYTES: Final = 1024 * 1024

_COSE_SIGN1: Final = 18
_EPOCH: Final = 1
_X5CHAIN: Final = 33
_ALGORITHM: Final = 1
_CONTENT_TYPE: Final = 3
_PAYLOAD: Final = "application/vnd.cncf.notary.payload.v1+json"
_SCHEME: Final = "io.cncf.notary.signingScheme"
_TIMES: Final = ("io.cncf.notary.signingTime", "io.cncf.notary.authenticSigningTime")
_EXPIRY: Final = "io.cncf.notary.expiry"
_AGENT: Final = "io.cncf.notary.signingAgent"
_ALGORITHMS: Final[Mapping[object, str]] = {
    -37: "PS256",
    -38: "PS384",
    -39: "PS512",
    -7: "ES256",
    -35: "ES384",
    -36: "ES512",
}


class NotaryUnreadable(ValueError):
    """The envelope is not what its type promises. One sentence for a person."""


@dataclass(frozen=True, slots=True)
class NotarySignature:
    """What an envelope says. Texts are empty and times ``None`` where it says nothing."""

    envelope: str  # JWS or COSE
    target: str  # the digest of what was signed
    algorithm: str
    scheme: str
    agent: str
    signed_at: datetime | None
    expires_at: datetime | None
    signer: Certificate


def read_notary(media_type: str, content: bytes) -> NotarySignature:
    """What a signature says of itself. Raises ``NotaryUnreadable``."""
    if len(content) > MAX_NOTARY_BYTES:
        raise NotaryUnreadable(f"it is larger than {MAX_NOTARY_BYTES} bytes")
    return _cose(content) if media_type == COSE else _jws(content)


def is_notary_signature(media_type: str, content: bytes) -> bool:
    """Whether the bytes are one such signature, and nothing beside it."""
    try:
        read_notary(media_type, content)
    except NotaryUnreadable:
        return False
    return True


def _jws(content: bytes) -> NotarySignature:
    envelope = _json(content, "the envelope")
    protected = _json(_base64url(envelope.get("protected"), "protected"), "protected")
    header = envelope.get("header")
    if not isinstance(header, dict):
        raise NotaryUnreadable("header is missing or no object")
    chain = header.get("x5c")
    certificates = chain if isinstance(chain, list) else []
    _base64url(envelope.get("signature"), "signature")
    return _signature(
        "JWS",
        protected,
        payload=_base64url(envelope.get("payload"), "payload"),
        content_type=protected.get("cty"),
        algorithm=_text(protected.get("alg")),
        agent=_text(header.get(_AGENT)),
        chain=[_base64(one) for one in certificates[:1]],
    )


def _cose(content: bytes) -> NotarySignature:
    protected, unprotected, payload, _ = _sign1(content)
    chain = unprotected.get(_X5CHAIN)
    certificates = chain if isinstance(chain, list) else [chain]
    algorithm = protected.get(_ALGORITHM)
    return _signature(
        "COSE",
        protected,
        payload=payload,
        content_type=protected.get(_CONTENT_TYPE),
        algorithm=_ALGORITHMS.get(algorithm, _text(algorithm))
        if isinstance(algorithm, int | str)
        else "",
        agent=_text(unprotected.get(_AGENT)),
        chain=[one for one in certificates[:1] if isinstance(one, bytes)],
    )


def _sign1(
    content: bytes,
) -> tuple[Mapping[int | str, Any], Mapping[int | str, Any], bytes, bytes]:
    try:
        value = decode(content)
        if not isinstance(value, Tagged) or value.number != _COSE_SIGN1:
            raise NotaryUnreadable("it is no COSE_Sign1 structure")
        match value.value:
            case [bytes() as head, dict() as unprotected, bytes() as payload, bytes() as signature]:
                protected = decode(head)
            case _:
                raise NotaryUnreadable("its COSE_Sign1 structure has other parts than it should")
    except CborInvalid as error:
        raise NotaryUnreadable(f"it is not CBOR: {error}") from error
    if not isinstance(protected, dict):
        raise NotaryUnreadable("its protected header is no map")
    return protected, unprotected, payload, signature


def _signature(
    envelope: str,
    protected: Mapping[Any, Any],
    *,
    payload: bytes,
    content_type: object,
    algorithm: str,
    agent: str,
    chain: Sequence[bytes],
) -> NotarySignature:
    if content_type != _PAYLOAD:
        raise NotaryUnreadable(f"what it signs is {str(content_type)[:150]!r}, not {_PAYLOAD!r}")
    if not chain:
        raise NotaryUnreadable("it names no certificate")
    try:
        signer = read_certificate(chain[0])
    except CertificateUnreadable as error:
        raise NotaryUnreadable(f"its certificate cannot be read: {error}") from error
    target = _json(payload, "the payload").get("targetArtifact")
    if not isinstance(target, dict) or not _text(target.get("digest")):
        raise NotaryUnreadable("the payload names no artifact")
    return NotarySignature(
        envelope=envelope,
        target=_text(target.get("digest")),
        algorithm=algorithm,
        scheme=_text(protected.get(_SCHEME)),
        agent=agent,
        signed_at=next((at for name in _TIMES if (at := _time(protected.get(name)))), None),
        expires_at=_time(protected.get(_EXPIRY)),
        signer=signer,
    )


def _time(value: object) -> datetime | None:
    """RFC 3339 text in JWS, seconds since 1970 in COSE."""
    try:
        match value:
            case str():
                moment = datetime.fromisoformat(value)
            case Tagged(number=1, value=int() as seconds) | (int() as seconds):
                moment = datetime.fromtimestamp(seconds, UTC)
            case _:
                return None
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _json(content: bytes, where: str) -> Mapping[str, Any]:
    try:
        return parse_object(content)
    except ManifestInvalid as error:
        raise NotaryUnreadable(f"{where} is {error.reason}") from error


def _text(value: object) -> str:
    return value[:500] if isinstance(value, str) else ""


def _base64url(value: object, name: str) -> bytes:
    if not isinstance(value, str):
        raise NotaryUnreadable(f"{name} is missing or no text")
    try:
        padded = value + "=" * (-len(value) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotaryUnreadable(f"{name} is not base64url") from error


def _base64(value: object) -> bytes:
    try:
        return base64.b64decode(value, validate=True) if isinstance(value, str) else b""
    except (binascii.Error, ValueError) as error:
        raise NotaryUnreadable("a certificate is not base64") from error
