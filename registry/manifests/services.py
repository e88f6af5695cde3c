"""Push manifests."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import IntegrityError, transaction

from artifacts.kinds.kinds import kind_of
from artifacts.oci.descriptors import Descriptor
from artifacts.oci.digest import Digest
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import (
    DigestInvalid,
    ManifestBlobUnknown,
    ManifestInvalid,
    NameUnknown,
)
from artifacts.oci.names import Reference
from registry.blobs.models import BlobLink
from registry.manifests.conditions import UNCONDITIONAL, Condition
from registry.manifests.models import Manifest, ManifestBlob, ManifestChild
from registry.repositories.models import Repository
from registry.tags.services import lock_tag, point_tag

_ROWS_PER_QUERY = 500  # SQLite and PostgreSQL both limit the parameters of a statement
_TRIES = 5


def push_manifest(
    *,
    repository: Repository,
    reference: Reference,
    tags: Sequence[str] = (),
    document: ManifestDocument,
    body: bytes,
    condition: Condition = UNCONDITIONAL,
    now: datetime,
) -> Manifest:
    """Store a manifest and point its tags at it: the one of the URL, and ``tags``.

    ``document`` is what ``body`` says.

    Raises:
        ManifestInvalid: a descriptor misstates the size of what is stored here.
        DigestInvalid: pushed by a digest that the bytes do not have.
        ManifestBlobUnknown: names every blob that the repository does not hold.
        PreconditionFailed: ``condition`` does not hold.

    Source: distribution-spec v1.1, "Pushing Manifests" (end-7).
    """
    algorithm = reference.digest.algorithm if reference.digest else "sha256"
    digest = Digest.of(body, algorithm)
    if reference.digest and reference.digest != digest:
        raise DigestInvalid(f"the manifest has the digest {digest}", digest=str(reference.digest))
    names = sorted({*tags, *([reference.tag] if reference.tag else [])})
    for attempt in range(1, _TRIES + 1):
        try:
            return _store(repository, document, digest, body, names, condition, now)
        except IntegrityError:
            # Another push created the same manifest or tag between look and write.
            if not Repository.objects.filter(pk=repository.pk).exists():
                raise NameUnknown(f"{repository.path} has been deleted") from None
            if attempt == _TRIES:
                raise
    raise AssertionError("unreachable")


def _store(
    repository: Repository,
    document: ManifestDocument,
    digest: Digest,
    body: bytes,
    names: Sequence[str],
    condition: Condition,
    now: datetime,
) -> Manifest:
    # One transaction: a tag is never visible before its manifest, nor a
    # manifest before the repository holds every blob it names.
    with transaction.atomic():
        links = _lock_blob_links(repository, document)
        _check_children(repository, document)
        if not names:
            _check_by_digest(condition, repository, digest)
        # The manifest before its tags, as its deletion locks them; the tags in one order.
        manifest = _store_manifest(repository, document, digest, body, now)
        _store_edges(manifest, document, links)
        for name in names:
            current = lock_tag(repository=repository, name=name)
            condition.check(current.manifest.digest if current and current.is_alive(now) else None)
            point_tag(current=current, repository=repository, name=name, manifest=manifest, now=now)
    return manifest


def _lock_blob_links(repository: Repository, document: ManifestDocument) -> list[int]:
    """The ids of the repository's links to all blobs of the document, locked until commit.

    Garbage collection takes the same locks, so no blob can go in between. The
    links are locked in the order of their blobs, so that pushes do not deadlock.
    """
    links: dict[str, tuple[int, int]] = {}
    for digests in _batches(sorted({str(blob.digest) for blob in document.blobs()})):
        rows = (
            BlobLink.objects.select_for_update(of=("self",))
            .filter(repository=repository.id, blob__in=digests, blob__missing_at=None)
            .order_by("blob")
            .values_list("blob_id", "id", "blob__size")
        )
        links.update({digest: (link, size) for digest, link, size in rows})
    required = [str(blob.digest) for blob in document.required_blobs()]
    if missing := list(dict.fromkeys(name for name in required if name not in links)):
        raise ManifestBlobUnknown(
            f"the repository does not hold {', '.join(missing[:5])}"
            + (f" and {len(missing) - 5} more" if len(missing) > 5 else ""),
            digests=missing,
        )
    _check_sizes(document.blobs(), {digest: size for digest, (_, size) in links.items()})
    return [link for link, _ in links.values()]


def _check_children(repository: Repository, document: ManifestDocument) -> None:
    """An index may list manifests that are not here, but not misstate those that are."""
    sizes: dict[str, int] = {}
    for digests in _batches(sorted({str(child.digest) for child in document.manifests})):
        children = Manifest.objects.present().filter(repository=repository.id, digest__in=digests)
        sizes.update(children.values_list("digest", "size"))
    _check_sizes(document.manifests, sizes)


def _check_sizes(descriptors: Iterable[Descriptor], sizes: dict[str, int]) -> None:
    for descriptor in descriptors:
        stored = sizes.get(str(descriptor.digest), descriptor.size)
        if stored != descriptor.size:
            raise ManifestInvalid(
                f"{descriptor.where}.size is {descriptor.size}, but {descriptor.digest}"
                f" has {stored} bytes"
            )


def _check_by_digest(condition: Condition, repository: Repository, digest: Digest) -> None:
    if condition == UNCONDITIONAL:
        return
    present = Manifest.objects.present().filter(repository=repository.id, digest=str(digest))
    condition.check(str(digest) if present.exists() else None)


def _store_manifest(
    repository: Repository,
    document: ManifestDocument,
    digest: Digest,
    body: bytes,
    now: datetime,
) -> Manifest:
    renewed = Manifest.objects.filter(repository=repository.id, digest=str(digest)).update(
        last_pushed_at=now, deleted_at=None
    )
    if renewed:
        return Manifest.objects.defer("body").get(repository=repository.id, digest=str(digest))
    return Manifest.objects.create(
        repository=repository,
        digest=str(digest),
        media_type=document.media_type,
        artifact_type=document.artifact_type,
        config_media_type=document.config_media_type,
        subject_digest=str(document.subject.digest) if document.subject else "",
        kind=kind_of(document),
        annotations_json=json.dumps(document.annotations),
        size=len(body),
        body=body,
        pushed_at=now,
        last_pushed_at=now,
    )


def _store_edges(manifest: Manifest, document: ManifestDocument, links: list[int]) -> None:
    ManifestBlob.objects.bulk_create(
        [ManifestBlob(manifest=manifest, link_id=link) for link in links],
        ignore_conflicts=True,
        batch_size=_ROWS_PER_QUERY,
    )
    children = dict.fromkeys(str(child.digest) for child in document.manifests)
    ManifestChild.objects.bulk_create(
        [ManifestChild(parent=manifest, child_digest=child) for child in children],
        ignore_conflicts=True,
        batch_size=_ROWS_PER_QUERY,
    )


def _batches(digests: Sequence[str]) -> Iterable[Sequence[str]]:
    return (digests[i : i + _ROWS_PER_QUERY] for i in range(0, len(digests), _ROWS_PER_QUERY))
