"""What one layer of a signature or attestation says, and what its signatures are made over.

Everything here comes from whoever may push. Reading checks the form only; ``verdicts`` checks
whether it is true. What cosign reads is read, in every spelling that cosign takes.

Source: cosign, "specs/SIGNATURE_SPEC.md" and "specs/ATTESTATION_SPEC.md", and its package
"pkg/cosign"; the DSSE protocol; in-toto attestation v0.1 and v1; sigstore's protobuf-specs,
"sigstore_bundle.proto", v0.1 to v0.3, in ProtoJSON.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from artifacts.kinds.kinds import COSIGN_SIGN, SIGSTORE_BUNDLE
from artifacts.oci.digest import Digest
from artifacts.oci.errors import DigestInvalid
from artifacts.signatures.certificates import CertificateUnreadable, read_certificate
from artifacts.signatures.go_json import Ambiguous, NotJson, member, read_object, spellings

MAX_CONTENT_BYTES = 4 * 1024 * 1024
MAX_SIGNATURES = 100
MAX_SUBJECTS = 1024

SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
DSSE = "application/vnd.dsse.envelope.v1+json"
IN_TOTO = "application/vnd.in-toto+json"

_SIGNATURE = "dev.cosignproject.cosign/signature"
_CERTIFICATE = "dev.sigstore.cosign/certificate"
_STATEMENT = "https://in-toto.io/Statement/"
_VERSION = re.compile(
    r"application/vnd\.dev\.sigstore\.bundle"
    r"(?:\+json;version=0\.[123]|\.v0\.[0-3](?:\.\d+)?\+json)",
    re.ASCII,
)
_HEX = re.compile(r"[0-9a-f]{64}|[0-9a-f]{128}", re.ASCII)
_LONGEST_SHOWN = 150


@dataclass(frozen=True, slots=True)
class Base64:
    """How a text may be spelled; line breaks are left out of all of them, as Go does."""

    may_be_for_addresses: bool = False
    may_lack_padding: bool = False


_STANDARD = Base64()
_DSSE = Base64(may_be_for_addresses=True)
_PROTOJSON = Base64(may_be_for_addresses=True, may_lack_padding=True)


class Malformed(ValueError):
    """The content is not what its type promises. One sentence for a person."""


class Unknown(ValueError):
    """The content may well be what its type promises, but is not read here. One sentence."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing that somebody signed.

    ``message`` is what the signatures are made over; ``None`` where that is the subject's own
    bytes. ``predicate_type`` is empty for a plain signature. ``hint`` names the key, if anything.
    ``signer`` is what a certificate says of itself, which nobody here has checked.
    """

    subjects: frozenset[str]
    message: bytes | None
    signatures: tuple[bytes, ...]
    predicate_type: str = ""
    hint: str = ""
    has_certificate: bool = False
    signer: str = ""

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
        Unknown: with what it is instead, or why it is not read.
    """
    if len(content) > MAX_CONTENT_BYTES:
        raise Unknown(f"it is larger than {MAX_CONTENT_BYTES} bytes")
    try:
        value = read_object(content)
        if media_type == SIMPLE_SIGNING:
            return _simple_signing(value, annotations, content)
        if media_type == DSSE:
            signer = _signer(annotations.get(_CERTIFICATE, "").encode())
            return _envelope(
                value, _DSSE, has_certificate=bool(annotations.get(_CERTIFICATE)), signer=signer
            )
        return _bundle(value)
    except NotJson as error:
        raise Malformed(str(error)) from error
    except Ambiguous as error:
        raise Unknown(f"it can be read in more than one way: {error}") from error


def _simple_signing(
    value: Mapping[str, Any], annotations: Mapping[str, str], content: bytes
) -> Claim:
    """cosign looks at the digest only; the rest has to be of the right kinds, or missing."""
    critical = member(value, "critical", dict)
    member(member(critical, "identity", dict), "docker-reference", str)
    member(critical, "type", str)
    member(value, "optional", dict)
    digest = member(member(critical, "image", dict), "docker-manifest-digest", str)
    try:
        subject = Digest.parse(digest)
    except DigestInvalid as error:
        raise Malformed(f"docker-manifest-digest is {_shown(digest)}, not a digest") from error
    signature = annotations.get(_SIGNATURE, "")
    if not signature:
        raise Malformed(f"the layer has no annotation {_SIGNATURE}")
    certificate = annotations.get(_CERTIFICATE, "")
    return Claim(
        subjects=frozenset({str(subject)}),
        message=content,
        signatures=(_base64(signature, _SIGNATURE, _STANDARD),),
        has_certificate=bool(certificate),
        signer=_signer(certificate.encode()),
    )


