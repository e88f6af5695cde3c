"""Check what is attached to manifests, and keep the verdicts.

A verdict is reached outside any transaction: reading and arithmetic take time. It is written
under the lock of the keyring, and only if the keys are still those it was reached with.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from artifacts.kinds.kinds import Kind
from artifacts.oci.companions import cosign_subject
from artifacts.oci.descriptors import Descriptor
from artifacts.oci.digest import Digest
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import BlobUnknown, ManifestInvalid
from artifacts.signatures.claims import (
    IN_TOTO,
    MAX_CONTENT_BYTES,
    Claim,
    Malformed,
    Unknown,
    can_hold_a_claim,
    read_claim,
)
from artifacts.signatures.keys import VerifyingKey
from artifacts.signatures.notary import (
    COSE,
    JOSE,
    NOTARY,
    NotaryUnreadable,
    read_notary,
)
from artifacts.signatures.verdicts import (
    CONTENT_MISSING,
    SUBJECT_MISSING,
    Budget,
    Judgement,
    State,
    judge,
    judge_notary,
)
from registry.blobs.services import find_blob, read_blob
from registry.events.kinds import EventType
from registry.events.outbox import note
from registry.manifests.models import Manifest
from registry.metrics.families import Counter
from registry.repositories.models import Repository
from registry.tags.models import Tag
from registry.verification.models import Keyring, PublicKey, Verdict
from registry.verification.reads import Attachments, attached_to

logger = logging.getLogger(__name__)

MAX_LAYERS = 32  # cosign adds the newest signature as the last layer
MAX_CHECKS = 50  # of one subject's attachments in one go; the next look takes the next ones
_TRIES = 5
VERDICTS = Counter("berth_verdicts_total", "Verdicts on signatures and attestations.", ("state",))


@dataclass(frozen=True, slots=True)
class Finding:
    """What the check of one layer said."""

    position: int
    judgement: Judgement
    layer_digest: str = ""
    is_signature: bool | None = None  # where the content does not say, the types do
    predicate_type: str = ""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of a namespace as they were at one version of its keyring."""

    version: int
    by_fingerprint: dict[str, PublicKey]
    verifying: list[VerifyingKey]


def examine(*, manifest: Manifest, now: datetime) -> None:
    """Check a manifest that was pushed, as a signature or attestation of what it says it is of.

    What one push makes of work is bounded; a pull that needs what is left has it checked.
    """
    budget = Budget()
    for subject in _subjects_of(manifest, now):
        if budget.is_spent:
            break
        check(manifest=manifest, subject=subject, now=now, shared=budget)


def looked_at(repository: Repository, digest: Digest, *, now: datetime) -> Attachments:
    """What is attached to a manifest, with verdicts by the keys of now."""
    recheck(repository=repository, digest=digest, now=now)
    return attached_to(repository, digest, now=now)


def recheck(
    *, repository: Repository, digest: Digest, now: datetime, budget: Budget | None = None
) -> None:
    """Check what is attached to a manifest and has no verdict by the keys of now.

    With a ``budget`` no other manifest is begun once it is spent: jobs come to them.
    """
    version = _version(repository.namespace_id)
    attachments = [one for one in attached_to(repository, digest, now=now) if one.can_be_verified]
    due = [
        one.manifest
        for one in attachments
        if not one.verdicts or any(_is_due(verdict, version) for verdict in one.verdicts)
    ]
    for manifest in due[:MAX_CHECKS]:
        if budget and budget.is_spent:
            break
        check(manifest=manifest, subject=digest, now=now, shared=budget)


def recompute(*, now: datetime, limit: int) -> int:
    """Check again at most ``limit`` manifests whose verdicts older keys gave; return how many."""
    done = 0
    for keyring in Keyring.objects.unsettled().order_by("pk"):
        done += _recompute(keyring, now, limit - done)
        if done >= limit:
            break
    return done


def _recompute(keyring: Keyring, now: datetime, limit: int) -> int:
    outdated = Verdict.objects.outdated(keyring).order_by("checked_at", "pk")
    pairs = dict.fromkeys(outdated.values_list("manifest", "subject_digest")[:limit])
    if not pairs:
        # None can come any more: verdicts are written under the lock of the keyring.
        settled = Keyring.objects.filter(pk=keyring.pk, version=keyring.version)
        settled.update(settled_version=keyring.version)
    for manifest_id, subject in pairs:
        manifest = Manifest.objects.select_related("repository").filter(pk=manifest_id).first()
        if manifest is None:
            continue  # collected meanwhile, and its verdicts with it
        try:
            check(manifest=manifest, subject=Digest.parse(subject), now=now)
        except Exception:
            # One broken signature must not keep the others from being checked.
            logger.exception("the signature %s could not be checked", manifest)
            _give_up(manifest, subject, now)
    return len(pairs)


