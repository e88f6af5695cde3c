"""What stands around a manifest: tags, indexes, and all that is attached."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.urls import reverse

from artifacts.kinds.kinds import Kind
from artifacts.oci.companions import cosign_subject
from artifacts.oci.digest import Digest
from artifacts.oci.media_types import INDEXES
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from registry.tags.models import Tag
from registry.verification.listed import listed_subject
from registry.verification.models import Verdict
from registry.verification.reads import (
    UNCHECKED,
    Attachment,
    SignatureState,
    attached_to,
    summary_of,
)
from ui.commands.address import Address
from ui.commands.cosign import verifications
from ui.commands.pull import discovery
from ui.contents.graph import MAX_NODES, graph_of
from ui.contents.referrers import (
    Referrer,
    predicate_name,
    referrer,
    second_level,
    stated_by,
)
from ui.display.amounts import short_digest
from ui.display.text import shown

MAX_TAGS: Final = 20
MAX_PARENTS: Final = 10
MAX_PARENTS_READ: Final = 5  # that are searched for what they say about the manifest
MAX_VERDICTS: Final = 20
MAX_LISTED: Final = 20
MAX_SIGNATURES: Final = 50


@dataclass(frozen=True, slots=True)
class Neighbours:
    """``verdicts`` is what was found of it as a signature or attestation of its subject.
    ``before`` is the name of the tag that came before, of another manifest; empty without one."""

    tags: Sequence[str]
    has_more_tags: bool
    before: str
    parents: Sequence[str]
    subject: str
    verdicts: Sequence[Verdict]


def neighbours_of(
    repository: Repository, manifest: Manifest, tag: Tag | None, now: datetime
) -> Neighbours:
    alive = Tag.objects.alive(now).filter(manifest=manifest.id).order_by("-started_at", "name")
    names = list(alive.values_list("name", flat=True)[: MAX_TAGS + 1])
    indexes = Manifest.objects.present().listing([manifest.digest], repository=repository.id)
    parents = list(indexes.order_by("-pk").values_list("digest", flat=True)[:MAX_PARENTS])
    verdicts = Verdict.objects.filter(manifest=manifest.id).select_related("key")
    return Neighbours(
        tags=names[:MAX_TAGS],
        has_more_tags=len(names) > MAX_TAGS,
        before=_before(repository, tag, now) if tag else "",
        parents=parents,
        subject=manifest.subject_digest
        or listed_subject(repository, manifest.digest, indexes=parents[:MAX_PARENTS_READ])
        or _subject_of(([tag.name] if tag else []) + names),
        verdicts=list(verdicts.order_by("subject_digest", "position")[:MAX_VERDICTS]),
    )


def _before(repository: Repository, tag: Tag, now: datetime) -> str:
    """The version below; where the tag is no version, what was pushed before it."""
    if tag.is_companion:
        return ""
    alive = Tag.objects.alive(now).filter(repository=repository.id).companions(False)
    others = alive.exclude(manifest=tag.manifest_id)
    if tag.sort_key:
        lower = others.filter(sort_key__gt="", sort_key__lt=tag.sort_key)
        rows = lower.order_by("-sort_key", "-name")
    else:
        earlier = others.filter(started_at__lt=tag.started_at)
        rows = earlier.order_by("-started_at", "-name")
    return rows.values_list("name", flat=True).first() or ""


def _subject_of(names: Sequence[str]) -> str:
    """What a tag such as ``sha256-<hex>.sig`` is about."""
    return next((str(digest) for name in names if (digest := cosign_subject(name))), "")


@dataclass(frozen=True, slots=True)
class SignatureRow:
    """One thing that somebody signed: a layer of a signature, or of an attestation."""

    signer: str
    fingerprint: str
    form: str
    digest: str
    tag: str
    pushed_at: datetime
    signature: SignatureState


def attached_part(
    repository: Repository, manifest: Manifest, address: Address, near: Neighbours, now: datetime
) -> dict[str, Any]:
    attached = attached_to(repository, Digest.parse(manifest.digest), now=now)
    every = list(attached)
    listed = [one.digest for one in every if one.is_in_index]
    states = stated_by(repository, listed) if listed else {}
    rows = [_row(repository, one, states.get(one.digest, "")) for one in every]
    count = len(rows) + attached.left_out
    beyond = {
        subject: [referrer(repository, one) for one in inner]
        for subject, inner in second_level(repository, every[:MAX_NODES], limit=MAX_NODES).items()
    }
    # What BuildKit lists beside an image is signed by nobody.
    beside = [one for one in attached.attestations if not one.is_in_index]
    signed = [*attached.signatures, *beside]
    name = f"{address.name}:{address.tag}" if address.tag else address.name
    subject = (short_digest(near.subject), _url(repository, near.subject)) if near.subject else None
    return {
        "signature": summary_of(attached.signatures),
        "signatures": [row for one in signed[:MAX_SIGNATURES] for row in _signatures(one)],
        "signatures_left_out": len(signed[MAX_SIGNATURES:]),
        "referrers": rows[:MAX_LISTED],
        "beyond": beyond,
        "referrer_count": count,
        "has_more_referrers": count > MAX_LISTED,
        "graph": graph_of(name, manifest.digest, rows, beyond, subject=subject),
        "verifications": verifications(address, [v for one in every for v in one.verdicts]),
        "listed_count": 0 if manifest.media_type in INDEXES else len(listed),
        "discovery": discovery(address) if any(_refers(one, manifest) for one in every) else None,
        "subject_url": subject[1] if subject else "",
    }


def _row(repository: Repository, one: Attachment, states: str) -> Referrer:
    row = referrer(repository, one)
    return replace(row, detail=states) if states else row


def _refers(one: Attachment, manifest: Manifest) -> bool:
    """Whether it names its subject, so that clients find it; a tag alone does not."""
    return one.manifest.subject_digest == manifest.digest


def _signatures(one: Attachment) -> Sequence[SignatureRow]:
    if one.verdicts:
        return [_signature(one, verdict) for verdict in one.verdicts]
    unchecked = UNCHECKED if one.kind == Kind.SIGNATURE else SignatureState(None)
    form = shown(one.manifest.artifact_type or one.manifest.media_type, 200)
    return [SignatureRow("", "", form, one.digest, one.tag, one.manifest.pushed_at, unchecked)]


def _signature(one: Attachment, verdict: Verdict) -> SignatureRow:
    kind = "Signature" if verdict.is_signature else predicate_name(verdict.predicate_type)
    return SignatureRow(
        signer=verdict.key.name if verdict.key else "",
        fingerprint=verdict.key.fingerprint if verdict.key else "",
        form=shown(kind or "Attestation", 200),
        digest=one.digest,
        tag=one.tag,
        pushed_at=one.manifest.pushed_at,
        signature=SignatureState.of(verdict),
    )


def _url(repository: Repository, digest: str) -> str:
    return reverse("ui:manifest", kwargs={"repository": repository.path, "digest": digest})
