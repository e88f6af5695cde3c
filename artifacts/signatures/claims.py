"""What one layer of a signature or attestation says, and what its signatures are made over.

Everything here comes from whoever may push. Reading checks the form only; ``verdicts`` checks
whether it is true.

Source: cosign, "specs/SIGNATURE_SPEC.md" and "specs/ATTESTATION_SPEC.md"; the DSSE protocol;
in-toto attestation v0.1 and v1; sigstore's protobuf-specs, "sigstore_bundle.proto", v0.1 to v0.3.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from artifacts.kinds.kinds import COSIGN_SIGN, SIGSTORE_BUNDLE
from artifacts.oci.digest import Digest
from artifacts.oci.errors import DigestInvalid, ManifestInvalid
from artifacts.oci.strict_json import parse_object

MAX_CONTENT_BYTES = 4 * 1024 * 1024
MAX_SIGNATURES = 8
MAX_SUBJECTS = 1000

SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
DSSE = "application/vnd.dsse.envelope.v1+json"
IN_TOTO = "application/vnd.in-toto+json"

_SIGNATURE = "dev.cosignproject.cosign/signature"
_CERTIFICATE = "dev.sigstore.cosign/certificate"
_SIMPLE_TYPE = "cosign container image signature"
_STATEMENTS = frozenset({"https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1"})
_HEX = re.compile(r"[0-9a-f]{64}|[0-9a-f]{128}", re.ASCII)
_LONGEST_SHOWN = 150


class Malformed(ValueError):
    """The content is not what its type promises. One sentence for a person."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing that somebody signed.

    ``message`` is what the signatures are made over; ``None`` where that is the subject's own
    bytes. ``predicate_type`` is empty for a plain signature. ``hint`` names the key, if anything.
    """

    subjects: frozenset[str]
    message: bytes | None
    signatures: tuple[bytes, ...]
    predicate_type: str = ""
    hint: str = ""
    has_certificate: bool = False

    @property
    def is_signature(self) -> bool:
        """Whether it says "this is ours" and no more. An attestation may say that it is broken."""
        return self.predicate_type in ("", COSIGN_SIGN)


def can_hold_a_claim(media_type: str) -> bool:
    return media_type in (SIMPLE_SIGNING, DSSE) or bool(SIGSTORE_BUNDLE.fullmatch(media_type))


def read_claim(media_type: str, annotations: Mapping[str, str], content: bytes) -> Claim:
    """What a layer says.

    Args:
        media_type: of the layer; one that ``can_hold_a_claim``.
        annotations: of the layer's descriptor, where cosign keeps older signatures.
        content: at most ``MAX_CONTENT_BYTES``.

    Raises:
        Malformed: with what is wrong.
    """
    if len(content) > MAX_CONTENT_BYTES:
        raise Malformed(f"larger than {MAX_CONTENT_BYTES} bytes")
    try:
        value = parse_object(content)
    except ManifestInvalid as error:
        raise Malformed(f"the payload is {error.reason}") from error
    if media_type == SIMPLE_SIGNING:
        return _simple_signing(value, annotations, content)
    if media_type == DSSE:
        return _envelope(value, has_certificate=_CERTIFICATE in annotations)
    return _bundle(value)


def _simple_signing(
    value: Mapping[str, Any], annotations: Mapping[str, str], content: bytes
) -> Claim:
    critical = _object(value, "critical")
    if (kind := critical.get("type")) != _SIMPLE_TYPE:
        raise Malformed(f"critical.type is {_shown(kind)}, not {_SIMPLE_TYPE!r}")
    digest = _object(critical, "image").get("docker-manifest-digest")
    try:
        subject = Digest.parse(digest if isinstance(digest, str) else "")
    except DigestInvalid as error:
        raise Malformed(f"docker-manifest-digest is {_shown(digest)}, not a digest") from error
    signature = annotations.get(_SIGNATURE, "")
    if not signature:
        raise Malformed(f"the layer has no annotation {_SIGNATURE}")
    return Claim(
        subjects=frozenset({str(subject)}),
        message=content,
        signatures=(_base64(signature, _SIGNATURE),),
        has_certificate=_CERTIFICATE in annotations,
    )


def _bundle(value: Mapping[str, Any]) -> Claim:
    kind = value.get("mediaType")
    if not isinstance(kind, str) or not SIGSTORE_BUNDLE.fullmatch(kind):
        raise Malformed(f"mediaType is {_shown(kind)}, not that of a sigstore bundle")
    material = _object(value, "verificationMaterial")
    has_certificate = "certificate" in material or "x509CertificateChain" in material
    hint = ""
    if "publicKey" in material:
        hint = _string(_object(material, "publicKey"), "hint", default="")
    if ("dsseEnvelope" in value) == ("messageSignature" in value):
        raise Malformed("a bundle has either dsseEnvelope or messageSignature")
    if "dsseEnvelope" in value:
        envelope = _object(value, "dsseEnvelope")
        return _envelope(envelope, hint=hint, has_certificate=has_certificate)
    signed = _object(value, "messageSignature")
    signature = _base64(_string(signed, "signature"), "messageSignature.signature")
    return Claim(
        subjects=frozenset(),
        message=None,
        signatures=(signature,),
        hint=hint,
        has_certificate=has_certificate,
    )


def _envelope(value: Mapping[str, Any], *, hint: str = "", has_certificate: bool = False) -> Claim:
    if (kind := value.get("payloadType")) != IN_TOTO:
        raise Malformed(f"payloadType is {_shown(kind)}, not {IN_TOTO!r}")
    payload = _base64(_string(value, "payload"), "payload")
    signatures = _list(value, "signatures", at_most=MAX_SIGNATURES)
    try:
        statement = parse_object(payload)
    except ManifestInvalid as error:
        raise Malformed(f"the statement is {error.reason}") from error
    if (form := statement.get("_type")) not in _STATEMENTS:
        raise Malformed(f"_type is {_shown(form)}, not that of an in-toto statement")
    if not (predicate_type := _string(statement, "predicateType")):
        raise Malformed("predicateType is empty")
    return Claim(
        subjects=_subjects(statement),
        message=_pre_authentication_encoding(IN_TOTO, payload),
        signatures=tuple(_base64(_string(_dict(one), "sig"), "sig") for one in signatures),
        predicate_type=predicate_type,
        hint=hint,
        has_certificate=has_certificate,
    )


def _subjects(statement: Mapping[str, Any]) -> frozenset[str]:
    found = set()
    for subject in _list(statement, "subject", at_most=MAX_SUBJECTS):
        for algorithm, value in _object(_dict(subject), "digest").items():
            if (
                algorithm in ("sha256", "sha512")
                and isinstance(value, str)
                and _HEX.fullmatch(value)
            ):
                found.add(f"{algorithm}:{value}")
    return frozenset(found)


def _pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """PAE of the DSSE protocol, version 1."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _dict(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Malformed(f"{_shown(value)} stands where an object should")
    return value


def _object(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    if not isinstance(value.get(name), dict):
        raise Malformed(f"{name} is missing or no object")
    return _dict(value[name])


def _list(value: Mapping[str, Any], name: str, *, at_most: int) -> list[Any]:
    items = value.get(name)
    if not isinstance(items, list) or not items:
        raise Malformed(f"{name} is missing, empty or no list")
    if len(items) > at_most:
        raise Malformed(f"{name} has {len(items)} entries; at most {at_most} are read")
    return items


def _string(value: Mapping[str, Any], name: str, default: str | None = None) -> str:
    text = value.get(name, default)
    if not isinstance(text, str):
        raise Malformed(f"{name} is missing or no string")
    return text


def _base64(text: str, name: str) -> bytes:
    """Standard or URL-safe alphabet: DSSE allows both."""
    try:
        return base64.b64decode(text.translate(_URL_SAFE), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed(f"{name} is not base64") from error


_URL_SAFE = str.maketrans("-_", "+/")


def _shown(value: object) -> str:
    return repr(value)[:_LONGEST_SHOWN]