def _bundle(value: Mapping[str, Any]) -> Claim:
    kind = _field(value, "mediaType", str)
    if not SIGSTORE_BUNDLE.fullmatch(kind):
        raise Malformed(f"mediaType is {_shown(kind)}, not that of a sigstore bundle")
    if not _VERSION.fullmatch(kind):
        raise Unknown(f"bundles of the kind {_shown(kind)} are not known here")
    material = _field(value, "verificationMaterial", dict)
    certificate = _certificate(material)
    if certificate is None and not _present(material, "publicKey"):
        raise Malformed("verificationMaterial has neither a public key nor a certificate")
    hint = _field(_field(material, "publicKey", dict), "hint", str)
    envelope, signed = (_field(value, one, dict) for one in ("dsseEnvelope", "messageSignature"))
    if bool(envelope) == bool(signed):
        raise Malformed("a bundle has either dsseEnvelope or messageSignature")
    has_certificate = certificate is not None
    signer = _signer(certificate or b"")
    if envelope:
        if len(_field(envelope, "signatures", list)) > 1:
            raise Malformed("a bundle has more than one signature")
        return _envelope(
            envelope, _PROTOJSON, hint=hint, has_certificate=has_certificate, signer=signer
        )
    return Claim(
        subjects=frozenset(),
        message=None,
        signatures=(_base64(_field(signed, "signature", str), "signature", _PROTOJSON),),
        hint=hint,
        has_certificate=has_certificate,
        signer=signer,
    )


def _certificate(material: Mapping[str, Any]) -> bytes | None:
    """The signer's, in DER; empty when it is not base64, ``None`` when there is none."""
    chain = _field(_field(material, "x509CertificateChain", dict), "certificates", list)
    one = _field(material, "certificate", dict) or next(
        (entry for entry in chain if isinstance(entry, dict)), None
    )
    if not one:
        is_there = _present(material, "certificate") or _present(material, "x509CertificateChain")
        return b"" if is_there else None
    try:
        return _base64(_field(one, "rawBytes", str), "rawBytes", _PROTOJSON)
    except Malformed:
        return b""


def _envelope(
    value: Mapping[str, Any],
    spelling: Base64,
    *,
    hint: str = "",
    has_certificate: bool = False,
    signer: str = "",
) -> Claim:
    kind = _field(value, "payloadType", str)
    payload = _base64(_field(value, "payload", str), "payload", spelling)
    signatures = _field(value, "signatures", list)
    if not signatures:
        raise Malformed("signatures is missing or empty")
    if len(signatures) > MAX_SIGNATURES:
        raise Unknown(f"it has {len(signatures)} signatures; at most {MAX_SIGNATURES} are read")
    signature_values = tuple(
        _base64(_field(_dict(one), "sig", str), "sig", spelling) for one in signatures
    )
    if kind != IN_TOTO:
        raise Unknown(f"what it signs is of the type {_shown(kind)}, which names no manifest")
    statement = _statement(payload)
    if not (predicate_type := _field(statement, "predicateType", str)):
        raise Malformed("predicateType is missing or empty")
    return Claim(
        subjects=_subjects(statement),
        message=_pre_authentication_encoding(kind, payload),
        signatures=signature_values,
        predicate_type=predicate_type,
        hint=hint,
        has_certificate=has_certificate,
        signer=signer,
    )


def _statement(payload: bytes) -> Mapping[str, Any]:
    try:
        statement = read_object(payload)
    except NotJson as error:
        raise Malformed(f"in its statement, {error}") from error
    form = member(statement, "_type", str)
    if not form.startswith(_STATEMENT) and not spellings(statement, "subject"):
        raise Unknown(f"what it signs is of the type {_shown(form)}, which names no manifest")
    return statement


def _subjects(statement: Mapping[str, Any]) -> frozenset[str]:
    subjects = _field(statement, "subject", list)
    if not subjects:
        raise Malformed("subject is missing or empty")
    if len(subjects) > MAX_SUBJECTS:
        raise Unknown(f"it is about {len(subjects)} subjects; at most {MAX_SUBJECTS} are read")
    return frozenset(
        f"{algorithm}:{value}"
        for subject in subjects
        for algorithm, value in _field(_dict(subject), "digest", dict).items()
        if algorithm in ("sha256", "sha512") and isinstance(value, str) and _HEX.fullmatch(value)
    )


def _pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """PAE of the DSSE protocol, version 1."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _dict(value: Any) -> dict[str, Any]:
    """An object of a list; ``null`` is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Malformed(f"{_shown(value)} stands where an object should")
    return value


def _present(value: Mapping[str, Any], name: str) -> list[str]:
    """The spellings of a name that are there: ProtoJSON takes ``dsse_envelope`` as well."""
    snake = re.sub("[A-Z]", lambda letter: f"_{letter[0]}", name).lower()
    names = (one for form in dict.fromkeys((name, snake)) for one in spellings(value, form))
    return [one for one in names if value[one] is not None]


def _field(value: Mapping[str, Any], name: str, kind: type[Any]) -> Any:
    present = _present(value, name)
    if len(present) > 1:
        raise Ambiguous(f"{name} stands twice in one object")
    return member(value, present[0] if present else name, kind)


def _base64(text: str, name: str, spelling: Base64) -> bytes:
    plain = text.replace("\r", "").replace("\n", "")
    if spelling.may_be_for_addresses and "+" not in plain and "/" not in plain:
        plain = plain.translate(_FOR_ADDRESSES)
    if spelling.may_lack_padding and len(text) % 4 and "=" not in plain:
        plain += "=" * (-len(plain) % 4)
    try:
        return base64.b64decode(plain, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed(f"{name} is not base64") from error


_FOR_ADDRESSES = str.maketrans("-_", "+/")


def _signer(certificate: bytes) -> str:
    if not certificate:
        return ""
    try:
        return str(read_certificate(certificate))
    except CertificateUnreadable:
        return ""


def _shown(value: object) -> str:
    return repr(value)[:_LONGEST_SHOWN]
