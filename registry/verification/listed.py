"""Indexes that list a manifest, and what they say about it or about what speaks of it."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from django.db.models import Q

from artifacts.images.references import about, is_attestation
from artifacts.oci.descriptors import Descriptor
from artifacts.oci.errors import ManifestInvalid
from artifacts.oci.media_types import INDEXES
from registry.manifests.models import Manifest, ManifestChild, ManifestQuerySet
from registry.repositories.models import Repository

MAX_INDEXES: Final = 50  # that are looked into at once, the newest
MAX_INDEX_BYTES: Final = 128 * 1024
MAX_NESTING: Final = 3


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
    here = Manifest.objects.present().filter(repository=repository.id)
    indexes = here.filter(Q(digest__in=digests) | Q(pk__in=list(parents)))
    by_subject: dict[str, dict[str, None]] = defaultdict(dict)
    for digest, entry in _entries_of(indexes):
        if is_attestation(entry):
            for subject in {digest, about(entry)}.intersection(digests):
                by_subject[subject][str(entry.digest)] = None
    return by_subject


def listed_subject(repository: Repository, digest: str, *, indexes: Sequence[str]) -> str:
    """What the newest of these indexes says that a manifest speaks of; empty for nothing."""
    if not indexes:
        return ""
    rows = Manifest.objects.present().filter(repository=repository.id, digest__in=indexes)
    entries = (entry for _, entry in _entries_of(rows) if str(entry.digest) == digest)
    return next(filter(None, map(about, entries)), "")


def _entries_of(rows: ManifestQuerySet) -> Iterator[tuple[str, Descriptor]]:
    """What the newest of these indexes list, each with the digest of its index."""
    small = rows.filter(media_type__in=INDEXES, size__lte=MAX_INDEX_BYTES).order_by("-pk")
    for index in small.only("digest", "body", "media_type")[:MAX_INDEXES]:
        try:
            document = index.document
        except ManifestInvalid:  # stored under older, laxer rules
            continue
        for entry in document.manifests:
            yield index.digest, entry


def indexes_above(
    repository: Repository, digests: Collection[str], *, edges: int
) -> Mapping[str, Collection[str]]:
    """Indexes that list each of the manifests, or list one that does: the nearest first.

    Args:
        edges: how many are followed from one level to the next, those of the newest indexes.
    """
    above: dict[str, dict[str, None]] = defaultdict(dict)
    below = {digest: {digest} for digest in digests}  # a manifest -> what it leads to
    for _ in range(MAX_NESTING):
        parents = ManifestChild.objects.filter(
            child_digest__in=below, parent__repository=repository.id, parent__deleted_at=None
        )
        level: dict[str, set[str]] = defaultdict(set)
        rows = parents.order_by("-parent").values_list("child_digest", "parent__digest")
        for child, parent in rows[:edges]:
            level[parent] |= below[child]
        for parent, leads_to in sorted(level.items()):
            for digest in leads_to:
                above[digest].setdefault(parent)
        if not level:
            break
        below = level
    return above
