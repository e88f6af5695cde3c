"""Look into what was pushed, once it is stored: what its types promise, its content must hold."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from artifacts.kinds.kinds import Kind
from registry.charts.services import read_chart
from registry.manifests.models import Manifest
from registry.verification.checking import examine

logger = logging.getLogger(__name__)


class Reader(Protocol):
    def __call__(self, *, manifest: Manifest, now: datetime) -> object: ...


READERS: Mapping[str, Reader] = {
    Kind.HELM_CHART: read_chart,
    Kind.SIGNATURE: examine,
    Kind.ATTESTATION: examine,
}


def inspect(*, manifest: Manifest, now: datetime) -> None:
    """Read the content of a manifest and keep what it says. Never fails; repeating it is harmless.

    What is wrong with the content is kept as well. Only a defect of ours, or bytes that cannot
    be had at the moment, leave a manifest without ``inspected_at``: it gets another try later.
    """
    reader = READERS.get(manifest.kind)
    if reader is None or manifest.inspected_at is not None:
        return
    try:
        reader(manifest=manifest, now=now)
        Manifest.objects.filter(pk=manifest.pk).update(inspected_at=now)
    except Exception:
        logger.exception("the content of manifest %s could not be inspected", manifest.digest)


def inspect_pending(*, after: int, limit: int, now: datetime) -> int | None:
    """Inspect at most ``limit`` manifests that nobody has looked into yet, in order of their ids.

    Returns the id to go on after; ``None`` when these were the last. A manifest that cannot be
    inspected keeps none behind it from their turn.
    """
    pending = (
        Manifest.objects.present()
        .filter(kind__in=READERS, inspected_at=None, pk__gt=after, repository__deleted_at=None)
        .select_related("repository")
        .order_by("pk")[:limit]
    )
    manifests = list(pending)
    for manifest in manifests:
        inspect(manifest=manifest, now=now)
    return manifests[-1].pk if len(manifests) == limit else None
