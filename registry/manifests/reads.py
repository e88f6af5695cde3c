"""Find manifests, and what refers to them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from artifacts.oci.digest import Digest
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import ManifestInvalid, ManifestUnknown
from artifacts.oci.media_types import INDEXES
from artifacts.oci.names import Reference, referrers_tag
from registry.manifests.models import Manifest
from registry.repositories import sql
from registry.repositories.models import Repository

_DESCRIPTOR_COLUMNS = (
    "digest",
    "media_type",
    "size",
    "artifact_type",
    "annotations_json",
    "subject_digest",
)


_COLUMNS = "SELECT m.digest, m.media_type, m.size "
_COLUMNS_WITH_BODY = "SELECT m.digest, m.media_type, m.size, m.body "
_BY_TAG = """
    FROM tags_tag t JOIN manifests_manifest m ON m.id = t.manifest_id
    WHERE t.repository_id = %s AND t.name = %s AND t.ended_at IS NULL
      AND (t.expires_at IS NULL OR t.expires_at > %s) AND m.deleted_at IS NULL
"""
_BY_DIGEST = """
    FROM manifests_manifest m
    WHERE m.repository_id = %s AND m.digest = %s AND m.deleted_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class ResolvedManifest:
    """What a reference stands for; ``body`` is empty when only the headers were asked for."""

    digest: str
    media_type: str
    size: int
    body: bytes = b""


def resolve_manifest(
    *, repository: Repository, reference: Reference, with_body: bool, now: datetime
) -> ResolvedManifest:
    """The manifest that a tag or digest stands for, in one query.

    Raises ``ManifestUnknown`` when there is none, or the tag has expired.
    """
    columns = _COLUMNS_WITH_BODY if with_body else _COLUMNS
    if reference.tag is not None:
        found = sql.rows(columns + _BY_TAG, [repository.id, reference.tag, now])
    else:
        found = sql.rows(columns + _BY_DIGEST, [repository.id, str(reference.digest)])
    for digest, media_type, size, *body in found:
        return ResolvedManifest(digest, media_type, size, *map(bytes, body))
    named = reference.tag or str(reference.digest)
    raise ManifestUnknown(f"{repository.path} has no manifest {named}", reference=named)


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
    now: datetime,
) -> ReferrersPage:
    """Descriptors of what refers to ``subject``, in the order of their digests.

    Entries that clients kept under the fallback tag, before they saw this
    registry's API, are part of the list, as far as their manifests are here.

    Source: distribution-spec v1.1, "Listing Referrers" and "Enabling the Referrers API".
    """
    referrers = Manifest.objects.filter(repository=repository.id).referrers_of(str(subject))
    listed = _fallback_digests(repository, subject, now)
    if listed:
        kept = Manifest.objects.present().filter(repository=repository.id, digest__in=listed)
        referrers = referrers | kept
    if artifact_type:
        referrers = referrers.filter(artifact_type=artifact_type)
    rows = list(
        referrers.filter(digest__gt=after).order_by("digest").only(*_DESCRIPTOR_COLUMNS)[: size + 1]
    )
    return ReferrersPage([_descriptor(row) for row in rows[:size]], has_more=len(rows) > size)


def _descriptor(manifest: Manifest) -> Mapping[str, Any]:
    descriptor: dict[str, Any] = {
        "mediaType": manifest.media_type,
        "digest": manifest.digest,
        "size": manifest.size,
    }
    if manifest.artifact_type:
        descriptor["artifactType"] = manifest.artifact_type
    if annotations := manifest.annotations:
        descriptor["annotations"] = annotations
    return descriptor


def _fallback_digests(repository: Repository, subject: Digest, now: datetime) -> list[str]:
    """What the index under the fallback tag lists; nothing when the tag holds something else."""
    tag = Reference(tag=referrers_tag(subject))
    try:
        index = resolve_manifest(repository=repository, reference=tag, with_body=True, now=now)
    except ManifestUnknown:
        return []
    return list(_children(index)) if index.media_type in INDEXES else []


def _children(index: ResolvedManifest) -> Iterator[str]:
    try:
        document = ManifestDocument.parse(index.body, index.media_type)
    except ManifestInvalid:  # stored under older, laxer rules
        return
    yield from dict.fromkeys(str(child.digest) for child in document.manifests)
