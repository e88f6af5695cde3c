"""The jobs that look into what no push did, and how often they try; and that list files."""

import logging
import time
from datetime import datetime, timedelta
from typing import Final

from celery import shared_task
from django.db.models import Exists, OuterRef
from django.utils import timezone

from accounts import statements
from artifacts.kinds.kinds import Kind
from registry.charts.services import give_up_chart
from registry.inspection import services
from registry.inspection.listings import forget_listings, list_next
from registry.inspection.models import Attempt
from registry.manifests.models import Manifest

BATCH_ROWS: Final = 50
JOB_SECONDS: Final = 120.0
JOB_CPU_SECONDS: Final = 30.0
LEASE: Final = timedelta(minutes=15)  # longer than any job takes
MAX_ATTEMPTS: Final = 12  # about a day and a half
MAX_PAUSE: Final = timedelta(hours=6)
LAYERS_AT_ONCE: Final = 20
LISTING_SECONDS: Final = 60.0  # after which no other layer is begun

logger = logging.getLogger(__name__)


@shared_task(name="inspection.inspect_pending", acks_late=True, ignore_result=True)
def inspect_pending(after: int = 0, **_: object) -> None:
    """Look into what no push did, one batch per run. Safe to run twice, even at once."""
    if not after:
        forget_attempts()
    last = inspect_batch(after=after, limit=BATCH_ROWS, now=timezone.now())
    if last is not None:
        inspect_pending.delay(after=last)


@shared_task(name="inspection.list_layers", acks_late=True, ignore_result=True)
def list_layers(**_: object) -> None:
    """List the files of layers that pages ask for. Safe to run twice, even at once."""
    ends = time.monotonic() + LISTING_SECONDS
    forget_listings(timezone.now())
    for _number in range(LAYERS_AT_ONCE):
        if not list_next(timezone.now) or time.monotonic() > ends:
            break


def inspect_batch(*, after: int, limit: int, now: datetime) -> int | None:
    """Inspect at most ``limit`` manifests that nobody has looked into yet, in order of their ids.

    Returns the id to go on after; ``None`` when these were the last. A manifest that cannot be
    inspected keeps none behind it from their turn.
    """
    waiting = Attempt.objects.waiting(now).values("pk")
    pending = (
        Manifest.objects.present()
        .to_inspect()
        .filter(pk__gt=after, repository__deleted_at=None)
        .exclude(pk__in=waiting)
        .select_related("repository")
        .order_by("pk")[:limit]
    )
    manifests = list(pending)
    for manifest in manifests:
        inspect(manifest=manifest, now=now)
    return manifests[-1].pk if len(manifests) == limit else None


def inspect(*, manifest: Manifest, now: datetime) -> None:
    """Read the content of a manifest and keep what it says, unless somebody is at it.

    Never fails; repeating it is harmless. What is wrong with the content is kept as well. Only a
    defect of ours, or bytes that cannot be had at the moment, leave a manifest without
    ``inspected_at``: it gets another try later, up to ``MAX_ATTEMPTS``.
    """
    if not services.is_due(manifest) or not _begin(manifest, now):
        return
    attempt = Attempt.objects.filter(pk=manifest.pk)
    try:
        if attempt.filter(count__gt=MAX_ATTEMPTS).exists():
            _give_up(manifest, now)
        else:
            services.read(
                manifest, now, services.Patience(seconds=JOB_SECONDS, cpu_seconds=JOB_CPU_SECONDS)
            )
        attempt.delete()
    except Exception:
        logger.exception("the content of manifest %s could not be inspected", manifest.digest)
        count = attempt.values_list("count", flat=True).first() or 0
        attempt.update(due_at=now + min(timedelta(minutes=2**count), MAX_PAUSE))


def forget_attempts() -> int:
    """Delete attempts at manifests that are done, or gone; return how many."""
    pending = Manifest.objects.to_inspect().filter(pk=OuterRef("pk"))
    deleted, _ = Attempt.objects.exclude(Exists(pending)).delete()
    return deleted


_BEGIN = """
    INSERT INTO inspection_attempt (manifest_id, count, due_at) VALUES (%s, 1, %s)
    ON CONFLICT (manifest_id) DO UPDATE
    SET count = inspection_attempt.count + 1, due_at = excluded.due_at
    WHERE inspection_attempt.due_at <= %s
"""


def _begin(manifest: Manifest, now: datetime) -> bool:
    """Note that it is tried; ``False`` when it is not to be tried yet."""
    return statements.execute(_BEGIN, [manifest.pk, now + LEASE, now]) == 1


def _give_up(manifest: Manifest, now: datetime) -> None:
    logger.error("manifest %s is not looked into any more: tried too often", manifest.digest)
    if manifest.kind == Kind.HELM_CHART:
        give_up_chart(manifest=manifest, now=now)
    Manifest.objects.filter(pk=manifest.pk).update(inspected_at=now)
