"""Once a day: how much each repository and each namespace keeps. And old days go."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from accounts import statements
from accounts.users.models import Namespace
from registry.repositories.models import Repository
from registry.statistics.models import DailyTraffic, NamespaceStorage, RepositoryStorage, Survey

BATCH_REPOSITORIES: Final = 500
BATCH_NAMESPACES: Final = 50
BATCH_DELETED: Final = 5000
HELD_FOR: Final = timedelta(minutes=10)  # a batch that takes longer may be done twice: no harm
KEEP_DAYS: Final = 400
KEEP_DAYS_OF_REFERENCES: Final = 100  # rows of single tags and digests are the most by far

_CLAIM = """
    INSERT INTO statistics_survey (day, held_until, last_repository, last_namespace)
    VALUES (%s, %s, 0, 0)
    ON CONFLICT (day) DO UPDATE SET held_until = excluded.held_until
    WHERE statistics_survey.held_until <= %s AND statistics_survey.finished_at IS NULL
"""
_REPOSITORIES = """
    INSERT INTO statistics_repositorystorage (repository_id, day, size)
    SELECT r.id, %s, COALESCE((
        SELECT SUM(b.size) FROM blobs_bloblink l JOIN blobs_blob b ON b.digest = l.blob_id
        WHERE l.repository_id = r.id), 0)
    FROM repositories_repository r WHERE r.id > %s AND r.id <= %s
    ON CONFLICT (repository_id, day) DO UPDATE SET size = excluded.size
"""
_NAMESPACES = """
    INSERT INTO statistics_namespacestorage (namespace_id, day, size)
    SELECT n.id, %s, COALESCE((
        SELECT SUM(b.size) FROM blobs_blob b WHERE b.digest IN (
            SELECT l.blob_id FROM blobs_bloblink l
            JOIN repositories_repository r ON r.id = l.repository_id
            WHERE r.namespace_id = n.id)), 0)
    FROM users_namespace n WHERE n.id > %s AND n.id <= %s
    ON CONFLICT (namespace_id, day) DO UPDATE SET size = excluded.size
"""


def survey_storage(*, now: datetime) -> bool:
    """Go on with today's survey by one batch; ``False`` when it is finished, or somebody's.

    A killed run leaves its place to the next one, which begins after the last whole batch.
    """
    today = now.date()
    if Survey.objects.filter(day=today, finished_at__isnull=False).exists():
        return False
    if statements.execute(_CLAIM, [today, now + HELD_FOR, now]) != 1:
        return False
    mine = Survey.objects.filter(day=today, held_until=now + HELD_FOR)
    survey = mine.get()
    with transaction.atomic():
        if last := _last(Repository.objects.all(), survey.last_repository, BATCH_REPOSITORIES):
            statements.execute(_REPOSITORIES, [today, survey.last_repository, last])
            mine.update(last_repository=last, held_until=now)
        elif last := _last(Namespace.objects.all(), survey.last_namespace, BATCH_NAMESPACES):
            statements.execute(_NAMESPACES, [today, survey.last_namespace, last])
            mine.update(last_namespace=last, held_until=now)
        else:
            mine.update(finished_at=now, held_until=now)
            return False
    return True


def delete_old(*, now: datetime, limit: int = BATCH_DELETED) -> int:
    """Delete at most ``limit`` rows of each kind that are past their time; return how many."""
    before = now.date() - timedelta(days=KEEP_DAYS)
    references_before = now.date() - timedelta(days=KEEP_DAYS_OF_REFERENCES)
    return (
        _delete(DailyTraffic.objects.filter(day__lt=before), limit)
        + _delete(
            DailyTraffic.objects.filter(day__lt=references_before).exclude(reference=""), limit
        )
        + _delete(RepositoryStorage.objects.filter(day__lt=before), limit)
        + _delete(NamespaceStorage.objects.filter(day__lt=before), limit)
        + Survey.objects.filter(day__lt=before).delete()[0]
    )


def _last(rows: QuerySet[Repository] | QuerySet[Namespace], after: int, size: int) -> int | None:
    """The greatest id of the next ``size`` rows."""
    ids = list(rows.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:size])
    return ids[-1] if ids else None


def _delete(
    rows: QuerySet[DailyTraffic] | QuerySet[RepositoryStorage] | QuerySet[NamespaceStorage],
    limit: int,
) -> int:
    keys = list(rows.order_by("day", "pk").values_list("pk", flat=True)[:limit])
    return rows.filter(pk__in=keys).delete()[0]
