"""Bring tags back out of the time machine."""

from datetime import datetime

from django.db import IntegrityError, transaction

from accounts.audit.services import SYSTEM, Actor
from accounts.errors import AccountError
from artifacts.oci.digest import Digest
from artifacts.oci.errors import ManifestUnknown
from artifacts.oci.expiry import TagTerms
from registry.manifests.models import Manifest
from registry.manifests.services import lock_blob_links, store_edges
from registry.repositories.models import Repository
from registry.tags.models import StartReason, Tag
from registry.tags.services import lock_tag, point_tag
from registry.tags.time_machine import time_machine_of


class RestoreRefused(AccountError):
    """The tag cannot be brought back so."""


def restore_tag(
    *, repository: Repository, name: str, digest: str, now: datetime, by: Actor = SYSTEM
) -> Tag:
    """Let a tag point again at a manifest that it pointed at inside the time machine.

    What it points at now goes into the history. A restored tag does not expire by itself.

    Raises:
        ManifestUnknown: the time machine does not hold the tag with that digest.
        RestoreRefused: the tag points at that manifest already.
        ManifestBlobUnknown: somebody deleted blobs of the manifest meanwhile.
        TagImmutable: the tag points at another manifest, and must go on doing so.
    """
    try:
        return _restore(repository, name, digest, now, by)
    except IntegrityError:  # a push made the tag between look and write: now it is there to move
        return _restore(repository, name, digest, now, by)


def _restore(repository: Repository, name: str, digest: str, now: datetime, by: Actor) -> Tag:
    manifests = Manifest.objects.filter(repository=repository.id, digest=digest)
    with transaction.atomic():
        manifest = manifests.first()
        if manifest is None or not _is_held(repository, name, manifest, now):
            raise _not_held(repository, name, digest)
        # As a push locks them: the links to the blobs, the manifest, its tag. Its blobs may have
        # been deleted and pushed again since it was deleted, so it needs its links anew.
        document = manifest.document
        links = lock_blob_links(repository, document, Digest.parse(digest))
        if not manifests.update(deleted_at=None):
            raise _not_held(repository, name, digest)  # collected meanwhile
        store_edges(manifest, document, links)
        current = lock_tag(repository=repository, name=name)
        if not _is_held(repository, name, manifest, now):
            raise _not_held(repository, name, digest)
        if current and current.is_alive(now) and current.manifest_id == manifest.id:
            raise RestoreRefused(f"{repository.path}:{name} points at {digest} already")
        tag = point_tag(
            current=current,
            repository=repository,
            name=name,
            manifest=manifest,
            terms=TagTerms(),
            reason=StartReason.RESTORE,
            now=now,
            by=by,
        )
        by.did("tag.restore", f"{repository.path}:{name}", now=now, digest=digest)
    return tag


def _not_held(repository: Repository, name: str, digest: str) -> ManifestUnknown:
    return ManifestUnknown(
        f"the time machine of {repository.path} does not hold {name} with {digest}", tag=name
    )


def _is_held(repository: Repository, name: str, manifest: Manifest, now: datetime) -> bool:
    namespace = Repository.objects.select_related("namespace").get(pk=repository.pk).namespace
    rows = Tag.objects.filter(repository=repository.id, name=name, manifest=manifest)
    return rows.kept(since=now - time_machine_of(namespace)).exists()
