"""Attestations that an index lists beside its images, as BuildKit and `docker buildx` push them.

They have no subject: the annotations of their entries say what they are about.

Source: BuildKit, "docs/attestations/attestation-storage.md".
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Final

from django.db.models import Q

from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import ManifestInvalid
from artifacts.oci.media_types import INDEXES
from registry.manifests.models import Manifest, ManifestChild
from registry.manifests.terms import REFERENCE_DIGEST, REFERENCE_TYPE
from registry.repositories.models import Repository

MAX_INDEXES: Final = 50  # that are looked into at once, the newest
MAX_INDEX_BYTES: Final = 128 * 1024
_ATTESTATION: Final = "attestation-manifest"


def listed_attestations(
    repository: Repository, digests: Collection[str]
) -> Mapping[str, Collection[str]]:
    """By manifest, the digests of what indexes list as attestations of it, or of its images.

    An index has all that it lists so, an image what is about it. In two queries.
    """
    edges = ManifestChild.objects.filter(
        child_digest__in=digests, parent__repository=repository.id, parent__deleted_at=None
    )
    parents = edges.order_by("-parent").values_list("parent", flat=True)[:MAX_INDEXES]
    indexes = (
        Manifest.objects.present()
        .filter(repository=repository.id, media_type__in=INDEXES, size__lte=MAX_INDEX_BYTES)
        .filter(Q(digest__in=digests) | Q(pk__in=list(parents)))
        .order_by("-pk")
    )
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for digest, body, media_type in indexes.values_list("digest", "body", "media_type")[
        :MAX_INDEXES
    ]:
        for child, about in _attestations_in(bytes(body), media_type):
            for subject in {digest, about}.intersection(digests):
                found[subject][child] = None
    return found


def _attestations_in(body: bytes, media_type: str) -> list[tuple[str, str]]:
    """Each with what it is about."""
    try:
        document = ManifestDocument.parse(body, media_type)
    except ManifestInvalid:  # stored under older, laxer rules
        return []
    return [
        (str(entry.digest), entry.annotations.get(REFERENCE_DIGEST, ""))
        for entry in document.manifests
        if entry.annotations.get(REFERENCE_TYPE) == _ATTESTATION
    ]
