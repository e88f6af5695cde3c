"""What an index lists beside its images to speak of them, as BuildKit and ``docker buildx`` do.

Such an entry has no subject: its annotations say what it is about.

Source: BuildKit, "docs/attestations/attestation-storage.md".
"""

from typing import Final

from artifacts.oci.descriptors import Descriptor
from artifacts.oci.digest import Digest
from artifacts.oci.errors import DigestInvalid

_TYPE: Final = "vnd.docker.reference.type"
_DIGEST: Final = "vnd.docker.reference.digest"
_ATTESTATION: Final = "attestation-manifest"


def is_about(entry: Descriptor) -> bool:
    """Whether it speaks of something, and is no image itself."""
    return _TYPE in entry.annotations


def is_attestation(entry: Descriptor) -> bool:
    return entry.annotations.get(_TYPE) == _ATTESTATION


def about(entry: Descriptor) -> str:
    """The digest that an entry speaks of; empty for what stands for itself, and for what names
    no digest."""
    try:
        return str(Digest.parse(entry.annotations[_DIGEST])) if is_about(entry) else ""
    except (KeyError, DigestInvalid):
        return ""
