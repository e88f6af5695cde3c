"""Tell whether a manifest can be nothing but a proof: a signature, an attestation, an SBOM.

Types are what a pusher says they are, and clients run an image whose layer is called an SBOM. So
everything is named here that a proof is made of; what is not named is none.
"""

import codecs
import contextlib
import re
from typing import Final

from artifacts.kinds.kinds import EMPTY_CONFIG, OCI_CONFIG, SIGSTORE_BUNDLE
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.media_types import OCI_MANIFEST
from artifacts.signatures.claims import DSSE, IN_TOTO, SIMPLE_SIGNING
from artifacts.signatures.notary import COSE, JOSE, NOTARY, is_notary_signature

END_BYTES: Final = 1024  # of each end of a content, which are looked at
MAX_LAYERS: Final = 100
MAX_COSE_BYTES: Final = 256 * 1024

_NAMED: Final = (EMPTY_CONFIG, OCI_CONFIG, NOTARY)  # what cosign keeps under tags borrows OCI's
_COSIGN: Final = re.compile(r"application/vnd\.dev\.cosign\.artifact\.(?:sig|att|sbom)\.v1\+json")
_TEXTS: Final = frozenset(
    {
        SIMPLE_SIGNING,
        DSSE,
        IN_TOTO,
        JOSE,
        "text/spdx",
        "text/spdx+json",
        "text/spdx+xml",
        "application/spdx",
        "application/spdx+json",
        "application/vnd.cyclonedx",
        "application/vnd.cyclonedx+json",
        "application/vnd.cyclonedx+xml",
        "application/vnd.syft+json",
    }
)
_STRING: Final = r'"(?:[^"\\\x00-\x1f]|\\.)*+"'
_BEGINNING_OF_OBJECT: Final = re.compile(rf"\{{\s*+(?:\}}\s*+$|{_STRING}\s*+:)", re.DOTALL)
_JSON_CUT_OFF: Final = re.compile(
    rf"(?:[\s{{}}\[\]:,]|{_STRING}|-?\d[\d.eE+-]*+|true|false|null)*+"
    r'(?:"(?:[^"\\\x00-\x1f]|\\.)*+\\?|-|t|tr|tru|f|fa|fal|fals|n|nu|nul)?',
    re.DOTALL,
)
_XML: Final = re.compile(r"<\?xml\s|<(?:\w+:)?(?:bom|RDF|Document|SpdxDocument)[\s>]", re.ASCII)
_SPDX: Final = "SPDXVersion:"
_CHECKSUM: Final = slice(148, 156)
_TAR_BLOCK: Final = 512
_OCTAL: Final = re.compile(rb"[ \x00]*([0-7]*)")


def has_types_of_a_proof(document: ManifestDocument) -> bool:
    """Whether the manifest is of proofs alone, by the types it names."""
    if document.media_type != OCI_MANIFEST or not 0 < len(document.layers) <= MAX_LAYERS:
        return False
    return _is_config(document.config_media_type) and all(
        is_proof_type(layer.media_type) for layer in document.layers
    )


def is_proof_type(media_type: str) -> bool:
    return media_type in _TEXTS or media_type == COSE or bool(SIGSTORE_BUNDLE.fullmatch(media_type))


def reads_like_a_proof(media_type: str, first: bytes, last: bytes, size: int) -> bool:
    """Whether a content is what its type promises, by its ends.

    Args:
        media_type: of the layer or the config; one that a proof may have.
        first, last: ``END_BYTES`` of each end, fewer where ``size`` is smaller. Of COSE, which
            has no text, ``first`` is the whole, up to ``MAX_COSE_BYTES``.
        size: of the content, in bytes.
    """
    if media_type == COSE:
        return len(first) == size and is_notary_signature(COSE, first)
    if _is_tar_header(first[:_TAR_BLOCK]):
        return False
    text = _text(first, is_whole=len(first) == size)
    return text is not None and _is_document(text) and _is_end_of_text(last)


def _is_config(media_type: str) -> bool:
    return (
        media_type in _NAMED
        or bool(_COSIGN.fullmatch(media_type))
        or (media_type != COSE and is_proof_type(media_type))
    )


def _text(data: bytes, *, is_whole: bool) -> str | None:
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(data, final=is_whole)
    except UnicodeDecodeError:
        return None
    return None if "\x00" in text else text.lstrip(" \t\r\n")


def _is_end_of_text(data: bytes) -> bool:
    """Archives that may begin with anything have their directory at the end."""
    if b"\x00" in data:
        return False
    for cut in range(4):  # it may begin within a character
        try:
            data[cut:].decode()
        except UnicodeDecodeError:
            continue
        return True
    return False


def _is_document(text: str) -> bool:
    if text.startswith("{"):
        begins = _BEGINNING_OF_OBJECT.match(text)
        return bool(begins and _JSON_CUT_OFF.fullmatch(text))
    return text.startswith(_SPDX) or bool(_XML.match(text))


def _is_tar_header(block: bytes) -> bool:
    """Whether any reader of tar archives would believe it: a header can be all text.

    Readers differ in where the field of the checksum ends, and in whether bytes have signs.
    """
    if len(block) < _TAR_BLOCK:
        return False
    field = block[_CHECKSUM]
    leading = _OCTAL.match(field)
    stated = {int(leading[1] or b"0", 8) if leading else 0}
    with contextlib.suppress(ValueError):  # that reader refuses it
        stated.add(int(field.partition(b"\x00")[0].strip(b" \x00") or b"0", 8))
    blank = block[: _CHECKSUM.start] + b" " * 8 + block[_CHECKSUM.stop :]
    signed = sum(byte - 256 if byte > 127 else byte for byte in blank)
    return not stated.isdisjoint({sum(blank), signed})
