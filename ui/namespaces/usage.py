"""How many bytes a namespace stores."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from accounts.users.models import Namespace
from registry.blobs.models import BlobLink
from registry.statistics.reads import storage_by_day

DAYS_SHOWN = 90
# A namespace that holds more blobs is known from the nightly survey alone.
MAX_BLOBS_COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Usage:
    """``surveyed_on`` is empty when the bytes were counted just now."""

    size: int
    surveyed_on: date | None
    history: Sequence[tuple[str, int]]


def usage_of(namespace: Namespace, *, now: datetime) -> Usage | None:
    """What it stores, each blob counted once; ``None`` while nobody knows."""
    surveyed = storage_by_day(namespace, days=DAYS_SHOWN, now=now)
    history = [(day.isoformat(), size) for day, size in surveyed]
    links = BlobLink.objects.filter(repository__namespace=namespace).order_by()
    held = list(links.values_list("blob_id", "blob__size")[: MAX_BLOBS_COUNTED + 1])
    if len(held) <= MAX_BLOBS_COUNTED:
        return Usage(sum(dict(held).values()), None, history)
    if surveyed:
        return Usage(surveyed[-1][1], surveyed[-1][0], history)
    return None
