"""Store manifests, and point tags at them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import IntegrityError, connection, transaction

from accounts import statements
from accounts.audit.services import SYSTEM, Actor
from artifacts.batches import batched
from artifacts.kinds.kinds import PROOFS, Kind, kind_of
from artifacts.oci.descriptors import UNKNOWN_SIZE, Descriptor
from artifacts.oci.digest import Digest
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import (
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameUnknown,
)
from artifacts.oci.expiry import ExpirySource, TagTerms, terms_of
from artifacts.oci.media_types import INDEXES
from registry.events.kinds import EventType
from registry.events.outbox import note
from registry.manifests.drafts import UNCONDITIONAL, Draft
from registry.manifests.models import Manifest, ManifestBlob, ManifestChild
from registry.manifests.terms import HeldBlob, labels_of_index
from registry.repositories.models import Repository
from registry.repositories.services import note_push, note_words, while_it_exists
from registry.tags.models import Tag
from registry.tags.services import lock_tag, point_tag

_HELD = """
    SELECT l.blob_id, l.id, b.size
    FROM "blobs_bloblink" l JOIN "blobs_blob" b ON b.digest = l.blob_id
    WHERE l.repository_id = %s AND l.blob_id IN ({places}) AND b.missing_at IS NULL
    ORDER BY l.blob_id
"""
_PRESENT = """
    SELECT digest FROM "manifests_manifest" WHERE repository_id = %s AND digest IN ({places})
"""
_NEED = """
    INSERT INTO "manifests_manifestblob" (manifest_id, link_id) VALUES {places}
    ON CONFLICT DO NOTHING
