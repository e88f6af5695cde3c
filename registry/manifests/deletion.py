"""Delete manifests, and blobs that no manifest needs."""

from datetime import datetime

from django.db import transaction

from accounts.audit.services import SYSTEM, Actor
from artifacts.oci.digest import Digest
from artifacts.oci.errors import BlobUnknown, ManifestUnknown, Unsupported
from registry.blobs.models import BlobLink
from registry.manifests.models import Manifest, ManifestBlob
from registry.repositories.models import Repository
from registry.tags.models import EndReason, Tag
from registry.tags.services import end_tag, require_mutable


class BlobInUse(Unsupported):
    """A manifest that can be pulled needs the blob."""


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
            .only("id")
            .first()
        )
        if manifest is None:
            raise ManifestUnknown(digest=str(digest))
        tags = Tag.objects.live().filter(manifest=manifest)
        # Locked in the order in which a push of several tags locks them.
        locked = list(tags.select_for_update(of=("self",)).order_by("name"))
        for tag in locked:
            if tag.is_alive(now):
                require_mutable(tag, "deleted")
            end_tag(tag=tag, reason=EndReason.DELETE, now=now)
        Manifest.objects.filter(pk=manifest.pk).update(deleted_at=now)
        by.did("manifest.delete", f"{repository.path}@{digest}", now=now, tags=len(locked))


def delete_blob(*, repository: Repository, digest: Digest) -> None:
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
