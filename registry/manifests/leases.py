"""Keep manifests from collection while somebody makes something of them."""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from artifacts.oci.errors import ManifestUnknown
from registry.manifests.models import Manifest
from registry.manifests.reads import ResolvedManifest
from registry.repositories import sql
from registry.repositories.models import Repository


def renew_lease(*, manifest: ResolvedManifest, now: datetime) -> None:
    """Keep a manifest for a caller who may push and just asked for it by digest.

    Some clients do not push a manifest that is there, and go on to the index that lists it.
    Written only when half of the grace is over, so that asking seldom writes. Raises
    ``ManifestUnknown`` when it was collected since it was found.
    """
    if not manifest.is_aging:
        return
    if not Manifest.objects.filter(pk=manifest.id).update(last_pushed_at=now):
        raise ManifestUnknown(f"there is no manifest {manifest.digest}", digest=manifest.digest)


def hold(*, repository: Repository, digests: Sequence[str]) -> None:
    """Keep the manifests of these digests that are there, until the transaction ends.

    Collection and deletion lock rows for themselves and wait; pushes share this lock. SQLite
    has one writer at a time.
    """
    if not digests or not connection.features.has_select_for_update:
        return
    places = ", ".join(["%s"] * len(digests))
    sql.execute(
        f"SELECT id FROM manifests_manifest WHERE repository_id = %s AND digest IN ({places})"  # noqa: S608
        " ORDER BY id FOR KEY SHARE",
        [repository.id, *digests],
    )
