"""What a push asks for its tags: read from annotations, labels, and the images of an index."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from artifacts.images.labels import MAX_CONFIG_BYTES, labels_in, labels_of
from artifacts.kinds.kinds import IMAGE_CONFIGS, Kind
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.expiry import agreed_labels
from registry.manifests.models import Manifest
from registry.storage.base import BytesMissing, StorageUnavailable
from registry.storage.select import blob_store

logger = logging.getLogger(__name__)

# What BuildKit writes on the entries of an index that describe an image beside them.
REFERENCE_TYPE = "vnd.docker.reference.type"
_ABOUT_IMAGES = frozenset({Kind.ATTESTATION, Kind.SIGNATURE, Kind.SBOM})


@dataclass(frozen=True, slots=True)
class HeldBlob:
    """A blob as the repository of a push holds it; its link is locked."""

    link_id: int
    size: int
    storage_key: str


def labels_of_image(document: ManifestDocument, held: Mapping[str, HeldBlob]) -> Mapping[str, str]:
    """The labels of an image's config. A config that cannot be read has none."""
    if document.schema1:
        newest = document.schema1.history[:1]
        return labels_in(newest[0]) if newest else {}
    if document.config is None or document.config_media_type not in IMAGE_CONFIGS:
        return {}
    config = held[str(document.config.digest)]
    if config.size > MAX_CONFIG_BYTES:
        return {}
    try:
        return labels_of(b"".join(blob_store().read(config.storage_key, 0, config.size)))
    except (BytesMissing, StorageUnavailable, OSError):
        logger.exception("cannot read the labels in %s", document.config.digest)
        return {}


def labels_of_index(
    document: ManifestDocument, children: Iterable[Manifest]
) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """What the images of an index ask for alike, and warnings about what only some do."""
    here = {child.digest: child for child in children}
    asked: list[Mapping[str, str]] = []
    for entry in document.manifests:
        child = here.get(str(entry.digest))
        if REFERENCE_TYPE in entry.annotations or (child and child.kind in _ABOUT_IMAGES):
            continue
        asked.append({**child.labels, **child.annotations} if child else {})
    return agreed_labels(asked)
