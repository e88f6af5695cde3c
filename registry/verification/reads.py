"""What is attached to a manifest, in whichever way, and what the checks of it said."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from django.db.models import Case, Count, Exists, F, OuterRef, QuerySet, Value, When, Window
from django.db.models.functions import RowNumber

from artifacts.kinds.kinds import Kind
from artifacts.oci.companions import Suffix, companion_tags, referrers_tag
from artifacts.oci.digest import Digest
from artifacts.oci.media_types import INDEXES
from artifacts.signatures.verdicts import State
from registry.manifests.models import Manifest, ManifestChild
from registry.manifests.referrers import referrer_digests, referrers_of
from registry.repositories.models import Repository
from registry.tags.models import Tag
from registry.verification.listed import listed_attestations
from registry.verification.models import Verdict

MAX_ATTACHMENTS = 500
MAX_ATTACHMENTS_OF_EACH = 20  # of one of many manifests
_SHORT = ("digest", "media_type", "artifact_type", "subject_digest", "kind", "size", "pushed_at")
_KIND_OF_SUFFIX = {
    Suffix.SIGNATURE: Kind.SIGNATURE,
    Suffix.ATTESTATION: Kind.ATTESTATION,
    Suffix.SBOM: Kind.SBOM,
}


@dataclass(frozen=True, slots=True)
class Attachment:
    """One manifest that speaks about another: by its ``subject``, its tag, or in an index."""

    manifest: Manifest
    kind: Kind
    tag: str = ""
    verdicts: tuple[Verdict, ...] = ()
    is_in_index: bool = False

    @property
    def digest(self) -> str:
        return self.manifest.digest

    @property
    def can_be_verified(self) -> bool:
        return self.kind in (Kind.SIGNATURE, Kind.ATTESTATION) and not self.is_in_index


@dataclass(frozen=True, slots=True)
class Attachments:
    """What is attached to one manifest, each group with the newest first.

    ``left_out`` is how many more there are.
    """

    signatures: list[Attachment] = field(default_factory=list)
    attestations: list[Attachment] = field(default_factory=list)
    sboms: list[Attachment] = field(default_factory=list)
    other: list[Attachment] = field(default_factory=list)
    left_out: int = 0

    def __iter__(self) -> Iterator[Attachment]:
        yield from (*self.signatures, *self.attestations, *self.sboms, *self.other)


@dataclass(frozen=True, slots=True)
class SignatureState:
    """Whether a manifest is signed. ``state`` is ``None`` when nothing claims that it is.

    ``is_checking``: it was not looked at yet, or not with the keys of now, and may get better.
    """

    state: State | None
    reason: str = ""
    key: str = ""
    is_checking: bool = False

    @classmethod
    def of(cls, verdict: Verdict) -> "SignatureState":
        state = State(verdict.state)
        is_checking = state != State.VALID and verdict.is_outdated
        return cls(state, verdict.reason, verdict.key.name if verdict.key else "", is_checking)

    def __str__(self) -> str:
        if self.state is None:
            return "not signed"
        return (
            f"{self.state}, by the key {self.key}" if self.key else f"{self.state}: {self.reason}"
        )


UNCHECKED: Final = SignatureState(
    State.UNVERIFIABLE, "its signature has not been checked yet", is_checking=True
)


@dataclass(frozen=True, slots=True)
class Overview:
    """What is attached to one of many manifests: ``count`` in all, and the first of them."""

    attachments: Attachments
    count: int

    @property
    def signature(self) -> SignatureState:
        return summary_of(self.attachments.signatures)


def attached_to(repository: Repository, digest: Digest, *, now: datetime) -> Attachments:
    """One list of what tags like ``sha256-<hex>.sig``, referrers, fallback tags and indexes hold.

    At most ``MAX_ATTACHMENTS`` referrers are looked at.
    """
    verdicts: dict[int, list[Verdict]] = {}
    rows = Verdict.objects.filter(repository=repository.id, subject_digest=str(digest))
    for verdict in rows.with_age().select_related("key").order_by("manifest", "position"):
        verdicts.setdefault(verdict.manifest_id, []).append(verdict)
    groups = Attachments()
    listed = listed_attestations(repository, {str(digest)}).get(str(digest), ())
    manifests, has_more = _attached(repository, digest, listed, now)
    for manifest, tag in manifests:
        kind = _kind_of(manifest, companion_tags(digest).get(tag))
        own_verdicts = tuple(verdicts.get(manifest.id, ()))
        is_listed = _is_only_listed(manifest, str(digest), tag, listed)
        _group(groups, kind).append(Attachment(manifest, kind, tag, own_verdicts, is_listed))
    if not has_more:
        return groups
    every = attached_manifests(repository, digest, now=now).count()
    return replace(groups, left_out=max(1, every - len(manifests)))


def attached_manifests(
    repository: Repository, digest: Digest, *, now: datetime
) -> QuerySet[Manifest, Manifest]:
    """As ``attached_to``, however many there are; not ordered, and without their bodies."""
    tagged = Manifest.objects.present().filter(
        repository=repository.id, pk__in=_companions(repository, digest, now)
    )
    listed = listed_attestations(repository, {str(digest)}).get(str(digest), ())
    beside = Manifest.objects.present().filter(
        repository=repository.id, digest__in=listed, kind=Kind.ATTESTATION
    )
    manifests = referrers_of(repository=repository, subject=digest, now=now) | tagged | beside
    return manifests.for_lists()


def verdict_of(repository: Repository, digest: Digest, *, now: datetime) -> SignatureState:
    """The best that the signatures now attached to a manifest say. Attestations do not count."""
    return summary_of(attached_to(repository, digest, now=now).signatures)


def overview_of(
    repository: Repository, digests: Collection[str], *, now: datetime
) -> Mapping[str, Overview]:
    """What is attached to each of these manifests, in as many queries for fifty as for one.

    Of each, ``MAX_ATTACHMENTS_OF_EACH`` referrers are looked at: the signatures that are valid,
    then other signatures, then the newest of the rest.
    """
    by_subject: dict[str, dict[int, tuple[Manifest, str]]] = {digest: {} for digest in digests}
    counts: dict[str, int] = defaultdict(int)
    listed = listed_attestations(repository, digests)
    for row in _referrers_of_each(repository, digests):
        by_subject[row.subject_digest][row.id] = (row, "")
        counts[row.subject_digest] = row.number_of_all
    for subject, row, tag in _named_after_each(repository, digests, now):
        counts[subject] += row.id not in by_subject[subject]
        if len(by_subject[subject]) < MAX_ATTACHMENTS_OF_EACH or tag:
            by_subject[subject][row.id] = (row, tag)
    for subject, row in _beside_each(repository, listed):
        counts[subject] += row.id not in by_subject[subject]
        if len(by_subject[subject]) < MAX_ATTACHMENTS_OF_EACH:
            by_subject[subject].setdefault(row.id, (row, ""))
    verdicts = _verdicts_of_each(repository, by_subject)
    return {
        subject: Overview(
            _grouped(subject, rows.values(), verdicts, listed.get(subject, ())), counts[subject]
        )
        for subject, rows in by_subject.items()
    }


def summary_of(signatures: Sequence[Attachment]) -> SignatureState:
    verdicts = [verdict for one in signatures for verdict in one.verdicts if verdict.is_signature]
    for state in (State.VALID, State.INVALID, State.UNVERIFIABLE):
        stated = [verdict for verdict in verdicts if verdict.state == state]
        if stated:
            any_outdated = any(verdict.is_outdated for verdict in verdicts)
            best = SignatureState.of(stated[0])
            return replace(best, is_checking=any_outdated and state != State.VALID)
    if not signatures:
        return SignatureState(None)
    if any(one.verdicts for one in signatures):
        return SignatureState(State.INVALID, "what calls itself a signature is an attestation")
    return UNCHECKED


def _attached(
    repository: Repository, digest: Digest, listed: Collection[str], now: datetime
) -> tuple[list[tuple[Manifest, str]], bool]:
    """Attached manifests, newest first, each once, with the tag that attaches it, if one does.

    And whether there are more.
    """
    digests, has_more = referrer_digests(
        repository=repository, subject=digest, size=MAX_ATTACHMENTS, now=now
    )
    tags = _companions(repository, digest, now)
    manifests = Manifest.objects.present().filter(repository=repository.id).for_lists()
    rows = {row.id: row for row in manifests.filter(digest__in=digests)}
    rows.update({row.id: row for row in manifests.filter(pk__in=tags)})
    if listed:
        beside = manifests.filter(digest__in=listed, kind=Kind.ATTESTATION)
        rows.update({row.id: row for row in beside})
    rows_in_order = sorted(rows.values(), key=lambda row: (row.pushed_at, row.id), reverse=True)
    return [(row, tags.get(row.id, "")) for row in rows_in_order], has_more


def _beside_each(
    repository: Repository, listed: Mapping[str, Collection[str]]
) -> Iterator[tuple[str, Manifest]]:
    """What indexes list as attestations, each with what it is about."""
    if not listed:
        return
    digests = {digest for children in listed.values() for digest in children}
    present = Manifest.objects.present().filter(repository=repository.id, kind=Kind.ATTESTATION)
    rows = {row.digest: row for row in present.filter(digest__in=digests).only(*_SHORT)}
    for subject, children in listed.items():
        yield from ((subject, rows[digest]) for digest in children if digest in rows)


def _referrers_of_each(repository: Repository, digests: Collection[str]) -> Iterable[Any]:
    valid = Verdict.objects.valid_signatures().filter(
        manifest=OuterRef("pk"), subject_digest=OuterRef("subject_digest")
    )
    order = Case(
        When(Exists(valid), then=Value(0)),
        When(kind=Kind.SIGNATURE, then=Value(1)),
        default=Value(2),
    )
    by_subject = F("subject_digest")
    return (
        Manifest.objects.present()
        .filter(repository=repository.id, subject_digest__in=digests)
        .exclude(subject_digest="")  # said for SQLite, to find the index
        .annotate(
            number=Window(RowNumber(), partition_by=by_subject, order_by=[order, "-pushed_at"]),
            number_of_all=Window(Count("*"), partition_by=by_subject),
        )
        .filter(number__lte=MAX_ATTACHMENTS_OF_EACH)
        .only(*_SHORT)
    )


def _named_after_each(
    repository: Repository, digests: Collection[str], now: datetime
) -> Iterator[tuple[str, Manifest, str]]:
    """What companion tags point at, with the tag, and what fallback tags list, with none."""
    parsed = [Digest.parse(digest) for digest in digests]
    companions = {tag: str(digest) for digest in parsed for tag in companion_tags(digest)}
    fallbacks = {referrers_tag(digest): str(digest) for digest in parsed}
    tags = Tag.objects.alive(at=now).filter(
        repository=repository.id, name__in=[*companions, *fallbacks], manifest__deleted_at=None
    )
    targets = tags.order_by("-name").values_list("name", "manifest", "manifest__media_type")
    named = {name: (manifest, media_type) for name, manifest, media_type in targets}
    lists = {
        pk: fallbacks[name]
        for name, (pk, media_type) in named.items()
        if name in fallbacks and media_type in INDEXES
    }
    present = Manifest.objects.present().filter(repository=repository.id).only(*_SHORT)
    rows = present.in_bulk([named[name][0] for name in named if name in companions])
    for name in named:
        if name in companions and (row := rows.get(named[name][0])):
            yield companions[name], row, name
    if lists:
        edges = ManifestChild.objects.filter(parent__in=lists).order_by("pk")
        listed = list(edges.values_list("parent", "child_digest")[:MAX_ATTACHMENTS])
        by_digest = {row.digest: row for row in present.filter(digest__in={d for _, d in listed})}
        for parent, digest in listed:
            if digest in by_digest:
                yield lists[parent], by_digest[digest], ""


def _verdicts_of_each(
    repository: Repository, by_subject: Mapping[str, Mapping[int, Any]]
) -> Mapping[tuple[str, int], Sequence[Verdict]]:
    verdicts: dict[tuple[str, int], list[Verdict]] = defaultdict(list)
    ids = {pk for rows in by_subject.values() for pk in rows}
    of_manifests = Verdict.objects.filter(repository=repository.id, manifest__in=ids)
    rows = of_manifests.filter(subject_digest__in=by_subject).with_age().select_related("key")
    for verdict in rows.order_by("manifest", "position") if ids else ():
        verdicts[verdict.subject_digest, verdict.manifest_id].append(verdict)
    return verdicts


def _grouped(
    subject: str,
    rows: Iterable[tuple[Manifest, str]],
    verdicts: Mapping[tuple[str, int], Sequence[Verdict]],
    listed: Collection[str],
) -> Attachments:
    groups = Attachments()
    names = companion_tags(Digest.parse(subject))
    newest_first = sorted(rows, key=lambda row: (row[0].pushed_at, row[0].id), reverse=True)
    for manifest, tag in newest_first:
        kind = _kind_of(manifest, names.get(tag))
        own_verdicts = tuple(verdicts.get((subject, manifest.id), ()))
        is_listed = _is_only_listed(manifest, subject, tag, listed)
        _group(groups, kind).append(Attachment(manifest, kind, tag, own_verdicts, is_listed))
    return groups


def _is_only_listed(manifest: Manifest, subject: str, tag: str, listed: Collection[str]) -> bool:
    return manifest.digest in listed and not tag and manifest.subject_digest != subject


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
