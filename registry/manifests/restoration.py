"""Bring tags back out of the time machine, or take them out of it for good."""

from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.audit.services import SYSTEM, Actor
from accounts.errors import AccountError
from artifacts.oci.digest import Digest
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import ManifestUnknown
from artifacts.oci.expiry import TagTerms
from registry.manifests.models import Manifest
from registry.manifests.reachability import is_abandoned
from registry.manifests.services import lock_blob_links, store_edges
from registry.repositories.models import Repository
from registry.tags.models import EndReason, StartReason, Tag, TagQuerySet
from registry.tags.services import end_tag, lock_tag, point_tag, require_mutable
from registry.tags.time_machine import time_machine_of


class RestoreRefused(AccountError):
    """The tag cannot be brought back so."""


class DeletionForGoodRefused(AccountError):
    """The configuration does not let tags be deleted for good."""


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


def delete_tag_for_good(
    *,
    repository: Repository,
    name: str,
    digest: str | None = None,
    now: datetime,
    by: Actor = SYSTEM,
) -> int:
    """Delete a tag past the time machine: its live row and its history, of one digest or of all.

    A manifest that nothing else leads to goes too, and cannot be restored.

    Returns:
        How many rows of the tag there were.

    Raises:
        ManifestUnknown: there is no such tag, nor was there.
        DeletionForGoodRefused: ``PERMANENTLY_DELETE_TAGS`` is off.
        TagImmutable: the tag must stay.
    """
    if not settings.PERMANENTLY_DELETE_TAGS:
        raise DeletionForGoodRefused(
            "tags cannot be deleted for good here; an administrator can allow it with"
            " PERMANENTLY_DELETE_TAGS"
        )
    rows = Tag.objects.filter(repository=repository.id, name=name)
    if digest is not None:
        rows = rows.filter(manifest__digest=digest)
    with transaction.atomic():
        chosen = Manifest.objects.filter(tags__in=rows).order_by("pk").distinct()
        manifests = list(chosen.values_list("pk", flat=True))
        list(Manifest.objects.filter(pk__in=manifests).select_for_update().order_by("pk"))
        current = lock_tag(repository=repository, name=name)
        if current and current.manifest_id in manifests:
            if current.is_alive(now):
                require_mutable(current, "deleted")
            end_tag(tag=current, reason=EndReason.DELETE, now=now)
        # Past the time machine nothing is left behind: these rows hold no manifest any more.
        moved = rows.filter(manifest__in=manifests, end_reason=EndReason.MOVE)
        moved.update(end_reason=EndReason.DELETE)
        given_up = [pk for pk in manifests if _goes_with(rows, repository, pk, now)]
        deleted, _ = rows.filter(manifest__in=manifests).delete()
        if not deleted:
            raise ManifestUnknown(f"{repository.path} has no tag {name}, nor had", tag=name)
        Manifest.objects.filter(pk__in=given_up, deleted_at=None).update(deleted_at=now)
        by.did("tag.delete-for-good", f"{repository.path}:{name}", now=now, digest=digest)
    return deleted


def _restore(repository: Repository, name: str, digest: str, now: datetime, by: Actor) -> Tag:
    manifests = Manifest.objects.filter(repository=repository.id, digest=digest)
    with transaction.atomic():
        manifest = manifests.first()
        if manifest is None or not _is_held(repository, name, manifest, now):
            raise _not_held(repository, name, digest)
        # As a push locks them: the links to the blobs, the manifest, its tag. Its blobs may have
        # been deleted and pushed again since it was deleted, so it needs its links anew.
        document = ManifestDocument.parse(bytes(manifest.body), manifest.media_type)
        held = lock_blob_links(repository, document, Digest.parse(digest))
        if not manifests.update(deleted_at=None):
            raise _not_held(repository, name, digest)  # collected meanwhile
        store_edges(manifest, document, held)
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


def _goes_with(rows: TagQuerySet, repository: Repository, manifest_id: int, now: datetime) -> bool:
    """Whether nothing but these rows of a tag leads, or can lead again, to the manifest."""
    others = Tag.objects.filter(manifest=manifest_id).exclude(pk__in=rows.values("pk"))
    return not others.exists() and is_abandoned(
        repository=repository, manifest_id=manifest_id, now=now
    )
