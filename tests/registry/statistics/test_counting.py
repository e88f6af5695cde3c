"""Pulls and pushes, counted in memory and added to rows."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest
from django.db import DatabaseError, connection
from django.test import Client

from artifacts.oci.digest import Digest
from registry.repositories.models import Repository
from registry.statistics import counting
from registry.statistics.counting import count_pull, count_push, flush_counts
from registry.statistics.models import DailyTraffic
from registry.statistics.reads import pulls_by_day, pulls_of_namespace, pulls_of_references
from tests.registry.builders import (
    NOW,
    bearer,
    hold,
    image,
    make_repository,
    owner_of,
    push,
)
from tests.threads import at_once

pytestmark = pytest.mark.django_db

DIGEST = str(Digest.of(b"manifest"))


@pytest.fixture(autouse=True)
def _nothing_counted() -> Iterator[None]:
    counting.forget_counts()
    yield
    counting.forget_counts()


def test_pulls_are_added_up_by_repository_tag_and_digest(repository: Repository) -> None:
    count_pull(repository_id=repository.id, digest=DIGEST, tag="v1", now=NOW)
    count_pull(repository_id=repository.id, digest=DIGEST, now=NOW + timedelta(minutes=1))
    flush_counts()
    count_pull(repository_id=repository.id, digest=DIGEST, tag="v1", now=NOW - timedelta(days=1))
    flush_counts()

    traffic = pulls_by_day([repository], days=3, now=NOW)[repository.id]
    named = pulls_of_references(repository, ["v1", "v2", DIGEST], days=3, now=NOW)

    assert traffic.days == [date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1)]
    assert traffic.pulls == [0, 1, 2]
    assert traffic.total == 3
    assert traffic.last_pulled_at == NOW + timedelta(minutes=1)
    assert [named[name].total for name in ("v1", "v2", DIGEST)] == [2, 0, 3]


def test_pushes_are_no_pulls(repository: Repository) -> None:
    count_push(repository_id=repository.id, now=NOW)
    flush_counts()

    traffic = pulls_by_day([repository], days=1, now=NOW)[repository.id]
    assert (traffic.pulls, traffic.pushes, traffic.last_pulled_at) == ([0], [1], None)


def test_a_push_leaves_the_moment_of_the_last_pull_alone(repository: Repository) -> None:
    count_pull(repository_id=repository.id, digest=DIGEST, now=NOW)
    flush_counts()
    count_push(repository_id=repository.id, now=NOW)
    flush_counts()

    assert pulls_by_day([repository], days=1, now=NOW)[repository.id].last_pulled_at == NOW


def test_the_traffic_of_many_repositories_costs_one_query(
    django_assert_num_queries: Iterator[None],
) -> None:
    many = [make_repository(f"acme/r{number}") for number in range(5)]
    for number, repository in enumerate(many):
        for _ in range(number):
            count_pull(repository_id=repository.id, digest=DIGEST, now=NOW)
    flush_counts()

    with django_assert_num_queries(1):  # type: ignore[operator]
        found = pulls_by_day(many, days=30, now=NOW)

    assert [found[repository.id].total for repository in many] == [0, 1, 2, 3, 4]
    assert pulls_of_namespace(many[0].namespace, days=30, now=NOW).total == 10


def test_a_repository_that_was_deleted_meanwhile_keeps_nobody_from_counting(
    repository: Repository,
) -> None:
    other = make_repository("acme/other")
    for each in (repository, other):
        count_pull(repository_id=each.id, digest=DIGEST, now=NOW)
    repository.delete()

    flush_counts()

    assert set(DailyTraffic.objects.values_list("repository", flat=True)) == {other.id}


def test_what_cannot_be_written_is_kept_for_the_next_time(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    count_pull(repository_id=repository.id, digest=DIGEST, now=NOW)

    def fails(*_: object) -> None:
        raise DatabaseError("no database")

    with monkeypatch.context() as broken:
        broken.setattr(counting, "_write", fails)
        flush_counts()
    count_pull(repository_id=repository.id, digest=DIGEST, now=NOW)
    flush_counts()

    assert pulls_by_day([repository], days=1, now=NOW)[repository.id].total == 2


def test_memory_is_bounded_while_nothing_can_be_written(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "MAX_KEYS", 4)
    for number in range(10):
        count_pull(repository_id=repository.id, digest=DIGEST, tag=f"v{number}", now=NOW)

    assert flush_counts() == 4
    assert pulls_by_day([repository], days=1, now=NOW)[repository.id].total == 10


def test_manifests_that_clients_get_and_put_are_counted() -> None:
    repository = make_repository("acme/web")
    now = datetime.now(UTC)
    hold(repository, b"{}", now=now)
    body = image(b"{}")
    push(repository, body, "v1", now=now)
    client = Client(headers=bearer(owner_of("acme"), "repository:acme/web:pull,push"))

    for path in ("v1", "v1", str(Digest.of(body))):
        assert client.get(f"/v2/acme/web/manifests/{path}").status_code == 200
    assert client.head("/v2/acme/web/manifests/v1").status_code == 200
    assert client.get("/v2/acme/web/manifests/absent").status_code == 404
    media_type = "application/vnd.oci.image.manifest.v1+json"
    pushed = client.put("/v2/acme/web/manifests/v2", body, content_type=media_type)
    assert pushed.status_code == 201
    flush_counts()

    # Around midnight the requests may fall on two days.
    traffic = pulls_by_day([repository], days=2, now=datetime.now(UTC))[repository.id]
    named = pulls_of_references(
        repository, ["v1", str(Digest.of(body))], days=2, now=datetime.now(UTC)
    )
    assert (traffic.total, traffic.total_pushes) == (3, 1)
    assert [named["v1"].total, named[str(Digest.of(body))].total] == [2, 3]


@pytest.mark.django_db(transaction=True)
def test_processes_that_add_to_the_same_rows_lose_nothing(repository: Repository) -> None:
    keys = [counting.Key(repository.id, f"v{number}", NOW.date()) for number in range(20)]
    batch = [(key, counting.Count(pulls=1, last_pulled_at=NOW)) for key in keys]

    at_once(*[partial(counting._write, batch) for _ in range(8)])

    pulls = DailyTraffic.objects.filter(repository=repository).values_list("pulls", flat=True)
    assert list(pulls) == [8] * 20
    connection.close()
