"""Point tags at manifests, and let go of them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import DateTimeField, F, Value
from django.db.models.functions import Greatest

from artifacts.oci.errors import ManifestUnknown
from registry.repositories.models import Repository
from registry.tags.models import Tag

if TYPE_CHECKING:
    from registry.manifests.models import Manifest


def lock_tag(*, repository: Repository, name: str) -> Tag | None:
    """The live row of a tag, locked until the transaction ends; ``None`` when there is none."""
    live = Tag.objects.live().filter(repository=repository.id, name=name)
    locked = live.select_for_update(of=("self",)).select_related("manifest")
    while (tag := locked.defer("manifest__body").first()) is None:
        # Who waited for a lock finds that row ended, and the tag in a new row to wait for.
        if not connection.features.has_select_for_update or not live.exists():
            return None
    return tag


def point_tag(
    *, current: Tag | None, repository: Repository, name: str, manifest: Manifest, now: datetime
) -> None:
    """Make ``name`` point at ``manifest`` from ``now`` on; ``current`` is its locked live row.

    Raises ``IntegrityError`` when another push created the tag since it was looked
    for; the caller's transaction is repeated then.
    """
    if current and current.manifest_id == manifest.id and current.expires_at is None:
        return
    started_at = max(now, current.started_at) if current else now
    if current:
        end_tag(tag=current, now=started_at)
    Tag.objects.create(repository=repository, name=name, manifest=manifest, started_at=started_at)


def end_tag(*, tag: Tag, now: datetime) -> None:
    """End a tag's interval, at its expiry if that came first."""
    ended_at = min(now, tag.expires_at) if tag.expires_at else now
    tag.ended_at = max(ended_at, tag.started_at)
    tag.save(update_fields=["ended_at"])


def delete_tag(*, repository: Repository, name: str, now: datetime) -> None:
    """Take a tag away; its manifest stays. Raises ``ManifestUnknown`` when it is not there."""
    ended = (
        Tag.objects.alive(at=now)
        .filter(repository=repository.id, name=name)
        .update(ended_at=Greatest(F("started_at"), Value(now, output_field=DateTimeField())))
    )
    if not ended:
        raise ManifestUnknown(tag=name)
