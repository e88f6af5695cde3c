"""Let a manifest be pulled, or refuse or count it, where a repository wants signatures."""

import logging
from collections.abc import Iterable
from datetime import datetime
from itertools import islice

from artifacts.kinds.kinds import Kind
from artifacts.oci.descriptors import Descriptor
from artifacts.oci.digest import Digest
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import BlobUnknown, Denied, ManifestInvalid
from artifacts.oci.media_types import INDEXES, NONDISTRIBUTABLE_LAYERS
from artifacts.oci.names import referrers_tag
from artifacts.signatures.archives import HEAD_BYTES, could_be_a_layer
from artifacts.signatures.companions import companion_tags, subject_of
from artifacts.signatures.verdicts import State
from registry.blobs.services import find_blob, read_blob
from registry.manifests.models import Manifest, ManifestChild
from registry.repositories import sql
from registry.repositories.models import Repository, SignatureRequirement
from registry.tags.models import Tag
from registry.verification.checking import recheck
from registry.verification.models import Verdict
from registry.verification.reads import verdict_of

logger = logging.getLogger(__name__)

MAX_PARENTS = 20
MAX_NESTING = 3
MAX_LAYERS = 100
_COMPANIONS = (Kind.SIGNATURE, Kind.ATTESTATION, Kind.SBOM)
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


def admit_pull(*, repository: Repository, digest: str, now: datetime) -> None:
    """Let a pull pass, count it, or raise ``SignatureRequired``, as the repository wants.

    A manifest passes when it is signed itself, when an index that is signed lists it (the image
    of one platform), and when it is a signature, an attestation or an SBOM of something.
    """
    if repository.signature_requirement == SignatureRequirement.NONE:
        return
    candidates = [Digest.parse(digest), *islice(_parents(repository, digest), MAX_PARENTS)]
    if _has_valid_signature(repository, candidates, now):
        return
    if _speaks_about_another(repository, digest, now):
        return
    # Keys may have changed, or a signature come, since the verdicts were written.
    for candidate in candidates:
        recheck(repository=repository, digest=candidate, now=now)
        if verdict_of(repository, candidate, now=now).state == State.VALID:
            return
    _refuse(repository, candidates[0], now)


def _has_valid_signature(
    repository: Repository, candidates: Iterable[Digest], now: datetime
) -> bool:
    """Whether a valid signature of one of them is attached to it now."""
    tags = {str(digest): companion_tags(digest) for digest in candidates}
    valid = Verdict.objects.filter(
        repository=repository.id,
        subject_digest__in=tags,
        state=State.VALID,
        is_signature=True,
        manifest__deleted_at=None,
    )
    for subject, manifest, its_subject in valid.values_list(
        "subject_digest", "manifest", "manifest__subject_digest"
    ):
        if its_subject == subject:
            return True
        live = Tag.objects.alive(at=now).filter(repository=repository.id, manifest=manifest)
        if live.filter(name__in=tags[subject]).exists():
            return True
    return False


def _parents(repository: Repository, digest: str) -> Iterable[Digest]:
    """Indexes of the repository that list the manifest, nearest first."""
    nearer, seen = {digest}, {digest}
    for _ in range(MAX_NESTING):
        edges = ManifestChild.objects.filter(
            child_digest__in=nearer,
            parent__repository=repository.id,
            parent__deleted_at=None,
        )
        found = edges.order_by("-parent").values_list("parent__digest", flat=True)[:MAX_PARENTS]
        nearer = set(found) - seen
        seen |= nearer
        yield from (Digest.parse(parent) for parent in sorted(nearer))
        if not nearer:
            return


def _speaks_about_another(repository: Repository, digest: str, now: datetime) -> bool:
    """Whether the manifest is a signature or the like, and could not be run as an image.

    Its types are what its pusher says they are, so the first bytes of its layers are looked at.
    """
    manifest = Manifest.objects.present().filter(repository=repository.id, digest=digest).first()
    if manifest is None:
        return False
    if manifest.media_type in INDEXES:
        return _is_a_list_of_referrers(manifest, now)
    if manifest.kind not in _COMPANIONS or not _is_attached(manifest, now):
        return False
    try:
        document = ManifestDocument.parse(bytes(manifest.body), manifest.media_type)
    except ManifestInvalid:
        return False
    return len(document.layers) <= MAX_LAYERS and not any(
        _could_be_a_layer(repository, layer, now) for layer in document.layers
    )


def _is_attached(manifest: Manifest, now: datetime) -> bool:
    if manifest.subject_digest:
        return True
    tags = Tag.objects.alive(at=now).filter(manifest=manifest.id, name__startswith="sha256-")
    return any(subject_of(name) for name in tags.values_list("name", flat=True))


def _is_a_list_of_referrers(index: Manifest, now: datetime) -> bool:
    """An index under the fallback tag. What it lists is asked for, and judged, one by one."""
    tags = Tag.objects.alive(at=now).filter(manifest=index.id, name__startswith="sha256-")
    digests = (subject_of(f"{name}.sig") for name in tags.values_list("name", flat=True))
    names = {referrers_tag(digest) for digest in digests if digest}
    return bool(names) and tags.filter(name__in=names).exists()


def _could_be_a_layer(repository: Repository, layer: Descriptor, now: datetime) -> bool:
    if layer.media_type in NONDISTRIBUTABLE_LAYERS:
        return True
    try:
        blob = find_blob(repository=repository, digest=layer.digest, now=now)
        length = min(blob.size, HEAD_BYTES)
        return could_be_a_layer(b"".join(read_blob(blob=blob, start=0, length=length, now=now)))
    except BlobUnknown:
        return True


def _refuse(repository: Repository, digest: Digest, now: datetime) -> None:
    found = verdict_of(repository, digest, now=now)
    what = "it is not signed" if found.state is None else f"its signature is {found}"
    requirement = repository.signature_requirement
    values = [repository.id, now.date(), requirement, str(digest), what, now]
    sql.execute(_COUNT, values)
    if requirement == SignatureRequirement.REPORT:
        logger.warning("a pull of %s@%s would be refused: %s", repository.path, digest, what)
        return
    raise SignatureRequired(
        f"{repository.path} requires a valid signature to pull, and {digest} has none: {what}",
        digest=str(digest),
    )
