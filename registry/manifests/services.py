"""The rows of a manifest: itself, what it names, and a tag for what is there already."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, connection, transaction

from accounts import statements
from accounts.audit.services import SYSTEM, Actor
from artifacts.batches import batched
from artifacts.kinds.kinds import kind_of
from artifacts.oci.descriptors import UNKNOWN_SIZE, Descriptor
from artifacts.oci.digest import Digest
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import ManifestBlobUnknown, ManifestInvalid, ManifestUnknown
from registry.manifests.drafts import Draft
from registry.manifests.models import Manifest, ManifestBlob, ManifestChild
from registry.repositories.models import Repository
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


@dataclass(frozen=True, slots=True)
class HeldBlob:
    """A blob as the repository of a push holds it; its link is locked."""

    link_id: int
    size: int


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
    for digests in batched(sorted(named), statements.ROWS_AT_ONCE):
        statement = _HELD.format(places=statements.places(len(digests)))
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


def lock_children(repository: Repository, document: ManifestDocument) -> list[Manifest]:
    """An index may list manifests that are not here, but not misstate those that are.

    Those that are here stay until the index is.
    """
    rows: list[Manifest] = []
    for digests in batched(
        sorted({str(child.digest) for child in document.manifests}), statements.ROWS_AT_ONCE
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
    places = statements.places(len(digests))
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


def store_row(draft: Draft, labels: Mapping[str, str], now: datetime) -> Manifest:
    """The row of a manifest that is pushed, for the first time or again.

    Raises ``IntegrityError`` when another push has created it since it was looked for.
    """
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


def store_edges(
    manifest: Manifest, document: ManifestDocument, links: Mapping[str, HeldBlob]
) -> None:
    """Write down what the document names, and who names it as a blob. ``links`` are locked."""
    blobs = dict.fromkeys(str(blob.digest) for blob in document.blobs())
    for needed in batched([blob for blob in blobs if blob in links], statements.ROWS_AT_ONCE):
        values = [value for blob in needed for value in (manifest.id, links[blob].link_id)]
        statements.execute(
            _NEED.format(places=statements.places(len(needed), each="(%s, %s)")), values
        )
    # What is not here may come as either; what is here as a blob may be a manifest too.
    children = dict.fromkeys(str(child.digest) for child in document.manifests)
    children |= dict.fromkeys(blob for blob in blobs if blob not in links)
    for digests in batched(list(blobs), statements.ROWS_AT_ONCE):
        statement = _PRESENT.format(places=statements.places(len(digests)))
        rows = statements.rows(statement, [manifest.repository_id, *digests])
        children |= dict.fromkeys(digest for (digest,) in rows)
    edges = [ManifestChild(parent=manifest, child_digest=child) for child in children]
    if as_blob := links.get(manifest.digest):
        needing = ManifestBlob.objects.filter(link=as_blob.link_id)
        edges += [
            ManifestChild(parent_id=parent, child_digest=manifest.digest)
            for parent in needing.values_list("manifest_id", flat=True)
        ]
    ManifestChild.objects.bulk_create(
        edges, ignore_conflicts=True, batch_size=statements.ROWS_AT_ONCE
    )


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


def _tag(repository: Repository, name: str, digest: str, now: datetime, by: Actor) -> Tag:
    with transaction.atomic():
        present = Manifest.objects.present().filter(repository=repository.id, digest=digest)
        manifest = present.select_for_update(of=("self",)).defer("body").first()
        if manifest is None:
            raise ManifestUnknown(f"{repository.path} has no manifest {digest}", reference=digest)
        tag = point_tag(
            current=lock_tag(repository=repository, name=name),
            repository=repository,
            name=name,
            manifest=manifest,
            terms=manifest.terms,
            now=now,
            by=by,
        )
        by.did("tag.move", f"{repository.path}:{name}", now=now, digest=digest)
    return tag
