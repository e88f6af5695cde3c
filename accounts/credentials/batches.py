"""Deleting what is due, a batch at a time."""

from typing import Any

from django.db.models import QuerySet


def delete_first(due: QuerySet[Any], *, by: str, limit: int) -> int:
    """Delete at most ``limit`` rows, those first that ``by`` puts first; return how many."""
    chosen = list(due.order_by(by, "pk").values_list("pk", flat=True)[:limit])
    # Asked again in the delete: somebody may have renewed a row meanwhile.
    deleted, _ = due.filter(pk__in=chosen).delete()
    return deleted
