"""What an artifact policy makes of manifests: which come in, and what of the stored would not."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Window
from django.db.models.functions import RowNumber

from accounts.audit.models import AuditEvent
from accounts.audit.services import SYSTEM, Actor
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import Denied, ManifestTypeUnsupported, OCIError
from artifacts.oci.media_types import INDEXES, OCI_INDEX, OCI_MANIFEST
from artifacts.policy.rules import Policy
from registry.events.kinds import EventType
from registry.events.outbox import note
from registry.manifests.drafts import Draft
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from registry.repositories.policies import effective_policy
from registry.tags.models import Tag

MAX_TAGS_NAMED: Final = 5
_ROWS_PER_QUERY: Final = 200
_BODIES_AT_ONCE: Final = 20  # a body can have several MiB
# A client that tries the same again and again must not fill the log.
_TOLD_EVERY: Final = timedelta(minutes=10)


class BlockedByPolicy(Denied):
    """The artifact policy blocks one of the manifest's types.

    Not ``MANIFEST_INVALID``: podman and skopeo would convert the image and try again.
    """


@dataclass(frozen=True, slots=True)
class Judged:
    """A stored manifest, its tags, and why it would be refused; empty when it would not."""

    digest: str
    tags: Sequence[str]
    reason: str
    path: str = ""
    blocked: str = ""  # the type, where a type is the reason


def admit(draft: Draft, *, now: datetime, by: Actor = SYSTEM) -> None:
    """Let the manifest pass, judged by its types alone, or raise; the log is told of the latter.

    Raises:
        ManifestTypeUnsupported: OCI is switched off. Clients then push Docker's format.
        BlockedByPolicy: the repository's artifact policy does not allow one of its types.
    """
    if refusal := _refusal_of_format(draft.document):
        raise refusal
    if draft.document.media_type in INDEXES:
        return  # no policy judges an index, so none is looked up for it
    if refusal := _refusal_of_types(effective_policy(draft.repository), draft.document):
        _note_refusal(draft, refusal, now, by)
        raise refusal


def refusal_of(policy: Policy, document: ManifestDocument) -> OCIError | None:
    """What a push of the manifest is answered under ``policy``; nothing when it is taken."""
    return _refusal_of_format(document) or _refusal_of_types(policy, document)


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


def _refusal_of_format(document: ManifestDocument) -> OCIError | None:
    is_oci = document.media_type in (OCI_MANIFEST, OCI_INDEX)
    if settings.BERTH.FEATURE_GENERAL_OCI_SUPPORT or not is_oci:
        return None
    return ManifestTypeUnsupported(
        "this registry takes no OCI manifests, only Docker's:"
        " FEATURE_GENERAL_OCI_SUPPORT is false in the configuration"
    )


def _refusal_of_types(policy: Policy, document: ManifestDocument) -> BlockedByPolicy | None:
    verdict = policy.decide(document)
    if verdict.is_allowed:
        return None
    return BlockedByPolicy(verdict.reason, blocked=verdict.blocked, policy=policy.name)


def _note_refusal(draft: Draft, refusal: BlockedByPolicy, now: datetime, by: Actor) -> None:
    """Record that ``by`` was refused, unless that was recorded a moment ago."""
    path, tag = draft.repository.path, draft.reference.tag
    lately = AuditEvent.objects.filter(
        repository=path, at__gt=now - _TOLD_EVERY, action="manifest.refuse", actor=by.name
    )
    if not lately.exists():
        target = f"{path}:{tag}" if tag else path
        with transaction.atomic():
            by.did("manifest.refuse", target, now=now, reason=refusal.reason[:500])
            note(
                EventType.PUSH_REFUSED,
                repository=draft.repository,
                now=now,
                by=by,
                tag=tag,
                digest=str(draft.digest),
                media_type=draft.document.media_type,
                reason=refusal.reason,
            )


def _some_tags(manifests: Collection[int], now: datetime) -> Mapping[int, Sequence[str]]:
    place = Window(RowNumber(), partition_by="manifest", order_by="name")
    tags = Tag.objects.alive(at=now).filter(manifest__in=manifests).annotate(place=place)
    names: dict[int, list[str]] = defaultdict(list)
    named = tags.filter(place__lte=MAX_TAGS_NAMED).order_by("manifest", "name")
    for pk, name in named.values_list("manifest", "name"):
        names[pk].append(name)
    return names


def _why_not(manifest: Manifest, policy: Policy) -> str:
    refusal = _refusal(manifest, policy)
    return refusal.reason if refusal else ""


def _refusal(manifest: Manifest, policy: Policy) -> OCIError | None:
    try:
        return refusal_of(policy, manifest.document)
    except OCIError as error:
        return error
