"""Django's cache as rows, so that limits count for all processes together.

Django's own cache in the database keeps pickles: whoever could write a row could run code. Here
values are JSON. It is meant for few and small values, such as those of limits on sign-ups.
"""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import IntegrityError, transaction

from accounts.credentials.models import SharedValue, delete_first

_FOR_EVER: Final = timedelta(days=365)


class SharedCache(BaseCache):
    def __init__(self, _location: str, params: Mapping[str, Any]) -> None:
        super().__init__(dict(params))

    def add(
        self,
        key: Any,
        value: Any,
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> bool:
        row = self._row(key, value, timeout, version)
        try:
            with transaction.atomic():
                SharedValue.objects.filter(pk=row.pk, expires_at__lte=_now()).delete()
                row.save(force_insert=True)
        except IntegrityError:
            return False
        return True

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        row = SharedValue.objects.filter(pk=self._key(key, version), expires_at__gt=_now()).first()
        return default if row is None else json.loads(row.value)

    def set(
        self,
        key: Any,
        value: Any,
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> None:
        row = self._row(key, value, timeout, version)
        SharedValue.objects.update_or_create(
            pk=row.pk, defaults={"value": row.value, "expires_at": row.expires_at}
        )

    def touch(
        self,
        key: Any,
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> bool:
        living = SharedValue.objects.filter(pk=self._key(key, version), expires_at__gt=_now())
        return bool(living.update(expires_at=self._end(timeout)))

    def delete(self, key: Any, version: int | None = None) -> bool:
        deleted, _ = SharedValue.objects.filter(pk=self._key(key, version)).delete()
        return bool(deleted)

    def clear(self) -> None:
        SharedValue.objects.all().delete()

    def _row(self, key: Any, value: Any, timeout: float | None, version: int | None) -> SharedValue:
        return SharedValue(
            key=self._key(key, version),
            value=json.dumps(value, allow_nan=False),
            expires_at=self._end(timeout),
        )

    def _key(self, key: Any, version: int | None) -> str:
        return str(self.make_and_validate_key(key, version))

    def _end(self, timeout: float | None) -> datetime:
        end = self.get_backend_timeout(timeout)
        return _now() + _FOR_EVER if end is None else datetime.fromtimestamp(end, UTC)


def delete_ended_values(*, now: datetime, limit: int) -> int:
    """Delete at most ``limit`` values whose time is over; return how many."""
    due = SharedValue.objects.filter(expires_at__lte=now)
    return delete_first(due, by="expires_at", limit=limit)


def _now() -> datetime:
    # Django's interface hands no moment in.
    return datetime.fromtimestamp(time.time(), UTC)
