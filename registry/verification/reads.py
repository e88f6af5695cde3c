"""What is attached to a manifest, in whichever way, and what the checks of it said."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from artifacts.kinds.kinds import Kind
from artifacts.oci.digest import Digest
from artifacts.signatures.companions import Suffix, companion_tags
from artifacts.signatures.verdicts import State
from registry.manifests.models import Manifest
from registry.manifests.reads import referrers_page
from registry.repositories.models import Repository
from registry.tags.models import Tag
from registry.verification.models import Verdict

MAX_ATTACHMENTS = 500
_WITHOUT_BODY = ("body", "labels_json")
_KIND_OF_SUFFIX = {
    Suffix.SIGNATURE: Kind.SIGNATURE,
    Suffix.ATTESTATION: Kind.ATTESTATION,
    Suffix.SBOM: Kind.SBOM,
}


@dataclass(frozen=True, slots=True)
class Attachment:
    """One manifest that speaks about another: through its ``subject``, or by its tag."""

    manifest: Manifest
    kind: Kind
    tag: str = ""
    verdicts: tuple[Verdict, ...] = ()

    @property
    def digest(self) -> str:
        return self.manifest.digest

    @property
    def can_be_verified(self) -> bool:
        return self.kind in (Kind.SIGNATURE, Kind.ATTESTATION)


@dataclass(frozen=True, slots=True)
class Attachments:
    """Everything attached to one manifest, each group with the newest first."""

    signatures: list[Attachment] = field(default_factory=list)
    attestations: list[Attachment] = field(default_factory=list)
    sboms: list[Attachment] = field(default_factory=list)
    other: list[Attachment] = field(default_factory=list)

    def __iter__(self) -> Iterator[Attachment]:
        yield from (*self.signatures, *self.attestations, *self.sboms, *self.other)


@dataclass(frozen=True, slots=True)
class SignatureState:
    """Whether a manifest is signed. ``state`` is ``None`` when nothing claims that it is."""

    state: State | None
    reason: str = ""
    key: str = ""

    def __str__(self) -> str:
        if self.state is None:
            return "not signed"
        return (
            f"{self.state}, by the key {self.key}" if self.key else f"{self.state}: {self.reason}"
        )


def attached_to(repository: Repository, digest: Digest, *, now: datetime) -> Attachments:
    """One list of what tags like ``sha256-<hex>.sig``, referrers and the fallback tag hold.

    At most ``MAX_ATTACHMENTS`` referrers are looked at.
    """
    verdicts: dict[int, list[Verdict]] = {}
    rows = Verdict.objects.filter(repository=repository.id, subject_digest=str(digest))
    for verdict in rows.select_related("key").order_by("manifest", "position"):
        verdicts.setdefault(verdict.manifest_id, []).append(verdict)
    groups = Attachments()
    for manifest, tag in _found(repository, digest, now):
        kind = _kind_of(manifest, companion_tags(digest).get(tag))
        known = tuple(verdicts.get(manifest.id, ()))
        _group(groups, kind).append(Attachment(manifest, kind, tag, known))
    return groups


def verdict_of(repository: Repository, digest: Digest, *, now: datetime) -> SignatureState:
    """The best that the signatures now attached to a manifest say. Attestations do not count."""
    return summary_of(attached_to(repository, digest, now=now).signatures)


def summary_of(signatures: Sequence[Attachment]) -> SignatureState:
    found = [verdict for one in signatures for verdict in one.verdicts if verdict.is_signature]
    for state in (State.VALID, State.INVALID, State.UNVERIFIABLE):
        for verdict in found:
            if verdict.state == state:
                key = verdict.key.name if verdict.key else ""
                return SignatureState(state, verdict.reason, key)
    if not signatures:
        return SignatureState(None)
    if any(one.verdicts for one in signatures):
        return SignatureState(State.INVALID, "what calls itself a signature is an attestation")
    return SignatureState(State.UNVERIFIABLE, "its signature has not been checked yet")


def _found(repository: Repository, digest: Digest, now: datetime) -> list[tuple[Manifest, str]]:
    """Attached manifests, newest first, each once, with the tag that attaches it, if one does."""
    page = referrers_page(
        repository=repository,
        subject=digest,
        artifact_type="",
        after="",
        size=MAX_ATTACHMENTS,
        now=now,
    )
    tags = _companions(repository, digest, now)
    digests = [str(one["digest"]) for one in page.descriptors]
    manifests = Manifest.objects.present().filter(repository=repository.id).defer(*_WITHOUT_BODY)
    rows = {row.id: row for row in manifests.filter(digest__in=digests)}
    rows.update({row.id: row for row in manifests.filter(pk__in=tags)})
    rows_in_order = sorted(rows.values(), key=lambda row: (row.pushed_at, row.id), reverse=True)
    return [(row, tags.get(row.id, "")) for row in rows_in_order]


def _companions(repository: Repository, digest: Digest, now: datetime) -> Mapping[int, str]:
    """The id of each manifest that a companion tag points at, with the tag."""
    names = companion_tags(digest)
    if not names:
        return {}
    tags = Tag.objects.alive(at=now).filter(repository=repository.id, name__in=names)
    return dict(tags.order_by("-name").values_list("manifest_id", "name"))


def _kind_of(manifest: Manifest, suffix: Suffix | None) -> Kind:
    """A tag says what it is for; types that say something more exact win."""
    kind = Kind(manifest.kind)
    if suffix is None or kind in _KIND_OF_SUFFIX.values():
        return kind
    return _KIND_OF_SUFFIX[suffix]


def _group(groups: Attachments, kind: Kind) -> list[Attachment]:
    match kind:
        case Kind.SIGNATURE:
            return groups.signatures
        case Kind.ATTESTATION:
            return groups.attestations
        case Kind.SBOM:
            return groups.sboms
        case _:
            return groups.other
