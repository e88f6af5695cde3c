"""The tags that cosign keeps signatures, attestations and SBOMs under: ``sha256-<hex>.sig``.

Source: cosign, "specs/SIGNATURE_SPEC.md" and "specs/SBOM_SPEC.md".
"""

import re
from enum import StrEnum

from artifacts.oci.digest import Digest

_TAG = re.compile(r"sha256-([0-9a-f]{64})\.(sig|att|sbom)", re.ASCII)


class Suffix(StrEnum):
    SIGNATURE = "sig"
    ATTESTATION = "att"
    SBOM = "sbom"


def companion_tags(digest: Digest) -> dict[str, Suffix]:
    """The tags that speak about a manifest. None for sha512: they would be too long for tags."""
    if digest.algorithm != "sha256":
        return {}
    return {f"sha256-{digest.hex}.{suffix}": suffix for suffix in Suffix}


def subject_of(tag: str) -> Digest | None:
    """The manifest a companion tag speaks about; ``None`` for every other tag."""
    match = _TAG.fullmatch(tag)
    return Digest("sha256", match[1]) if match else None
