"""What an index lists beside its images to say something about them, as BuildKit writes it.

Source: BuildKit, "docs/attestations/attestation-storage.md".
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from artifacts.oci.descriptors import Descriptor
from artifacts.oci.digest import Digest
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import DigestInvalid
from registry.manifests.models import Manifest
from registry.manifests.terms import REFERENCE_DIGEST, REFERENCE_TYPE
from registry.repositories.models import Repository
from ui.contents.base import document_in
from ui.contents.referrers import IN_TOTO_PREDICATE, is_provenance, predicate_name
from ui.contents.text import shown

MAX_PARENTS_READ: Final = 5  # indexes that are searched for what they say about one manifest
MAX_INDEX_BYTES: Final = 256 * 1024
MAX_READ: Final = 50  # attestations whose layers are named on one page
_MAX_NAMES = 6


def about(entry: Descriptor) -> str:
    """The digest that an entry of an index speaks of; empty for what stands for itself, and
    for what names no digest."""
    try:
        return str(Digest.parse(entry.annotations[REFERENCE_DIGEST])) if is_about(entry) else ""
    except (KeyError, DigestInvalid):
        return ""


def is_about(entry: Descriptor) -> bool:
    return REFERENCE_TYPE in entry.annotations


def subject_in_indexes(repository: Repository, manifest: Manifest, parents: Sequence[str]) -> str:
    """What the newest indexes that list the manifest say it speaks of; empty for nothing."""
    if not parents:
        return ""
    indexes = Manifest.objects.present().filter(
        repository=repository.id,
        digest__in=parents[:MAX_PARENTS_READ],
        size__lte=MAX_INDEX_BYTES,
    )
    entries = (
        entry
        for index in indexes.only("body", "media_type", "size").order_by("-pk")
        for entry in _entries(document_in(index))
    )
    spoken_of = (about(entry) for entry in entries if str(entry.digest) == manifest.digest)
    return next((subject for subject in spoken_of if subject), "")


def _entries(document: ManifestDocument | None) -> Sequence[Descriptor]:
    return document.manifests if document else ()


def stated_by(repository: Repository, digests: Iterable[str]) -> Mapping[str, str]:
    """What each of these attestations states, in words; in one query."""
    rows = Manifest.objects.present().filter(repository=repository.id, digest__in=list(digests))
    found = rows.only("digest", "body", "media_type", "size").order_by("digest")[:MAX_READ]
    return {row.digest: statements_in(row) for row in found}


def statements_in(attestation: Manifest) -> str:
    """``SLSA provenance v1, SPDX (6)``: what the layers state, provenance first."""
    document = document_in(attestation)
    predicates = Counter(
        predicate
        for layer in (document.layers if document else ())
        if (predicate := layer.annotations.get(IN_TOTO_PREDICATE, ""))
    )
    names: Counter[str] = Counter()
    for predicate in sorted(predicates, key=lambda one: not is_provenance(one)):
        names[predicate_name(predicate)] += predicates[predicate]
    told = [
        f"{shown(name, 120)} ({count})" if count > 1 else shown(name, 120)
        for name, count in list(names.items())[:_MAX_NAMES]
    ]
    rest = len(names) - len(told)
    return ", ".join(told) + (f" and {rest} more" if rest > 0 else "")
