"""Storage, day by day, and the end of old days."""

from datetime import date, timedelta

import pytest

from registry.repositories.models import Repository
from registry.statistics import survey
from registry.statistics.models import (
    DailyTraffic,
    NamespaceStorage,
    RepositoryStorage,
    Survey,
)
from registry.statistics.reads import storage_by_day, stored_bytes
from registry.statistics.survey import delete_old, survey_storage
from tests.registry.builders import NOW, hold, make_repository

pytestmark = pytest.mark.django_db


def finish(now: object = NOW) -> int:
    batches = 0
    while survey_storage(now=now):  # type: ignore[arg-type]
        batches += 1
    return batches


def test_what_repositories_share_counts_once_in_their_namespace() -> None:
    web, api = make_repository("acme/web"), make_repository("acme/api")
    hold(web, b"shared", b"own")
    hold(api, b"shared")

    finish()

    assert storage_by_day(web, days=7, now=NOW) == [(NOW.date(), 9)]
    assert storage_by_day(api, days=7, now=NOW) == [(NOW.date(), 6)]
    assert storage_by_day(web.namespace, days=7, now=NOW) == [(NOW.date(), 9)]
    assert (stored_bytes(web), stored_bytes(api), stored_bytes(web.namespace)) == (9, 6, 9)


def test_days_follow_each_other(repository: Repository) -> None:
    finish()
    hold(repository, b"12345")
    finish(NOW + timedelta(days=1))

    days = storage_by_day(repository, days=7, now=NOW + timedelta(days=1))
    assert days == [(date(2026, 3, 1), 0), (date(2026, 3, 2), 5)]


def test_a_survey_goes_batch_by_batch_and_happens_once_a_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(survey, "BATCH_REPOSITORIES", 2)
    repositories = [make_repository(f"acme/r{number}") for number in range(5)]

    assert finish() > 3
    hold(repositories[0], b"later")

    assert survey_storage(now=NOW + timedelta(hours=1)) is False
    assert RepositoryStorage.objects.filter(size=0).count() == 5
    assert Survey.objects.get().finished_at == NOW


def test_one_process_at_a_time_surveys_and_the_next_goes_on_where_a_killed_one_was(
    repository: Repository,
) -> None:
    hold(repository, b"12345")
    Survey.objects.create(day=NOW.date(), held_until=NOW + timedelta(minutes=5))

    assert survey_storage(now=NOW) is False
    assert not RepositoryStorage.objects.exists()

    finish(NOW + timedelta(minutes=6))
    assert RepositoryStorage.objects.get().size == 5


def test_old_days_are_deleted_and_those_of_single_references_sooner(
    repository: Repository,
) -> None:
    def row(reference: str, days: int) -> None:
        day = NOW.date() - timedelta(days=days)
        DailyTraffic.objects.create(repository=repository, reference=reference, day=day)

    for days in (1, 150, 401):
        row("", days)
        row("v1", days)
        RepositoryStorage.objects.create(
            repository=repository, day=NOW.date() - timedelta(days=days), size=1
        )
        NamespaceStorage.objects.create(
            namespace=repository.namespace, day=NOW.date() - timedelta(days=days), size=1
        )

    assert delete_old(now=NOW) == 5

    assert sorted(DailyTraffic.objects.values_list("reference", flat=True)) == ["", "", "v1"]
    assert delete_old(now=NOW) == 0
