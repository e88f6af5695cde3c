"""Parts of the log that are fetched by an address which only those know who are told.

The address is given in the answer, by mail, or to a callback, which a job asks until it listens.
"""

import hmac
import json
import logging
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Final
from uuid import UUID

from celery import current_app
from django.conf import settings
from django.db import transaction
from django.utils.crypto import salted_hmac

from accounts.audit.models import LogExport
from accounts.audit.services import SYSTEM, Actor
from accounts.errors import AccountError
from accounts.outgoing.addresses import AddressRefused, parse_address
from accounts.outgoing.client import CallFailed, call, permission

TELL: Final = "audit.tell_of_exports"
LASTS: Final = timedelta(hours=1)
MOST_EXPORTS: Final = 20  # of one place at a time
_CALL_SECONDS: Final = 10
_LEASE: Final = timedelta(minutes=1)
_DELAYS: Final = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 300, 900))
_SALT: Final = "berth.audit.export"

logger = logging.getLogger(__name__)


class ExportRefused(AccountError):
    """There are too many, or the callback cannot be asked."""


def prepare_export(
    *,
    namespace: str,
    repository: str,
    created_at: datetime,
    since: datetime,
    until: datetime,
    origin: str,
    callback_url: str = "",
    now: datetime,
    by: Actor = SYSTEM,
) -> LogExport:
    """Let whoever knows its address fetch the log of a place, for ``LASTS``.

    Args:
        created_at: when the place was made; an earlier one may have had its name.
        origin: scheme and host of this registry.
        callback_url: is sent the address. It is a secret, so only what is encrypted is asked,
            unless the configuration permits otherwise.

    Raises ``ExportRefused``, and ``AddressRefused``.
    """
    if callback_url:
        parse_address(callback_url, permission(with_secret=True))
    with transaction.atomic():
        alive = LogExport.objects.filter(namespace=namespace, expires_at__gt=now)
        if alive.count() >= MOST_EXPORTS:
            raise ExportRefused(
                f"{MOST_EXPORTS} exports are waiting to be fetched: try again in an hour"
            )
        export = LogExport.objects.create(
            namespace=namespace,
            repository=repository,
            created_at=created_at,
            since=since,
            until=until,
            origin=origin,
            expires_at=now + LASTS,
            callback_url=callback_url,
            due_at=now if callback_url else None,
        )
        by.did("log.export", repository or namespace, now=now, form="jsonl")
        if callback_url:  # when the queue does not answer, the timetable asks a minute later
            transaction.on_commit(_nudge, robust=True)
    return export


def address_of(export: LogExport) -> str:
    return f"{export.origin}/api/v1/exportedlogs/{_key(export.uuid)}"


def export_at(key: str, *, now: datetime) -> LogExport | None:
    """The export whose address ends with ``key``, as long as it lasts."""
    text = key.partition(".")[0]
    try:
        uuid = UUID(text)
    except ValueError:
        return None
    if not hmac.compare_digest(_key(uuid).encode(), key.encode()):
        return None
    return LogExport.objects.filter(uuid=uuid, expires_at__gt=now).first()


def tell_callbacks(*, now: datetime, limit: int) -> int:
    """Ask at most ``limit`` callbacks that are due; return how many.

    Each is taken by moving the moment from which others may take it.
    """
    due = LogExport.objects.filter(due_at__lte=now, expires_at__gt=now).order_by("due_at")
    batch = list(due[:limit])
    count = 0
    for export in batch:
        row = LogExport.objects.filter(pk=export.pk, due_at=export.due_at)
        if row.update(due_at=now + _LEASE, tries=export.tries + 1):
            again = None if _was_told(export) else _next_try(export.tries, now)
            LogExport.objects.filter(pk=export.pk).update(due_at=again)
            count += 1
    return count


def delete_ended(*, now: datetime, limit: int) -> int:
    ended = LogExport.objects.filter(expires_at__lte=now)
    deleted, _ = LogExport.objects.filter(pk__in=list(ended.values_list("pk")[:limit])).delete()
    return deleted


def _nudge() -> None:
    current_app.send_task(TELL, retry=False, ignore_result=True)


def _was_told(export: LogExport) -> bool:
    body = {
        "export_id": str(export.uuid),
        "start_time": format_datetime(export.since),
        "end_time": format_datetime(export.until),
        "namespace": export.namespace,
        "repository": export.repository.partition("/")[2] or None,
        "exported_data_url": address_of(export),
        "status": "success",
    }
    try:
        answer = call(
            "POST",
            export.callback_url,
            body=json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                "User-Agent": f"Berth/{settings.VERSION}",
            },
            allowed=permission(with_secret=True),
            seconds=_CALL_SECONDS,
            most_bytes=1024,
        )
    except (AddressRefused, CallFailed) as error:
        logger.warning("the callback for %s was not told: %s", export, error)
        return False
    if answer.status < 300:
        return True
    logger.warning("the callback for %s answered %d", export, answer.status)
    return False


def _next_try(tries: int, now: datetime) -> datetime | None:
    return now + _DELAYS[tries] if tries < len(_DELAYS) else None


def _key(uuid: UUID) -> str:
    return f"{uuid}.{salted_hmac(_SALT, str(uuid), algorithm='sha256').hexdigest()}"
