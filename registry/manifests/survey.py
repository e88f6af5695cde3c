"""What is stored, judged by a policy as if it were pushed now."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import OCIError
from artifacts.policy.rules import Policy
from registry.manifests.admission import refusal_of
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from registry.tags.models import Tag

_ROWS_PER_QUERY = 200


@dataclass(frozen=True, slots=True)
class Judged:
    """A stored manifest, its tags, and why it would be refused; empty when it would not."""

    digest: str
    tags: Sequence[str]
    reason: str


def judged_manifests(*, repository: Repository, policy: Policy, now: datetime) -> Iterator[Judged]:
    """Every manifest that can be pulled, in the order of their digests."""
    present = Manifest.objects.present().filter(repository=repository.id).order_by("digest")
    rows = present.only("digest", "media_type", "body").iterator(chunk_size=_ROWS_PER_QUERY)
    for manifest in rows:
        reason = _why_not(manifest, policy)
        tags = Tag.objects.alive(at=now).filter(manifest=manifest).order_by("name")
        names = list(tags.values_list("name", flat=True)) if reason else []
        yield Judged(manifest.digest, names, reason)


def _why_not(manifest: Manifest, policy: Policy) -> str:
    try:
        document = ManifestDocument.parse(bytes(manifest.body), manifest.media_type)
    except OCIError as error:
        return error.reason
    refusal = refusal_of(policy, document)
    return refusal.reason if refusal else ""