"""
_ROWS_PER_QUERY = 500  # SQLite and PostgreSQL both limit the parameters of a statement
_TRIES = 5
_TAGS_AUDITED = 20


@dataclass(frozen=True, slots=True)
class PushedManifest:
    """What a push stored, and sentences about what it asked for and did not get."""

    manifest: Manifest
    warnings: tuple[str, ...]


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


def tag_manifest(
    *, repository: Repository, name: str, digest: str, now: datetime, by: Actor = SYSTEM
) -> Tag:
    """Point a tag at a manifest that is here: what a push of it does, without a push.

    Raises ``ManifestUnknown`` when the repository does not have it, ``TagImmutable`` when the
    tag must stay where it is.
    """
    try:
        return _tag(repository, name, digest, now, by)
    except IntegrityError:  # a push made the tag between look and write: now it is there to move
        return _tag(repository, name, digest, now, by)


def _store(draft: Draft, labels: Mapping[str, str], now: datetime, by: Actor) -> PushedManifest:
    repository, document = draft.repository, draft.document
    digest, names = draft.digest, draft.names
    # One transaction: a tag is never visible before its manifest, nor a
    # manifest before the repository holds every blob it names.
    with while_it_exists(repository), transaction.atomic():
        links = lock_blob_links(repository, document, digest)
        children = _check_children(repository, document)
        if not names:
            _check_by_digest(draft)
        # The manifest before its tags, as its deletion locks them; the tags in one order.
        agreed, warnings = labels_of_index(document, children)
        manifest = _store_row(draft, agreed or labels, now)
        manifest.document = document  # who looks into it need not read it again
        store_edges(manifest, document, links)
        terms = _terms(document, manifest, warnings)
        tags = []
        for name in names:
            current = lock_tag(repository=repository, name=name)
            alive = current if current and current.is_alive(now) else None
            draft.condition.check(alive.manifest.digest if alive else None)
            tags.append(
                point_tag(
                    current=current,
                    repository=repository,
                    name=name,
                    manifest=manifest,
                    terms=terms,
                    now=now,
                    by=by,
                )
            )
        if not names:
            note(EventType.MANIFEST_PUSHED, repository=repository, now=now, by=by, **manifest.facts)
        tag_names = ", ".join(names[:_TAGS_AUDITED])
        by.did("manifest.push", draft.target, now=now, digest=str(digest), tags=tag_names)
        is_content = _is_content(manifest, names)
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


def _tag(repository: Repository, name: str, digest: str, now: datetime, by: Actor) -> Tag:
    with transaction.atomic():
        present = Manifest.objects.present().filter(repository=repository.id, digest=digest)
        manifest = present.select_for_update(of=("self",)).defer("body").first()
        if manifest is None:
            raise ManifestUnknown(f"{repository.path} has no manifest {digest}", reference=digest)
        is_index = manifest.media_type in INDEXES
        source = ExpirySource.IMAGES if is_index else ExpirySource.LABEL
        tag = point_tag(
            current=lock_tag(repository=repository, name=name),
            repository=repository,
            name=name,
            manifest=manifest,
            terms=terms_of(manifest.annotations, manifest.labels, label_source=source),
            now=now,
            by=by,
        )
        by.did("tag.move", f"{repository.path}:{name}", now=now, digest=digest)
    return tag


def lock_blob_links(
    repository: Repository, document: ManifestDocument, digest: Digest
) -> Mapping[str, HeldBlob]:
    """The repository's links to all blobs that the document names, by digest, locked until commit.

    And to the blob that the document itself is elsewhere, if ``digest`` is one: of two pushes
    of which one names the other, the later sees the earlier.

    Garbage collection takes the same locks, so no blob can go in between. The
    links are locked in the order of their blobs, so that pushes do not deadlock.
    """
    links: dict[str, HeldBlob] = {}
    named = {str(digest), *(str(one.digest) for one in document.named())}
    for digests in batched(sorted(named), _ROWS_PER_QUERY):
        statement = _HELD.format(places=_places("%s", len(digests)))
        if connection.features.has_select_for_update:
            statement += " FOR UPDATE OF l"
        rows = statements.rows(statement, [repository.id, *digests])
        links.update({digest: HeldBlob(link, size) for digest, link, size in rows})
    required = [str(blob.digest) for blob in document.required_blobs()]
    if missing := list(dict.fromkeys(name for name in required if name not in links)):
        raise ManifestBlobUnknown(
            f"the repository does not hold {', '.join(missing[:5])}"
            + (f" and {len(missing) - 5} more" if len(missing) > 5 else ""),
            digests=missing,
        )
    sizes = {name: blob.size for name, blob in links.items()}
    _check_sizes([*document.blobs(), *document.manifests], sizes)
    return links


def _check_children(repository: Repository, document: ManifestDocument) -> list[Manifest]:
    """An index may list manifests that are not here, but not misstate those that are.

    Those that are here stay until the index is.
    """
    rows: list[Manifest] = []
    for digests in batched(
        sorted({str(child.digest) for child in document.manifests}), _ROWS_PER_QUERY
    ):
        _hold(repository, digests)
        children = Manifest.objects.present().filter(repository=repository.id, digest__in=digests)
        rows += children.only("digest", "size", "kind", "annotations_json", "labels_json")
    _check_sizes(document.manifests, {child.digest: child.size for child in rows})
    return rows


def _hold(repository: Repository, digests: Sequence[str]) -> None:
    """Keep the manifests of these digests that are there, until the transaction ends.

    Collection and deletion lock rows for themselves and wait; pushes share this lock. SQLite
    has one writer at a time.
    """
    if not digests or not connection.features.has_select_for_update:
        return
    places = _places("%s", len(digests))
    statements.execute(
        f"SELECT id FROM manifests_manifest WHERE repository_id = %s AND digest IN ({places})"  # noqa: S608
        " ORDER BY id FOR KEY SHARE",
        [repository.id, *digests],
    )


def _check_sizes(descriptors: Iterable[Descriptor], sizes: dict[str, int]) -> None:
    for descriptor in descriptors:
        stored = sizes.get(str(descriptor.digest), descriptor.size)
        if descriptor.size not in (stored, UNKNOWN_SIZE):
            raise ManifestInvalid(
                f"{descriptor.where}.size is {descriptor.size}, but {descriptor.digest}"
                f" has {stored} bytes"
            )


def _check_by_digest(draft: Draft) -> None:
    if draft.condition == UNCONDITIONAL:
        return
    digest = str(draft.digest)
    present = Manifest.objects.present().filter(repository=draft.repository.id, digest=digest)
    draft.condition.check(digest if present.exists() else None)


def _store_row(draft: Draft, labels: Mapping[str, str], now: datetime) -> Manifest:
    document, digest = draft.document, str(draft.digest)
    renewal: dict[str, object] = {"last_pushed_at": now, "deleted_at": None}
    if document.manifests:  # its images may have come or changed since
        renewal["labels_json"] = json.dumps(labels)
    there = Manifest.objects.filter(repository=draft.repository.id, digest=digest)
    if there.update(**renewal):
        return Manifest.objects.defer("body").get(repository=draft.repository.id, digest=digest)
    return Manifest.objects.create(
        repository=draft.repository,
        digest=digest,
        media_type=document.media_type,
        artifact_type=document.artifact_type,
        config_media_type=document.config_media_type,
        subject_digest=str(document.subject.digest) if document.subject else "",
        kind=kind_of(document),
        annotations_json=json.dumps(document.annotations),
        labels_json=json.dumps(labels),
        size=len(draft.body),
        body=draft.body,
        pushed_at=now,
        last_pushed_at=now,
    )


def _terms(document: ManifestDocument, manifest: Manifest, warnings: tuple[str, ...]) -> TagTerms:
    """What the manifest asks for its tags; what its images do not agree on is told beside it."""
    source = ExpirySource.IMAGES if document.manifests else ExpirySource.LABEL
    terms = terms_of(document.annotations, manifest.labels, label_source=source)
    unsettled = [text for text in warnings if text.partition(":")[0] not in document.annotations]
    return replace(terms, warnings=(*terms.warnings, *unsettled))


def store_edges(
    manifest: Manifest, document: ManifestDocument, links: Mapping[str, HeldBlob]
) -> None:
    """Write down what the document names, and who names it as a blob. ``links`` are locked."""
    blobs = dict.fromkeys(str(blob.digest) for blob in document.blobs())
    for needed in batched([blob for blob in blobs if blob in links], _ROWS_PER_QUERY):
        values = [value for blob in needed for value in (manifest.id, links[blob].link_id)]
        statements.execute(_NEED.format(places=_places("(%s, %s)", len(needed))), values)
    # What is not here may come as either; what is here as a blob may be a manifest too.
    children = dict.fromkeys(str(child.digest) for child in document.manifests)
    children |= dict.fromkeys(blob for blob in blobs if blob not in links)
    for digests in batched(list(blobs), _ROWS_PER_QUERY):
        statement = _PRESENT.format(places=_places("%s", len(digests)))
        rows = statements.rows(statement, [manifest.repository_id, *digests])
        children |= dict.fromkeys(digest for (digest,) in rows)
    edges = [ManifestChild(parent=manifest, child_digest=child) for child in children]
    if as_blob := links.get(manifest.digest):
        needing = ManifestBlob.objects.filter(link=as_blob.link_id)
        edges += [
            ManifestChild(parent_id=parent, child_digest=manifest.digest)
            for parent in needing.values_list("manifest_id", flat=True)
        ]
    ManifestChild.objects.bulk_create(edges, ignore_conflicts=True, batch_size=_ROWS_PER_QUERY)


def _is_content(manifest: Manifest, names: Sequence[str]) -> bool:
    """Whether a repository is of this kind: not what only goes with something."""
    return bool(names) and not manifest.subject_digest and manifest.kind not in PROOFS


def _places(one: str, count: int) -> str:
    return ", ".join([one] * count)


def _words(manifest: Manifest) -> Iterable[str]:
    """Title and description, as annotations or else labels say them."""
    texts = {**manifest.labels, **manifest.annotations}
    return (texts.get(f"org.opencontainers.image.{name}", "") for name in ("title", "description"))
