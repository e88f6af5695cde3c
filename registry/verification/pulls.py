"""Let a manifest be pulled, or refuse or count it, where a repository wants signatures."""

import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from django.conf import settings

from accounts import statements
from accounts.audit.models import AuditEvent
from artifacts.kinds.kinds import PROOFS
from artifacts.oci.companions import companion_tags, cosign_subject
from artifacts.oci.descriptors import Descriptor
from artifacts.oci.digest import Digest
from artifacts.oci.errors import BlobUnknown, Denied, ManifestInvalid
from artifacts.oci.media_types import INDEXES
from artifacts.signatures.notary import COSE
from artifacts.signatures.proofs import (
    END_BYTES,
    MAX_COSE_BYTES,
    has_types_of_a_proof,
    reads_like_a_proof,
)
from artifacts.signatures.verdicts import Budget, State
from registry.blobs.services import find_blob, read_blob
from registry.manifests.models import Manifest, ManifestChild
from registry.repositories.models import Repository, SignatureRequirement
from registry.tags.models import Tag
from registry.verification.checking import recheck
from registry.verification.listed import indexes_above
from registry.verification.models import Verdict
from registry.verification.reads import verdict_of

logger = logging.getLogger(__name__)

MAX_PARENTS = 20
MAX_LISTED = 1000  # by an index under the fallback tag
_COUNT = """
    INSERT INTO verification_unsignedpulls
        (repository_id, day, requirement, count, last_digest, last_reason, last_at)
    VALUES (%s, %s, %s, 1, %s, %s, %s)
    ON CONFLICT (repository_id, day, requirement) DO UPDATE SET
        count = verification_unsignedpulls.count + 1, last_digest = excluded.last_digest,
        last_reason = excluded.last_reason, last_at = excluded.last_at
"""


class SignatureRequired(Denied):
    """The repository hands out only what a key of its organization has signed."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks for a manifest, and how. ``may_push`` is asked only where it decides."""

    name: str
    by_tag: bool
    may_push: Callable[[], bool]


def admit_pull(
    *, repository: Repository, digest: str, now: datetime, reader: Reader | None = None
) -> None:
    """Let a pull pass, count it, or raise ``SignatureRequired``, as the repository wants.

    A manifest passes when it is signed itself, when an index that is signed lists it (the image
    of one platform), when it is a signature, an attestation or an SBOM of something, and for a
    while after its push for ``reader``, who may be about to sign it.
    """
    if repository.signature_requirement == SignatureRequirement.NONE:
        return
    parents = indexes_above(repository, [digest], edges=MAX_PARENTS).get(digest, ())
    candidates = [digest, *islice(parents, MAX_PARENTS)]
    if signed_among(repository, candidates, now=now):
        return
    manifest = Manifest.objects.present().filter(repository=repository.id, digest=digest).first()
    if manifest and _speaks_about_another(manifest, repository, now):
        return
    if manifest and reader and _may_be_signed_by(reader, manifest, repository, now):
        return
    # Keys may have changed, or a signature come, since the verdicts were written.
    budget = Budget()
    for candidate in map(Digest.parse, candidates):
        recheck(repository=repository, digest=candidate, now=now, budget=budget)
        if verdict_of(repository, candidate, now=now).state == State.VALID:
            return
    _refuse(repository, Digest.parse(digest), now)


def signed_among(repository: Repository, digests: Collection[str], *, now: datetime) -> set[str]:
    """Those of the manifests to which a valid signature is attached now."""
    valid = Verdict.objects.valid_signatures().filter(
        repository=repository.id, subject_digest__in=digests, manifest__deleted_at=None
    )
    signed, by_tag = set(), []
    for subject, manifest, its_subject in valid.values_list(
        "subject_digest", "manifest", "manifest__subject_digest"
    ):
        if its_subject == subject:
            signed.add(subject)
        else:
            by_tag.append((subject, manifest))
    names = {
        name: subject for subject, _ in by_tag for name in companion_tags(Digest.parse(subject))
    }
    tags = Tag.objects.alive(at=now).filter(repository=repository.id, name__in=names)
    attached = {(names[name], pk) for name, pk in tags.values_list("name", "manifest")}
    return signed | {subject for subject, pk in by_tag if (subject, pk) in attached}


def _speaks_about_another(manifest: Manifest, repository: Repository, now: datetime) -> bool:
    """Whether the manifest is a signature or the like, and could not be run as an image.

    Its types are what its pusher says they are, so the ends of its contents are looked at.
    """
    if manifest.media_type in INDEXES:
        return _is_a_list_of_referrers(manifest, repository, now)
    if manifest.kind not in PROOFS or not _is_attached(manifest, repository, now):
        return False
    try:
        document = manifest.document
    except ManifestInvalid:
        return False
    return has_types_of_a_proof(document) and all(
        _reads_like_a_proof(repository, one, now) for one in document.blobs()
    )


