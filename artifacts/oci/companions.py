"""Tags that speak about a manifest by their names: cosign's, and the spec's fallback.

``sha256-<hex>.sig``, ``.att`` and ``.sbom`` hold signatures, attestations and SBOMs;
``sha256-<hex>`` is the list of referrers that clients keep where a registry keeps none.

Source: cosign, "specs/SIGNATURE_SPEC.md" and "specs/SBOM_SPEC.md"; distribution-spec v1.1,
"Referrers Tag Schema".
"""

import re
from enum import StrEnum

from artifacts.oci.digest import Digest

SUFFIXES = ("", ".sig", ".att", ".sbom")

_COMPANION = re.compile(
    rf"(sha256|sha512)-([0-9a-f]{{64}})(?:{'|'.join(map(re.escape, SUFFIXES))})", re.ASCII
)
_COSIGN = re.compile(r"sha256-([0-9a-f]{64})\.(sig|att|sbom)", re.ASCII)


def companion_names(digest: str) -> list[str]:
    """Every tag of which ``digest`` is the subject."""
    algorithm, _, encoded = digest.partition(":")
    return [f"{algorithm}-{encoded[:64]}{suffix}" for suffix in SUFFIXES]


def subject_of(tag: str) -> str | None:
    """What the digest of the tag's subject begins with; ``None`` for an ordinary tag.

    That is the whole digest, but for sha512, whose digests are too long for a tag.
    """
    match = _COMPANION.fullmatch(tag)
    return f"{match[1]}:{match[2]}" if match else None


def beginning_of(digest: str) -> str:
    """What ``subject_of`` says of the companions of a digest."""
    algorithm, _, encoded = digest.partition(":")
    return f"{algorithm}:{encoded[:64]}"


class Suffix(StrEnum):
    SIGNATURE = "sig"
    ATTESTATION = "att"
    SBOM = "sbom"


def companion_tags(digest: Digest) -> dict[str, Suffix]:
    """The tags that speak about a manifest. None for sha512: they would be too long for tags."""
    if digest.algorithm != "sha256":
        return {}
    return {f"sha256-{digest.hex}.{suffix}": suffix for suffix in Suffix}


def cosign_subject(tag: str) -> Digest | None:
    """The manifest that a tag of cosign's speaks about; ``None`` for every other tag."""
    match = _COSIGN.fullmatch(tag)
    return Digest("sha256", match[1]) if match else None


def referrers_tag(digest: Digest) -> str:
    """The tag that held a subject's referrers before there was an API.

    Source: distribution-spec v1.1, "Referrers Tag Schema".
    """
    return f"{digest.algorithm[:32]}-{digest.hex[:64]}"