def check(
    *, manifest: Manifest, subject: Digest, now: datetime, shared: Budget | None = None
) -> None:
    """Judge each layer of a signature or attestation as a claim about ``subject``.

    What it takes comes out of ``shared``, and is never cut short by it: verdicts are kept.
    """
    repository = manifest.repository
    for _ in range(_TRIES):
        keys = _keys(repository.namespace_id)
        budget = Budget()
        findings = list(_findings(manifest, subject, keys, budget, now))
        if shared:
            shared.take_what_was_spent_of(budget)
        if _store(manifest, subject, keys, findings, now):
            return
    logger.warning("the keys of %s keep changing; %s is checked later", repository, manifest)


def _is_due(verdict: Verdict, version: int) -> bool:
    """Reached with other keys, or while something was missing that may be here by now."""
    return verdict.keyring_version < version or verdict.reason in (CONTENT_MISSING, SUBJECT_MISSING)


def _subjects_of(manifest: Manifest, now: datetime) -> list[Digest]:
    """What a manifest claims to be about: its subject, and what its tags name."""
    named = {Digest.parse(manifest.subject_digest)} if manifest.subject_digest else set()
    tags = Tag.objects.alive(at=now).filter(manifest=manifest.id, name__startswith="sha256-")
    digests = (cosign_subject(name) for name in tags.values_list("name", flat=True)[:MAX_CHECKS])
    return sorted(named | {digest for digest in digests if digest}, key=str)


def _findings(
    manifest: Manifest, subject: Digest, keys: Keys, budget: Budget, now: datetime
) -> Iterator[Finding]:
    """The newest first: they are worth what can be spent."""
    try:
        document = manifest.document
    except ManifestInvalid as error:
        yield Finding(0, Judgement(State.INVALID, f"its manifest is broken: {error.reason}"))
        return
    layers = [
        (position, layer)
        for position, layer in enumerate(document.layers)
        if can_hold_a_claim(layer.media_type) or _is_of_notary(document, layer)
    ]
    if not layers:
        yield Finding(0, Judgement(State.UNVERIFIABLE, _why_nothing_is_checked(document)))
    for position, layer in reversed(layers[-MAX_LAYERS:]):
        budget.content_bytes -= layer.size
        if budget.content_bytes < 0 or layer.size > MAX_CONTENT_BYTES:
            reason = "it is too large to be checked"
            yield Finding(position, Judgement(State.UNVERIFIABLE, reason), str(layer.digest))
            continue
        yield _finding(manifest, position, layer, subject, keys, budget, now)


def _is_of_notary(document: ManifestDocument, layer: Descriptor) -> bool:
    return document.artifact_type == NOTARY and layer.media_type in (COSE, JOSE)


def _why_nothing_is_checked(document: ManifestDocument) -> str:
    if document.artifact_type == NOTARY:
        return "it is of the Notary Project, in an envelope that is not known here"
    if any(layer.media_type == IN_TOTO for layer in document.layers):
        return "its statements are not signed"
    return "what it holds is not known here"


def _finding(
    manifest: Manifest,
    position: int,
    layer: Descriptor,
    subject: Digest,
    keys: Keys,
    budget: Budget,
    now: datetime,
) -> Finding:
    digest = str(layer.digest)
    try:
        blob = find_blob(repository=manifest.repository, digest=layer.digest, now=now)
        content = b"".join(read_blob(blob=blob, start=0, length=blob.size, now=now))
        if layer.media_type in (COSE, JOSE):
            signature = read_notary(layer.media_type, content)
            return Finding(position, judge_notary(signature, subject=str(subject)), digest)
        claim = read_claim(layer.media_type, layer.annotations, content)
    except BlobUnknown:
        judgement = Judgement(State.UNVERIFIABLE, CONTENT_MISSING)
        return Finding(position, judgement, digest)
    except Unknown as error:
        return Finding(position, Judgement(State.UNVERIFIABLE, str(error)), digest)
    except (Malformed, NotaryUnreadable) as error:
        return Finding(position, Judgement(State.INVALID, str(error)), digest)
    body = None if claim.message else _body(manifest.repository, subject)
    judgement = judge(
        claim, subject=str(subject), keys=keys.verifying, subject_body=body, budget=budget
    )
    return Finding(position, judgement, digest, claim.is_signature, _text(claim))


