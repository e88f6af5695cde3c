"""Look into what was pushed, once it is stored: what its types promise, its content must hold.

What is small is read while its push waits, so that who pushed finds it at once. All else is read
by a job (``tasks.py``), and so is what took longer than it looked. That ``inspected_at`` is empty
says what is still to be done; everything else only spares work.
"""

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Protocol

from artifacts.kinds.kinds import Kind
from registry.charts.services import read_chart
from registry.inspection.models import Attempt
from registry.manifests.models import Manifest
from registry.verification.checking import examine

QUICK_BODY_BYTES: Final = 64 * 1024
QUICK_BYTES: Final = 4 * 1024 * 1024  # of all blobs of a manifest that is read at once
QUICK_LAYERS: Final = 8
QUICK_SECONDS: Final = 2.0
QUICK_CPU_SECONDS: Final = 0.5

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
    if not is_due(manifest):
        return
    try:
        is_begun = Attempt.objects.filter(pk=manifest.pk).exists()
        if is_begun or (_is_quick(manifest) and _read_quickly(manifest, now)):
            return
        Attempt.objects.get_or_create(pk=manifest.pk, defaults={"due_at": now})
    except Exception:
        logger.exception("the content of manifest %s could not be inspected", manifest.digest)


def is_due(manifest: Manifest) -> bool:
    return manifest.kind in READERS and manifest.inspected_at is None


def read(manifest: Manifest, now: datetime, patience: Patience) -> None:
    """Raises ``OutOfTime``, and whatever else keeps a reader from its content."""
    READERS[manifest.kind](manifest=manifest, now=now, tick=patience.check)
    Manifest.objects.filter(pk=manifest.pk).update(inspected_at=now)


def _is_quick(manifest: Manifest) -> bool:
    if manifest.size > QUICK_BODY_BYTES:
        return False
    size = sum(max(0, blob.size) for blob in manifest.document.blobs())
    return size <= QUICK_BYTES and len(manifest.document.layers) <= QUICK_LAYERS


def _read_quickly(manifest: Manifest, now: datetime) -> bool:
    """Whether there was time enough to read it."""
    try:
        read(manifest, now, Patience(seconds=QUICK_SECONDS, cpu_seconds=QUICK_CPU_SECONDS))
    except OutOfTime:
        logger.info("manifest %s takes long to look into, and waits for a job", manifest.digest)
        return False
    return True
