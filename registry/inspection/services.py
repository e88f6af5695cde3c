"""Look into what was pushed, once it is stored: what its types promise, its content must hold.

What is small is read while its push waits, so that who pushed finds it at once. All else is read
by a job, and so is what took longer than it looked. That ``inspected_at`` is empty says what is
still to be done; everything else only spares work.
"""

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, Protocol

from accounts import statements
from artifacts.kinds.kinds import Kind
from registry.charts.services import give_up_chart, read_chart
from registry.inspection.models import Attempt
from registry.manifests.models import Manifest
from registry.verification.checking import examine

QUICK_BODY_BYTES: Final = 64 * 1024
QUICK_BYTES: Final = 4 * 1024 * 1024  # of all blobs of a manifest that is read at once
QUICK_LAYERS: Final = 8
QUICK_SECONDS: Final = 2.0
QUICK_CPU_SECONDS: Final = 0.5
JOB_SECONDS: Final = 120.0
JOB_CPU_SECONDS: Final = 30.0
LEASE: Final = timedelta(minutes=15)  # longer than any job takes
MAX_ATTEMPTS: Final = 12  # about a day and a half
MAX_PAUSE: Final = timedelta(hours=6)

logger = logging.getLogger(__name__)


class OutOfTime(Exception):
    """It takes longer than there is time for."""


class Patience:
    """Ends after so many seconds of the clock, or of this thread's processor time."""

    def __init__(self, *, seconds: float, cpu_seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._cpu_end = time.thread_time() + cpu_seconds

    def check(self) -> None:
        """Raises ``OutOfTime``."""
        if time.monotonic() > self._end or time.thread_time() > self._cpu_end:
            raise OutOfTime


class Reader(Protocol):
    def __call__(self, *, manifest: Manifest, now: datetime, tick: Callable[[], None]) -> object:
        """``tick`` is to be called again and again while it reads, and may raise."""


def _examine(*, manifest: Manifest, now: datetime, tick: Callable[[], None]) -> None:
    tick()
    examine(manifest=manifest, now=now)


READERS: Mapping[str, Reader] = {
    Kind.HELM_CHART: read_chart,
    Kind.SIGNATURE: _examine,
    Kind.ATTESTATION: _examine,
}


def inspect_soon(*, manifest: Manifest, now: datetime) -> None:
    """Read the content of a manifest that was just pushed, if it is quick; else a job finds it.

    Never fails. What took too long once is not begun again, though it be pushed again.
    """
    if not _is_due(manifest):
        return
    try:
        is_begun = Attempt.objects.filter(pk=manifest.pk).exists()
        if is_begun or (_is_quick(manifest) and _read_quickly(manifest, now)):
            return
        Attempt.objects.get_or_create(pk=manifest.pk, defaults={"due_at": now})
    except Exception:
        logger.exception("the content of manifest %s could not be inspected", manifest.digest)


def inspect(*, manifest: Manifest, now: datetime) -> None:
    """Read the content of a manifest and keep what it says, unless somebody is at it.

    Never fails; repeating it is harmless. What is wrong with the content is kept as well. Only a
    defect of ours, or bytes that cannot be had at the moment, leave a manifest without
    ``inspected_at``: it gets another try later, up to ``MAX_ATTEMPTS``.
    """
    if not _is_due(manifest) or not _begin(manifest, now):
        return
    attempt = Attempt.objects.filter(pk=manifest.pk)
    try:
        if attempt.filter(count__gt=MAX_ATTEMPTS).exists():
            _give_up(manifest, now)
        else:
            _read(manifest, now, Patience(seconds=JOB_SECONDS, cpu_seconds=JOB_CPU_SECONDS))
        attempt.delete()
    except Exception:
        logger.exception("the content of manifest %s could not be inspected", manifest.digest)
        count = attempt.values_list("count", flat=True).first() or 0
        attempt.update(due_at=now + min(timedelta(minutes=2**count), MAX_PAUSE))


def inspect_pending(*, after: int, limit: int, now: datetime) -> int | None:
    """Inspect at most ``limit`` manifests that nobody has looked into yet, in order of their ids.

    Returns the id to go on after; ``None`` when these were the last. A manifest that cannot be
    inspected keeps none behind it from their turn.
    """
    waiting = Attempt.objects.waiting(now).values("pk")
    pending = (
        Manifest.objects.present()
        .filter(kind__in=READERS, inspected_at=None, pk__gt=after, repository__deleted_at=None)
        .exclude(pk__in=waiting)
        .select_related("repository")
        .order_by("pk")[:limit]
    )
    manifests = list(pending)
    for manifest in manifests:
        inspect(manifest=manifest, now=now)
    return manifests[-1].pk if len(manifests) == limit else None


def forget_attempts() -> int:
    """Delete attempts at manifests that are done, or gone; return how many."""
    pending = Manifest.objects.filter(inspected_at=None).values("pk")
    deleted, _ = Attempt.objects.exclude(pk__in=pending).delete()
    return deleted


def _is_due(manifest: Manifest) -> bool:
    return manifest.kind in READERS and manifest.inspected_at is None


def _is_quick(manifest: Manifest) -> bool:
    if manifest.size > QUICK_BODY_BYTES:
        return False
    size = sum(max(0, blob.size) for blob in manifest.document.blobs())
    return size <= QUICK_BYTES and len(manifest.document.layers) <= QUICK_LAYERS


def _read_quickly(manifest: Manifest, now: datetime) -> bool:
    """Whether there was time enough to read it."""
    try:
        _read(manifest, now, Patience(seconds=QUICK_SECONDS, cpu_seconds=QUICK_CPU_SECONDS))
    except OutOfTime:
        logger.info("manifest %s takes long to look into, and waits for a job", manifest.digest)
        return False
    return True


def _read(manifest: Manifest, now: datetime, patience: Patience) -> None:
    READERS[manifest.kind](manifest=manifest, now=now, tick=patience.check)
    Manifest.objects.filter(pk=manifest.pk).update(inspected_at=now)


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
