"""Going through a table, locking what nobody else has locked, deleting batch by batch."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from django.db import connection, transaction
from django.db.models import Model, Q, QuerySet

from artifacts.batches import batched
from registry.gc.report import Report
from registry.rows.connections import rest

logger = logging.getLogger(__name__)

STRETCH_ROWS = 1000  # looked at by one statement
BATCH_ROWS = 100  # locked by one transaction

Row = TypeVar("Row", bound=Model)
# Deletes those of the given rows that still are garbage; returns how many.
Delete = Callable[[Sequence[Any]], int]


class TooMany(Exception):
    """There are more rows to look at than memory is for: go through the whole table instead."""


def sweep(
    garbage: QuerySet[Any], delete: Delete, report: Report, parts: Iterable[Q] | None = None
) -> int:
    """Go through a table once and delete what is garbage; return how many rows went.

    Args:
        parts: of the table; all of it without.
    """
    deleted = 0
    for stretch in stretches(garbage, STRETCH_ROWS) if parts is None else parts:
        keys = list(garbage.filter(stretch).order_by("pk").values_list("pk", flat=True))
        for batch in batched(keys, BATCH_ROWS):
            begun = time.monotonic()
            deleted += _delete_or_report(batch, delete, report)
            rest(begun)
    return deleted


def stretches(rows: QuerySet[Any], size: int) -> Iterator[Q]:
    """The table of ``rows`` cut into stretches of ``size`` rows in the order of their keys.

    It ends with the last row of now, however fast others come after it.
    """
    model: type[Model] = rows.model
    every = model._default_manager.order_by("pk").values_list("pk", flat=True)
    if (last := every.last()) is None:
        return
    keys = every.filter(pk__lte=last)
    page = list(keys[:size])
    while page:
        yield Q(pk__gte=page[0], pk__lte=page[-1])
        page = list(keys.filter(pk__gt=page[-1])[:size])


def locked(rows: QuerySet[Any]) -> list[Any]:
    """Keys of the rows that nobody else has locked, locked now. SQLite has one writer: us."""
    if connection.features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=True, of=("self",))
    return list(rows.values_list("pk", flat=True))


def delete_garbage(
    garbage: QuerySet[Row], keys: Sequence[Any], *, order: Sequence[str]
) -> list[Row]:
    """Lock what was chosen, look again, and delete what still is garbage; return these.

    Args:
        order: in which all writers of these rows lock them.
    """
    rows = garbage.model._default_manager
    with transaction.atomic(durable=True):
        locked_keys = locked(rows.filter(pk__in=keys).order_by(*order))
        again = list(garbage.filter(pk__in=locked_keys))
        rows.filter(pk__in=[row.pk for row in again]).delete()
    return again


def _delete_or_report(keys: Sequence[Any], delete: Delete, report: Report) -> int:
    """Delete a batch; when one item of it is broken, the others all the same."""
    try:
        return delete(keys)
    except TooMany:
        raise
    except Exception as error:
        if len(keys) > 1:
            return sum(_delete_or_report([pk], delete, report) for pk in keys)
        logger.exception("cannot collect %s", keys[0])
        report.add_problem(f"{keys[0]}: {error}")
        return 0
