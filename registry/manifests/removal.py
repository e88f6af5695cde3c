"""Delete manifests and blobs, the tags that go with a manifest, and tags for good."""

from collections.abc import Collection, Mapping
from datetime import datetime

from django.conf import settings
from django.db import transaction

from accounts.audit.services import SYSTEM, Actor
from accounts.errors import AccountError
from artifacts.oci.companions import companion_tags, referrers_tag
from artifacts.oci.digest import Digest
from artifacts.oci.errors import BlobUnknown, ManifestUnknown, Unsupported
from registry.blobs.models import BlobLink
from registry.events.kinds import EventType
from registry.events.outbox import note
from registry.manifests.models import Manifest, ManifestBlob
from registry.manifests.standing import is_abandoned
from registry.repositories.models import Repository
from registry.tags.models import EndReason, Tag, TagQuerySet
from registry.tags.services import end_tag, lock_tag, require_mutable


class BlobInUse(Unsupported):
    """A manifest that can be pulled needs the blob."""


class DeletionForGoodRefused(AccountError):
    """The configuration does not let tags be deleted for good."""


def delete_manifest(
    *, repository: Repository, digest: Digest, now: datetime, by: Actor = SYSTEM
) -> None:
    """Delete a manifest and every tag that points at it. Both come back when a tag is restored.

    Raises ``ManifestUnknown`` when it is not there, ``TagImmutable`` when a tag must stay.

    Source: distribution-spec v1.1, "Deleting Manifests" (end-9).
    """
    with transaction.atomic():
        manifest = (
            Manifest.objects.select_for_update(of=("self",))
            .present()
            .filter(repository=repository.id, digest=str(digest))
            .only("id", "media_type")
            .first()
        )
        if manifest is None:
            raise ManifestUnknown(digest=str(digest))
        tags = Tag.objects.live().filter(manifest=manifest)
        # Locked in the order in which a push of several tags locks them.
        locked = list(tags.select_for_update(of=("self",)).order_by("name"))
        for tag in locked:
            tag.repository = repository
            if tag.is_alive(now):
                require_mutable(tag, "deleted")
            end_tag(tag=tag, reason=EndReason.DELETE, now=now, by=by)
        note(
            EventType.MANIFEST_DELETED,
            repository=repository,
            now=now,
            by=by,
            digest=str(digest),
            media_type=manifest.media_type,
        )
        Manifest.objects.filter(pk=manifest.pk).update(deleted_at=now)
        by.did("manifest.delete", f"{repository.path}@{digest}", now=now, tags=len(locked))


def delete_blob(
    *, repository: Repository, digest: Digest, now: datetime, by: Actor = SYSTEM
) -> None:
    """Take a blob out of a repository. Its bytes stay while other repositories hold it.

    Raises:
        BlobUnknown: not in this repository.
        BlobInUse: a manifest needs it; deleting it would leave a pull that fails half way.

    Source: distribution-spec v1.1, "Deleting Blobs" (end-10).
    """
    with transaction.atomic():
        link = (
            BlobLink.objects.select_for_update(of=("self",))
            .filter(repository=repository.id, blob=str(digest))
            .first()
        )
        if link is None:
            raise BlobUnknown(digest=str(digest))
        for needing in Manifest.objects.present().naming(link.blob_id, repository=repository.id):
            for user in needing.values_list("digest", flat=True)[:1]:
                raise BlobInUse(f"manifest {user} needs this blob; delete the manifest first")
        ManifestBlob.objects.filter(link=link).delete()
        link.delete()
        by.did("blob.delete", f"{repository.path}@{digest}", now=now)


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
    if not settings.BERTH.PERMANENTLY_DELETE_TAGS:
        raise DeletionForGoodRefused(
            "tags cannot be deleted for good here; an administrator can allow it with"
            " PERMANENTLY_DELETE_TAGS"
        )
    rows = Tag.objects.filter(repository=repository.id, name=name)
    if digest is not None:
        rows = rows.filter(manifest__digest=digest)
    with transaction.atomic():
        tagged = Manifest.objects.filter(tags__in=rows).order_by("pk").distinct()
        manifests = list(tagged.values_list("pk", flat=True))
        list(Manifest.objects.filter(pk__in=manifests).select_for_update().order_by("pk"))
        current = lock_tag(repository=repository, name=name)
        if current and current.manifest_id in manifests:
            if current.is_alive(now):
                require_mutable(current, "deleted")
            end_tag(tag=current, reason=EndReason.DELETE, now=now, by=by)
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


def companions_of(
    repository: Repository, digests: Collection[str], *, now: datetime
) -> Mapping[str, list[str]]:
    """The companion tags of each manifest that has some, in one query."""
    subjects = {name: digest for digest in digests for name in _companion_names(digest)}
    tags = Tag.objects.alive(at=now).filter(repository=repository.id, name__in=subjects)
    companions: dict[str, list[str]] = {}
    for name in tags.order_by("name").values_list("name", flat=True):
        companions.setdefault(subjects[name], []).append(name)
    return companions


def delete_companions(
    *, repository: Repository, digests: Collection[str], now: datetime, by: Actor = SYSTEM
) -> list[str]:
    """Delete the companion tags of those manifests that were given up, and return their names.

    Tags that are immutable stay. What is deleted can be restored, as all tags can.
    """
    there = companions_of(repository, digests, now=now)
    return [
        name
        for digest, names in sorted(there.items())
        for name in _delete_companions(repository, digest, names, now, by)
    ]


def _goes_with(rows: TagQuerySet, repository: Repository, manifest_id: int, now: datetime) -> bool:
    """Whether nothing but these rows of a tag leads, or can lead again, to the manifest."""
    others = Tag.objects.filter(manifest=manifest_id).exclude(pk__in=rows.values("pk"))
    return not others.exists() and is_abandoned(
        repository=repository, manifest_id=manifest_id, now=now
    )


def _delete_companions(
    repository: Repository, digest: str, names: Collection[str], now: datetime, by: Actor
) -> list[str]:
    with transaction.atomic():
        # The manifest before its tags, as a push locks them: it is not tagged meanwhile.
        subjects = Manifest.objects.filter(repository=repository.id, digest=digest)
        subject = subjects.select_for_update(of=("self",)).values_list("pk", flat=True).first()
        if subject and not is_abandoned(repository=repository, manifest_id=subject, now=now):
            return []
        alive = Tag.objects.alive(at=now).filter(repository=repository.id, name__in=names)
        if settings.BERTH.FEATURE_IMMUTABLE_TAGS:
            alive = alive.filter(is_immutable=False)
        deleted = list(alive.select_for_update(of=("self",)).order_by("name"))
        for tag in deleted:
            tag.repository = repository
            end_tag(tag=tag, reason=EndReason.SUBJECT, now=now, by=by)
            target = f"{repository.path}:{tag.name}"
            by.did("tag.delete", target, now=now, reason=EndReason.SUBJECT.value)
    return [tag.name for tag in deleted]


def _companion_names(digest: str) -> list[str]:
    parsed = Digest.parse(digest)
    return [*companion_tags(parsed), referrers_tag(parsed)]
