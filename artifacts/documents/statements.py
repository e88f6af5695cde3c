"""What an attestation states: an in-toto statement, in whichever wrapping.

Source: in-toto attestation v1, "statement.md"; SLSA provenance v0.2 and v1; the DSSE protocol;
sigstore's protobuf-specs, "sigstore_bundle.proto".
"""

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from artifacts.documents.opening import NotShown, State, json_objects

MAX_SUBJECTS: Final = 100
MAX_MATERIALS: Final = 500
_MAX_TEXT: Final = 500
_FOR_BASE64: Final = str.maketrans("-_", "+/", "\r\n")
_SLSA = "https://slsa.dev/provenance/"


@dataclass(frozen=True, slots=True)
class Named:
    """A subject, or a material: what it is called, and its digest."""

    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who built it, how, and from what: what SLSA's provenance says."""

    builder: str
    build_type: str
    invocation: str
    started: str
    finished: str
    materials: Sequence[Named]
    materials_left_out: int = 0


@dataclass(frozen=True, slots=True)
class Statement:
    predicate_type: str
    subjects: Sequence[Named]
    predicate: Any
    document: Mapping[str, Any]
    provenance: Provenance | None = None
    subjects_left_out: int = 0


def statement_of(document: Mapping[str, Any]) -> Statement | None:
    """The statement in JSON that was parsed: as it is, in a DSSE envelope, or in a sigstore bundle.

    ``None`` when there is none. Raises ``NotShown`` when the wrapping holds what cannot be read.
    """
    for name in ("dsseEnvelope", "dsse_envelope"):  # ProtoJSON has both
        if isinstance(envelope := document.get(name), dict):
            document = envelope
    if isinstance(payload := document.get("payload"), str):
        document = json_objects(_decoded(payload))[0]
    predicate_type = _text(document, "predicateType")
    if not predicate_type:
        return None
    predicate = document.get("predicate")
    return Statement(
        predicate_type=predicate_type,
        subjects=list(islice(_named(document.get("subject")), MAX_SUBJECTS)),
        predicate=predicate,
        document=document,
        provenance=_provenance(predicate_type, _mapping(predicate)),
        subjects_left_out=_left_out(document.get("subject"), MAX_SUBJECTS),
    )


def _provenance(predicate_type: str, predicate: Mapping[str, Any]) -> Provenance | None:
    """Of both shapes: v1 has a ``buildDefinition``, v0.2 has everything at the top."""
    if not predicate_type.startswith(_SLSA):
        return None
    definition = _mapping(predicate.get("buildDefinition"))
    details = _mapping(predicate.get("runDetails"))
    metadata = _mapping(details.get("metadata") or predicate.get("metadata"))
    materials = definition.get("resolvedDependencies") or predicate.get("materials")
    return Provenance(
        builder=_text(_mapping(details.get("builder") or predicate.get("builder")), "id"),
        build_type=_text(definition, "buildType") or _text(predicate, "buildType"),
        invocation=_text(metadata, "invocationId") or _text(metadata, "buildInvocationId"),
        started=_text(metadata, "startedOn") or _text(metadata, "buildStartedOn"),
        finished=_text(metadata, "finishedOn") or _text(metadata, "buildFinishedOn"),
        materials=list(islice(_named(materials), MAX_MATERIALS)),
        materials_left_out=_left_out(materials, MAX_MATERIALS),
    )


def _named(value: Any) -> Iterator[Named]:
    for item in value if isinstance(value, list) else ():
        if isinstance(item, dict):
            digests = _mapping(item.get("digest")).items()
            named_digests = (
                f"{name}:{text}"[:_MAX_TEXT] for name, text in digests if isinstance(text, str)
            )
            yield Named(_text(item, "name") or _text(item, "uri"), next(named_digests, ""))


def _left_out(value: Any, limit: int) -> int:
    return max(0, len(value) - limit) if isinstance(value, list) else 0


def _decoded(payload: str) -> bytes:
    try:
        plain = payload.translate(_FOR_BASE64).rstrip("=")  # ProtoJSON may leave them out
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotShown(State.BROKEN, "is an envelope whose payload is not base64") from error


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    return value[:_MAX_TEXT] if isinstance(value, str) else ""
