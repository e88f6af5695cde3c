"""The traffic of a whole namespace is summed without looking at the rows of tags and digests."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry.statistics.models import DailyTraffic
from registry.statistics.reads import pulls_of_namespace
from tests.registry.builders import NOW, make_repository

pytestmark = pytest.mark.django_db

DAYS, REPOSITORIES, REFERENCES = 10, 10, 40


def test_rows_of_references_are_not_read() -> None:
    if connection.vendor != "postgresql":
        return  # SQLite looks up each repository, by the index of its rows
    repositories = [make_repository(f"acme/r{number}") for number in range(REPOSITORIES)]
    DailyTraffic.objects.bulk_create(
        DailyTraffic(
            repository=repository,
            reference=reference,
            day=NOW.date() - timedelta(days=day),
            pulls=1,
        )
        for repository in repositories
        for reference in ("", *(f"v{number}" for number in range(REFERENCES)))
        for day in range(DAYS)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE statistics_dailytraffic, repositories_repository")
    with CaptureQueriesContext(connection) as captured:
        traffic = pulls_of_namespace(repositories[0].namespace, days=DAYS, now=NOW)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {captured[0]['sql']}")
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert traffic.total == DAYS * REPOSITORIES
    assert "traffic_of_repositories_by_day" in plan, plan
