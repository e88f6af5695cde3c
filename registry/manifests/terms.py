"""What a push asks for its tags: read from annotations, labels, and the images of an index."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from artifacts.images.config import MAX_CONFIG_BYTES, labels_in, labels_of
from artifacts.images.references import is_about
from artifacts.kinds.kinds import IMAGE_CONFIGS, Kind
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import BlobUnknown
from artifacts.oci.expiry import agreed_labels
from artifacts.oci.media_types import ANY_MANIFESTS
from registry.blobs.services import find_blob, read_blob
from registry.manifests.models import Manifest
from registry.repositories.models import Repository

_ABOUT_IMAGES = frozenset({Kind.ATTESTATION, Kind.SIGNATURE, Kind.SBOM})


@dataclass(frozen=True, slots=True)
class HeldBlob:
    """A blob as the repository of a push holds it; its link is locked."""

    link_id: int
    size: int


def labels_of_image(
    document: ManifestDocument, *, repository: Repository, now: datetime
) -> Mapping[str, str]:
    """The labels of an image's config. A config that cannot be read has none.

    For before the transaction of a push, which finds out itself what is not here or goes
    meanwhile: until then that has no labels either. Raises ``StorageUnavailable``.
    """
    if document.inline_config is not None:
        return labels_in(document.inline_config)
    config = document.config
    if config is None or document.config_media_type not in IMAGE_CONFIGS:
        return {}
    try:
        blob = find_blob(repository=repository, digest=config.digest, now=now)
        if blob.size > MAX_CONFIG_BYTES:
            return {}
        return labels_of(b"".join(read_blob(blob=blob, start=0, length=blob.size, now=now)))
    except BlobUnknown:
        return {}


def labels_of_index(
    document: ManifestDocument, children: Iterable[Manifest]
) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """What the images of an index ask for alike, and warnings about what only some do."""
    here = {child.digest: child for child in children}
    labels: list[Mapping[str, str]] = []
    for entry in document.manifests:
        child = here.get(str(entry.digest))
        if is_about(entry) or (child and child.kind in _ABOUT_IMAGES):
            continue
        if child is None and entry.media_type not in ANY_MANIFESTS:
            continue  # a blob
        labels.append({**child.labels, **child.annotations} if child else {})
    return agreed_labels(labels)
