"""What is stored, judged by a policy as if it were pushed now."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Window
from django.db.models.functions import RowNumber

from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import OCIError
from artifacts.policy.rules import Policy
from registry.manifests.admission import refusal_of
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from registry.tags.models import Tag

_ROWS_PER_QUERY = 200
_BODIES_AT_ONCE = 20  # a body can have several MiB
MAX_TAGS_NAMED = 5


@dataclass(frozen=True, slots=True)
class Judged:
    """A stored manifest, its tags, and why it would be refused; empty when it would not."""

    digest: str
    tags: Sequence[str]
    reason: str
    path: str = ""
    blocked: str = ""  # the type, where a type is the reason


def judged_manifests(*, repository: Repository, policy: Policy, now: datetime) -> Iterator[Judged]:
    """Every manifest that can be pulled, in the order of their digests."""
    present = Manifest.objects.present().filter(repository=repository.id).order_by("digest")
    rows = present.only("digest", "media_type", "body").iterator(chunk_size=_ROWS_PER_QUERY)
    for manifest in rows:
        reason = _why_not(manifest, policy)
        tags = Tag.objects.alive(at=now).filter(manifest=manifest).order_by("name")
        names = list(tags.values_list("name", flat=True)) if reason else []
        yield Judged(manifest.digest, names, reason)


def refused_among(manifests: Collection[int], *, policy: Policy, now: datetime) -> Sequence[Judged]:
    """Those of the manifests with these keys that would be refused, by repository and digest.

    Of each at most ``MAX_TAGS_NAMED`` tags are named.
    """
    rows = Manifest.objects.filter(pk__in=manifests).order_by("repository", "digest")
    rows = rows.select_related("repository").only(
        "digest", "media_type", "body", "repository__path"
    )
    refused = [
        (manifest.id, manifest.repository.path, manifest.digest, refusal)
        for manifest in rows.iterator(chunk_size=_BODIES_AT_ONCE)
        if (refusal := _refusal(manifest, policy))
    ]
    tags = _some_tags([pk for pk, *_ in refused], now)
    return [
        Judged(
            digest, tags.get(pk, ()), refusal.reason, path, str(refusal.detail.get("blocked", ""))
        )
        for pk, path, digest, refusal in refused
    ]


def _some_tags(manifests: Collection[int], now: datetime) -> Mapping[int, Sequence[str]]:
    place = Window(RowNumber(), partition_by="manifest", order_by="name")
    tags = Tag.objects.alive(at=now).filter(manifest__in=manifests).annotate(place=place)
    found: dict[int, list[str]] = defaultdict(list)
    named = tags.filter(place__lte=MAX_TAGS_NAMED).order_by("manifest", "name")
    for pk, name in named.values_list("manifest", "name"):
        found[pk].append(name)
    return found


def _why_not(manifest: Manifest, policy: Policy) -> str:
    refusal = _refusal(manifest, policy)
    return refusal.reason if refusal else ""


def _refusal(manifest: Manifest, policy: Policy) -> OCIError | None:
    try:
        document = ManifestDocument.parse(bytes(manifest.body), manifest.media_type)
    except OCIError as error:
        return error
    return refusal_of(policy, document)