def _is_attached(manifest: Manifest, repository: Repository, now: datetime) -> bool:
    """To a manifest that is here: one that never was could be named by anything."""
    tags = _tags_of_digests(manifest, now)
    subjects = {str(subject) for name in tags if (subject := cosign_subject(name))}
    return _are_here(repository, {manifest.subject_digest, *subjects} - {""})


def _is_a_list_of_referrers(index: Manifest, repository: Repository, now: datetime) -> bool:
    """An index under the fallback tag of a manifest that is here, of what refers to that alone.

    What it lists is asked for, and judged, one by one.
    """
    digests = (cosign_subject(f"{name}.sig") for name in _tags_of_digests(index, now))
    subjects = {str(digest) for digest in digests if digest}
    if not _are_here(repository, subjects):
        return False
    listed = ManifestChild.objects.filter(parent=index.id).values_list("child_digest", flat=True)
    children = list(listed[: MAX_LISTED + 1])
    present = Manifest.objects.present().filter(repository=repository.id, digest__in=children)
    others = present.exclude(subject_digest__in=subjects)
    return len(children) <= MAX_LISTED and not others.exists()


def _tags_of_digests(manifest: Manifest, now: datetime) -> Iterable[str]:
    """Tags that may name another manifest, such as ``sha256-<hex>.sig``."""
    tags = Tag.objects.alive(at=now).filter(manifest=manifest.id, name__startswith="sha256-")
    return tags.order_by("name").values_list("name", flat=True)[:MAX_PARENTS]


def _are_here(repository: Repository, digests: set[str]) -> bool:
    """Whether there is at least one, and any of them is in the repository."""
    if not digests:
        return False
    here = Manifest.objects.present().filter(repository=repository.id, digest__in=digests)
    return here.exists()


def _reads_like_a_proof(repository: Repository, one: Descriptor, now: datetime) -> bool:
    try:
        blob = find_blob(repository=repository, digest=one.digest, now=now)
    except BlobUnknown:
        return False
    length = min(blob.size, MAX_COSE_BYTES if one.media_type == COSE else END_BYTES)
    first = b"".join(read_blob(blob=blob, start=0, length=length, now=now))
    last = first
    if length < blob.size:
        start = blob.size - END_BYTES
        last = b"".join(read_blob(blob=blob, start=start, length=END_BYTES, now=now))
    return reads_like_a_proof(one.media_type, first, last, blob.size)


def _may_be_signed_by(
    reader: Reader, manifest: Manifest, repository: Repository, now: datetime
) -> bool:
    """Nothing that calls itself a proof and is none, nor a list under a tag for referrers."""
    if manifest.kind in PROOFS or any(_tags_of_digests(manifest, now)):
        return False
    pusher = reader.name if reader.by_tag else ""
    within = is_in_grace(repository=repository, digest=manifest.digest, pusher=pusher, now=now)
    return within and reader.may_push()


def _refuse(repository: Repository, digest: Digest, now: datetime) -> None:
    verdict = verdict_of(repository, digest, now=now)
    what = "it is not signed" if verdict.state is None else f"its signature is {verdict}"
    requirement = repository.signature_requirement
    values = [repository.id, now.date(), requirement, str(digest), what, now]
    statements.execute(_COUNT, values)
    if requirement == SignatureRequirement.REPORT:
        logger.warning("a pull of %s@%s would be refused: %s", repository.path, digest, what)
        return
    raise SignatureRequired(
        f"{repository.path} requires a valid signature to pull, and {digest} has none: {what}",
        digest=str(digest),
    )


def is_in_grace(*, repository: Repository, digest: str, pusher: str, now: datetime) -> bool:
    """Whether the manifest was pushed a moment ago: by ``pusher``, or by anybody where empty.

    Meanwhile it can be read to be signed. The audit trail is asked, because the manifest's own
    lease is renewed by reading it.

    Why: docs/decisions/0008-who-may-push-may-read-to-sign.md
    """
    since = now - timedelta(seconds=settings.BERTH.SIGNING_GRACE_SECONDS)
    pushes = AuditEvent.objects.about_repository(repository.path, since=repository.created_at)
    named = pushes.narrowed(actor=pusher, action="manifest.push", since=since)
    return named.filter(at__gt=since, detail__contains=f'"digest": "{digest}"').exists()