def _text(claim: Claim) -> str:
    """Text columns of PostgreSQL hold no NUL."""
    return claim.predicate_type.replace("\x00", "")[:500]


def _body(repository: Repository, subject: Digest) -> bytes | None:
    bodies = Manifest.objects.present().filter(repository=repository.id, digest=str(subject))
    body = bodies.values_list("body", flat=True).first()
    return None if body is None else bytes(body)


def _store(
    manifest: Manifest, subject: Digest, keys: Keys, findings: list[Finding], now: datetime
) -> bool:
    """Write what was found; ``False`` when the keys have changed since."""
    with transaction.atomic():
        ring = Keyring.objects.select_for_update().filter(
            namespace=manifest.repository.namespace_id
        )
        if (ring.values_list("version", flat=True).first() or 0) != keys.version:
            return False
        here = Manifest.objects.select_for_update(of=("self",), no_key=True)
        if not here.filter(pk=manifest.pk).values_list("pk").first():
            return True  # collected meanwhile, and its verdicts with it
        _tell_of_failures(manifest, subject, findings, now)
        Verdict.objects.bulk_create(
            [_row(manifest, subject, keys, finding, now) for finding in findings],
            update_conflicts=True,
            unique_fields=["manifest", "subject_digest", "position"],
            update_fields=[
                "is_signature",
                "predicate_type",
                "state",
                "key",
                "reason",
                "keyring_version",
                "checked_at",
            ],
        )
    for finding in findings:
        VERDICTS.add(finding.judgement.state)
    return True


def _tell_of_failures(
    manifest: Manifest, subject: Digest, findings: list[Finding], now: datetime
) -> None:
    """Of what did not hold before is told once."""
    if all(finding.judgement.state == State.VALID for finding in findings):
        return
    verdicts = Verdict.objects.filter(manifest=manifest, subject_digest=str(subject))
    bad_before = set(verdicts.filter(state=State.INVALID).values_list("position", flat=True))
    good_before = set(verdicts.filter(state=State.VALID).values_list("position", flat=True))
    for finding in findings:
        judgement = finding.judgement
        is_new = judgement.state == State.INVALID and finding.position not in bad_before
        is_lost = judgement.state != State.VALID and finding.position in good_before
        if is_new or is_lost:
            note(
                EventType.SIGNATURE_FAILED,
                repository=manifest.repository,
                now=now,
                digest=str(subject),
                signature=manifest.digest,
                state=judgement.state.value,
                reason=judgement.reason,
            )


def _row(
    manifest: Manifest, subject: Digest, keys: Keys, finding: Finding, now: datetime
) -> Verdict:
    return Verdict(
        repository_id=manifest.repository_id,
        subject_digest=str(subject),
        manifest=manifest,
        position=finding.position,
        layer_digest=finding.layer_digest,
        is_signature=(
            manifest.kind == Kind.SIGNATURE
            if finding.is_signature is None
            else finding.is_signature
        ),
        predicate_type=finding.predicate_type,
        state=finding.judgement.state,
        key=keys.by_fingerprint.get(finding.judgement.fingerprint),
        reason=finding.judgement.reason.replace("\x00", ""),
        keyring_version=keys.version,
        checked_at=now,
    )


def _give_up(manifest: Manifest, subject: str, now: datetime) -> None:
    Verdict.objects.filter(manifest=manifest, subject_digest=subject).update(
        state=State.UNVERIFIABLE,
        key=None,
        reason="the check failed; the log says why",
        keyring_version=_version(manifest.repository.namespace_id),
        checked_at=now,
    )


def _keys(namespace_id: int) -> Keys:
    # The version first: keys that are newer than it only mean another look.
    version = _version(namespace_id)
    rows = list(PublicKey.objects.filter(namespace=namespace_id).order_by("pk"))
    return Keys(
        version=version,
        by_fingerprint={row.fingerprint: row for row in rows},
        verifying=[VerifyingKey.parse(row.pem) for row in rows],
    )


def _version(namespace_id: int) -> int:
    rings = Keyring.objects.filter(namespace=namespace_id)
    return rings.values_list("version", flat=True).first() or 0
