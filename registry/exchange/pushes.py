"""What happens when a manifest is pushed, whichever door it comes through."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import IntegrityError, transaction

from accounts.audit.services import SYSTEM, Actor
from artifacts.images.config import MAX_CONFIG_BYTES, labels_in, labels_of
from artifacts.images.references import is_about
from artifacts.kinds.kinds import IMAGE_CONFIGS, PROOFS, Kind
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import BlobUnknown, NameUnknown
from artifacts.oci.expiry import TagTerms, agreed_labels
from artifacts.oci.media_types import ANY_MANIFESTS
from registry.blobs.services import find_blob, read_blob
from registry.events.kinds import EventType
from registry.events.outbox import note
from registry.inspection.services import inspect_soon
from registry.manifests.drafts import UNCONDITIONAL, Draft
from registry.manifests.models import Manifest
from registry.manifests.policy import admit
from registry.manifests.services import lock_blob_links, lock_children, store_edges, store_row
from registry.repositories.models import Repository
from registry.repositories.services import note_push, note_words, while_it_exists
from registry.statistics.counting import count_push
from registry.tags.models import Tag
from registry.tags.services import lock_tag, point_tag

_TRIES = 5
_TAGS_AUDITED = 20
_ABOUT_IMAGES = frozenset({Kind.ATTESTATION, Kind.SIGNATURE, Kind.SBOM})


@dataclass(frozen=True, slots=True)
class PushedManifest:
    """What a push stored, and sentences about what it asked for and did not get."""

    manifest: Manifest
    warnings: tuple[str, ...]


def push_manifest(draft: Draft, *, now: datetime, by: Actor = SYSTEM) -> PushedManifest:
    """Take a manifest in, point its tags at it, count it, and look into it.

    Raises what ``admit`` and ``store_manifest`` do; nothing is stored then.
    """
    admit(draft, now=now, by=by)
    # The store may take its time, and the transaction holds up other pushes.
    labels = labels_of_image(draft.document, repository=draft.repository, now=now)
    pushed = store_manifest(draft, labels=labels, now=now, by=by)
    count_push(repository_id=draft.repository.id, now=now)
    inspect_soon(manifest=pushed.manifest, now=now)
    return pushed


def labels_of_image(
    document: ManifestDocument, *, repository: Repository, now: datetime
) -> Mapping[str, str]:
    """The labels of an image's config. A config that cannot be read has none.

    For before the transaction of a push, which finds out itself what is not here or goes
    meanwhile: until then that has no labels either. Raises ``StorageUnavailable``.
    """
    if document.inline_config is not None:
        return labels_in(document.inline_config)
    config = document.config
    if config is None or document.config_media_type not in IMAGE_CONFIGS:
        return {}
    try:
        blob = find_blob(repository=repository, digest=config.digest, now=now)
        if blob.size > MAX_CONFIG_BYTES:
            return {}
        return labels_of(b"".join(read_blob(blob=blob, start=0, length=blob.size, now=now)))
    except BlobUnknown:
        return {}


def store_manifest(
    draft: Draft, *, labels: Mapping[str, str], now: datetime, by: Actor = SYSTEM
) -> PushedManifest:
    """Store a manifest and point its tags at it.

    Args:
        labels: those of its image, see ``labels_of_image``.

    Raises:
        ManifestInvalid: a descriptor misstates the size of what is stored here.
        DigestInvalid, NameInvalid: see ``Draft``.
        ManifestBlobUnknown: names every blob that the repository does not hold.
        PreconditionFailed: the draft's condition does not hold.
        TagImmutable: a tag points at another manifest, and must go on doing so.

    Source: distribution-spec v1.1, "Pushing Manifests" (end-7).
    """
    for attempt in range(1, _TRIES + 1):
        try:
            return _store(draft, labels, now, by)
        except IntegrityError:
            # Another push created the same manifest or tag between look and write.
            if not Repository.objects.filter(pk=draft.repository.pk).exists():
                raise NameUnknown(f"{draft.repository.path} has been deleted") from None
            if attempt == _TRIES:
                raise
    raise AssertionError("unreachable")


def _store(draft: Draft, labels: Mapping[str, str], now: datetime, by: Actor) -> PushedManifest:
    repository, document = draft.repository, draft.document
    digest, names = draft.digest, draft.names
    # One transaction: a tag is never visible before its manifest, nor a
    # manifest before the repository holds every blob it names.
    with while_it_exists(repository), transaction.atomic():
        links = lock_blob_links(repository, document, digest)
        children = lock_children(repository, document)
        if not names:
            _check_by_digest(draft)
        # The manifest before its tags, as its deletion locks them; the tags in one order.
        agreed, warnings = _labels_of_index(document, children)
        manifest = store_row(draft, agreed or labels, now)
        manifest.document = document  # who looks into it need not read it again
        store_edges(manifest, document, links)
        terms = _with_warnings(manifest, warnings)
        tags = [_point(name, draft, manifest, terms, now, by) for name in names]
        if not names:
            note(EventType.MANIFEST_PUSHED, repository=repository, now=now, by=by, **manifest.facts)
        tag_names = ", ".join(names[:_TAGS_AUDITED])
        by.did("manifest.push", draft.target, now=now, digest=str(digest), tags=tag_names)
        # Whether the repository is of this kind: not by what only goes with something.
        is_content = bool(names) and not manifest.subject_digest and manifest.kind not in PROOFS
        if is_content and manifest.kind != Kind.HELM_CHART:  # which says more once it is read
            note_words(repository=repository, words=_words(manifest))
        note_push(
            repository=repository,
            kind=manifest.kind,
            is_content=is_content,
            now=now,
            by=by,
        )
    push_warnings = [tag.warning for tag in tags if tag.warning] if tags else terms.warnings
    return PushedManifest(manifest, tuple(dict.fromkeys(push_warnings)))


def _check_by_digest(draft: Draft) -> None:
    if draft.condition == UNCONDITIONAL:
        return
    digest = str(draft.digest)
    present = Manifest.objects.present().filter(repository=draft.repository.id, digest=digest)
    draft.condition.check(digest if present.exists() else None)


def _labels_of_index(
    document: ManifestDocument, children: Iterable[Manifest]
) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """What the images of an index ask for alike, and warnings about what only some do."""
    here = {child.digest: child for child in children}
    labels: list[Mapping[str, str]] = []
    for entry in document.manifests:
        child = here.get(str(entry.digest))
        if is_about(entry) or (child and child.kind in _ABOUT_IMAGES):
            continue
        if child is None and entry.media_type not in ANY_MANIFESTS:
            continue  # a blob
        labels.append({**child.labels, **child.annotations} if child else {})
    return agreed_labels(labels)


def _with_warnings(manifest: Manifest, warnings: tuple[str, ...]) -> TagTerms:
    """What the manifest asks for its tags; what its images do not agree on is told beside it."""
    terms, said = manifest.terms, manifest.annotations
    unsettled = [text for text in warnings if text.partition(":")[0] not in said]
    return replace(terms, warnings=(*terms.warnings, *unsettled))


def _point(
    name: str, draft: Draft, manifest: Manifest, terms: TagTerms, now: datetime, by: Actor
) -> Tag:
    current = lock_tag(repository=draft.repository, name=name)
    alive = current if current and current.is_alive(now) else None
    draft.condition.check(alive.manifest.digest if alive else None)
    return point_tag(
        current=current,
        repository=draft.repository,
        name=name,
        manifest=manifest,
        terms=terms,
        now=now,
        by=by,
    )


def _words(manifest: Manifest) -> Iterable[str]:
    """Title and description, as annotations or else labels say them."""
    texts = {**manifest.labels, **manifest.annotations}
    return (texts.get(f"org.opencontainers.image.{name}", "") for name in ("title", "description"))
