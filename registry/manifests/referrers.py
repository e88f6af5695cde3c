"""What refers to a manifest: by its own word, or by that of the fallback tag."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from artifacts.oci.companions import referrers_tag
from artifacts.oci.digest import Digest
from artifacts.oci.errors import ManifestInvalid
from artifacts.oci.media_types import INDEXES
from artifacts.text import kept_json
from registry.manifests.models import LISTED_BYTES, Manifest, ManifestQuerySet
from registry.manifests.reads import ResolvedManifest, manifest_at_tag
from registry.repositories.models import Repository


@dataclass(frozen=True, slots=True)
class ReferrersPage:
    descriptors: list[Mapping[str, Any]]
    has_more: bool


def referrers_page(
    *,
    repository: Repository,
    subject: Digest,
    artifact_type: str,
    after: str,
    size: int,
    size_bytes: int,
    now: datetime,
) -> ReferrersPage:
    """Descriptors of what refers to ``subject``, in the order of their digests.

    At most ``size``, of manifests that have ``size_bytes`` together, but one at least.
    Entries that clients kept under the fallback tag, before they saw this
    registry's API, are part of the list, as far as their manifests are here.

    Source: distribution-spec v1.1, "Listing Referrers" and "Enabling the Referrers API".
    """
    referrers = referrers_of(repository=repository, subject=subject, now=now)
    if artifact_type:
        referrers = referrers.filter(artifact_type=artifact_type)
    rows = list(referrers.filter(digest__gt=after).order_by("digest").for_lists()[: size + 1])
    descriptors: list[Mapping[str, Any]] = []
    for row in rows[:size]:
        size_bytes -= row.size
        if descriptors and size_bytes < 0:
            break
        descriptors.append(_descriptor(row))
    return ReferrersPage(descriptors, has_more=len(rows) > len(descriptors))


def referrer_digests(
    *, repository: Repository, subject: Digest, size: int, now: datetime
) -> tuple[list[str], bool]:
    """The first ``size`` digests of what refers to ``subject``, and whether there are more."""
    referrers = referrers_of(repository=repository, subject=subject, now=now)
    digests = list(referrers.order_by("digest").values_list("digest", flat=True)[: size + 1])
    return digests[:size], len(digests) > size


def referrers_of(*, repository: Repository, subject: Digest, now: datetime) -> ManifestQuerySet:
    """What refers to ``subject``, by its own word or by that of the fallback tag; not ordered."""
    referrers = Manifest.objects.filter(repository=repository.id).referrers_of(str(subject))
    listed = _fallback_digests(repository, subject, now)
    if not listed:
        return referrers
    return referrers | Manifest.objects.present().filter(
        repository=repository.id, digest__in=listed
    )


def _descriptor(manifest: Manifest) -> Mapping[str, Any]:
    descriptor: dict[str, Any] = {
        "mediaType": manifest.media_type,
        "digest": manifest.digest,
        "size": manifest.size,
    }
    if manifest.artifact_type:
        descriptor["artifactType"] = manifest.artifact_type
    # What lists leave out is read for this one alone: the page has room for it.
    brief = manifest.size <= LISTED_BYTES
    if annotations := manifest.annotations if brief else kept_json(manifest.annotations_json):
        descriptor["annotations"] = annotations
    return descriptor


def _fallback_digests(repository: Repository, subject: Digest, now: datetime) -> list[str]:
    """What the index under the fallback tag lists; nothing when the tag holds something else."""
    index = manifest_at_tag(repository, referrers_tag(subject), with_body=True, now=now)
    return list(_children(index)) if index and index.media_type in INDEXES else []


def _children(index: ResolvedManifest) -> Iterator[str]:
    try:
        document = index.document()
    except ManifestInvalid:  # stored under older, laxer rules
        return
    yield from dict.fromkeys(str(child.digest) for child in document.manifests)
