"""Point a tag at a manifest that is here already."""

from datetime import datetime

from django.db import IntegrityError, transaction

from accounts.audit.services import SYSTEM, Actor
from artifacts.oci.errors import ManifestUnknown
from artifacts.oci.expiry import ExpirySource, terms_of
from artifacts.oci.media_types import INDEXES
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from registry.tags.models import Tag
from registry.tags.services import lock_tag, point_tag


def tag_manifest(
    *, repository: Repository, name: str, digest: str, now: datetime, by: Actor = SYSTEM
) -> Tag:
    """What a push of the manifest under the tag does, without a push.

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
        is_index = manifest.media_type in INDEXES
        source = ExpirySource.IMAGES if is_index else ExpirySource.LABEL
        tag = point_tag(
            current=lock_tag(repository=repository, name=name),
            repository=repository,
            name=name,
            manifest=manifest,
            terms=terms_of(manifest.annotations, manifest.labels, label_source=source),
            now=now,
        )
        by.did("tag.move", f"{repository.path}:{name}", now=now, digest=digest)
    return tag
