"""Deleted repositories: kept until nobody can undelete them, then removed piece by piece."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.errors import AccountError
from artifacts.oci.digest import Digest
from artifacts.oci.errors import OCIError
from artifacts.oci.names import Reference
from registry.blobs.models import Blob, BlobLink, UploadSession
from registry.blobs.sessions import open_upload
from registry.blobs.uploads import Chunk, append_chunk
from registry.gc import services
from registry.gc.forecast import forecast
from registry.gc.report import Garbage, Report
from registry.gc.services import collect_repositories
from registry.manifests.models import Manifest
from registry.manifests.reads import resolve_manifest
from registry.repositories.deletion import (
    RepositoryGone,
    delete_repository,
    lifetime_of_deleted,
    remove_for_good,
    undelete_repository,
)
from registry.repositories.models import Repository, Role
from registry.repositories.services import RepositoryExists, create_repository, grant
from registry.tags.models import Tag
from tests.registry.builders import (
    NOW,
    descriptor,
    hold,
    image,
    index,
    make_repository,
    make_user,
    owner_of,
    push,
)
from tests.registry.gc.interleaving import between_statements, places_of
from tests.registry.gc.invariants import assert_clean
from tests.registry.gc.moments import GRACE, SECOND
from tests.registry.stored import content_of, stored_files
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

Collect = Callable[..., Report]

LIFETIME = timedelta(weeks=2)
OVER = NOW + LIFETIME
BODY = image(b"{}", b"layer")


@pytest.fixture
def full(repository: Repository) -> Repository:
    """A repository with something in every table."""
    hold(repository, b"{}", b"layer")
    push(repository, BODY, "v1")
    push(repository, index(BODY, subject=descriptor(BODY)), "list")
    session = open_upload(repository=repository, owner="user:1", now=NOW)
    append_chunk(session=session, chunk=Chunk([b"half"]), now=NOW)
    grant(repository=repository, role=Role.READ, holder=make_user("bob"), now=NOW)
    return repository


def removed() -> Report:
    report = Report()
    collect_repositories(now=OVER, report=report)
    return report


def test_the_lifetime_is_that_of_the_configuration(settings: Settings) -> None:
    assert lifetime_of_deleted() == LIFETIME
    settings.DELETED_REPOSITORY_EXPIRATION = "3d"
    assert lifetime_of_deleted() == timedelta(days=3)


def test_what_is_in_a_deleted_repository_stays_while_it_can_be_undeleted(
    full: Repository, collected: Collect
) -> None:
    delete_repository(repository=full, now=NOW)

    report = collected(OVER - SECOND)
    undelete_repository(repository=full, now=OVER - SECOND)

    assert report.counts == {}
    found = resolve_manifest(
        repository=full, reference=Reference.parse("v1"), with_body=True, now=OVER
    )
    assert found.body == BODY
    assert content_of(full, Digest.of(b"layer")) == b"layer"


def test_afterwards_it_goes_with_everything_and_with_nothing_else(
    full: Repository, collected: Collect, store_root: Path
) -> None:
    other = make_repository("acme/other")
    hold(other, b"{}")
    push(other, image(b"{}"), "v1")
    delete_repository(repository=full, now=NOW)

    foretold = Report()
    forecast(now=OVER, report=foretold)
    report = collected(OVER)

    assert not Repository.deleted.exists()
    assert [r.path for r in Repository.objects.all()] == ["acme/other"]
    assert Manifest.objects.count() == BlobLink.objects.count() == Tag.objects.count() == 1
    assert not UploadSession.objects.exists()
    assert content_of(other, Digest.of(b"{}")) == b"{}"
    assert not Blob.objects.filter(pk=str(Digest.of(b"layer"))).exists()
    assert len(stored_files(store_root)) == 1
    assert report.items(Garbage.REPOSITORY) == 1
    assert report.items(Garbage.REPOSITORY_MANIFEST) == 2
    assert foretold.counts == report.counts


def test_a_grace_of_nothing_lets_it_go_with_the_next_run(
    full: Repository, collected: Collect, store_root: Path, settings: Settings
) -> None:
    settings.DELETED_REPOSITORY_EXPIRATION = "0s"
    delete_repository(repository=full, now=NOW)

    collected(NOW)

    assert stored_files(store_root) == set()
    assert not Repository.deleted.exists()


def test_a_removal_that_a_person_asks_for_need_not_wait(
    full: Repository, collected: Collect
) -> None:
    delete_repository(repository=full, now=NOW)

    remove_for_good(repository=full, now=NOW)

    with pytest.raises(RepositoryGone, match="cannot be undeleted any more"):
        undelete_repository(repository=full, now=NOW)
    collected(NOW)
    assert not Repository.deleted.exists()


def test_a_removal_that_began_goes_on_whatever_the_configuration_says_then(
    full: Repository, settings: Settings
) -> None:
    delete_repository(repository=full, now=NOW)
    Repository.deleted.update(removal_began_at=OVER)
    settings.DELETED_REPOSITORY_EXPIRATION = "10w"

    with pytest.raises(RepositoryGone):
        undelete_repository(repository=full, now=OVER)

    assert removed().items(Garbage.REPOSITORY) == 1


def test_no_transaction_removes_more_than_a_batch(full: Repository) -> None:
    manifest = Manifest.objects.get(digest=str(Digest.of(BODY)))
    Tag.objects.bulk_create(
        Tag(
            repository=full,
            name=f"t{number}",
            manifest=manifest,
            started_at=NOW,
            ended_at=NOW,
            end_reason="move",
        )
        for number in range(450)
    )
    delete_repository(repository=full, now=NOW)

    with CaptureQueriesContext(connection) as captured:
        removed()

    of_batches = 'DELETE FROM "tags_tag" WHERE ("tags_tag"."repository_id"'
    deletes = [q["sql"] for q in captured if q["sql"].startswith(of_batches)]
    assert len(deletes) == 5
    assert not Tag.objects.exists()


def test_one_that_cannot_be_removed_does_not_stop_the_others(full: Repository) -> None:
    other = make_repository("acme/other")
    with connection.cursor() as cursor:
        table = "CREATE TABLE held (repository bigint REFERENCES repositories_repository(id))"
        cursor.execute(table)
        cursor.execute("INSERT INTO held VALUES (%s)", [full.pk])
    for repository in (full, other):
        delete_repository(repository=repository, now=NOW)
    try:
        report = removed()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE held")

    assert report.items(Garbage.REPOSITORY) == 1
    assert report.problem_count == 1
    assert [r.path for r in Repository.deleted.all()] == ["acme/web"]


# --- Races --------------------------------------------------------------------------------------


def test_a_deletion_between_the_steps_of_a_push_leaves_nothing_half(repository: Repository) -> None:
    hold(repository, b"{}", b"layer")

    def pushed() -> object:
        try:
            return push(repository, BODY, "v1")
        except OCIError as error:
            return error

    def delete() -> None:
        delete_repository(repository=repository, now=NOW)

    for place in range(places_of(pushed) + 1):
        Manifest.objects.filter(repository=repository).delete()
        with between_statements(place, delete) as deletion:
            outcome = pushed()
        assert deletion().result() is None, place
        assert not Repository.objects.filter(pk=repository.pk).exists()
        undelete_repository(repository=repository, now=NOW)
        if isinstance(outcome, Manifest):
            reference = Reference.parse("v1")
            found = resolve_manifest(
                repository=repository, reference=reference, with_body=True, now=NOW
            )
            assert found.body == BODY, place
        else:
            assert isinstance(outcome, OCIError), place


def test_a_repository_is_undeleted_whole_or_removed_whole(collected: Collect) -> None:
    def deleted() -> Repository:
        repository = make_repository(f"acme/web-{Repository.objects.count()}")
        hold(repository, b"{}", b"layer")
        push(repository, BODY, "v1")
        delete_repository(repository=repository, now=NOW)
        return repository

    def undeletion(repository: Repository) -> Callable[[], None]:
        """By a process whose clock is behind."""
        return partial(undelete_repository, repository=repository, now=OVER - SECOND)

    deleted()
    outcomes = set()
    for place in range(places_of(removed) + 1):
        repository = deleted()
        with between_statements(place, undeletion(repository)) as undeleted:
            report = removed()
        outcome = undeleted().result()
        outcomes.add(type(outcome))
        assert report.problems == [], place
        removed()
        if outcome is None:
            assert content_of(repository, Digest.of(b"layer")) == b"layer"
            reference = Reference.parse("v1")
            assert resolve_manifest(
                repository=repository, reference=reference, with_body=True, now=NOW
            ).body
        else:
            assert isinstance(outcome, RepositoryGone), (place, outcome)
            assert not Repository.deleted.filter(pk=repository.pk).exists()
    assert outcomes == {type(None), RepositoryGone}


def test_a_late_push_never_keeps_a_repository_from_going(
    repository: Repository, collected: Collect, store_root: Path
) -> None:
    hold(repository, b"{}", b"layer")
    push(repository, BODY, "v1")
    late = image(b"{}", b"layer", annotations={"late": "yes"})
    delete_repository(repository=repository, now=NOW)

    def push_late() -> None:
        with suppress(OCIError):
            push(repository, late, "v2", now=OVER)

    with between_statements(8, push_late) as pushing:
        collected(OVER)
    outcome = pushing().result()
    collected(OVER + 2 * GRACE)

    assert outcome is None
    assert not Repository.deleted.exists()
    assert_clean(store_root, now=OVER + 2 * GRACE)


def test_a_push_that_comes_when_the_manifests_are_gone_is_left_to_the_next_run(
    repository: Repository,
    collected: Collect,
    store_root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hold(repository, b"{}", b"layer")
    push(repository, BODY, "v1")
    delete_repository(repository=repository, now=NOW)
    content_of_repository = services._content
    late: list[Manifest] = []

    def content(rows_of: Repository) -> Iterator[QuerySet[Any]]:
        for rows in content_of_repository(rows_of):
            if rows.model is BlobLink and not late:
                late.append(push(repository, BODY, "v2", now=OVER))
            yield rows

    monkeypatch.setattr(services, "_content", content)
    collected(OVER)  # fails where a problem is reported

    assert late[0].repository_id == Repository.deleted.get().pk
    collected(OVER + 2 * GRACE)
    assert not Repository.deleted.exists()
    assert_clean(store_root, now=OVER + 2 * GRACE)


def test_of_two_undeletions_and_a_new_repository_at_once_one_has_the_name(
    repository: Repository,
) -> None:
    delete_repository(repository=repository, now=NOW)

    def create() -> object:
        return create_repository(
            path="acme/web", creator=owner_of("acme"), is_public=False, now=NOW
        )

    def undelete() -> None:
        undelete_repository(repository=repository, now=NOW)

    outcomes = at_once(create, undelete, undelete)

    refused = [outcome for outcome in outcomes if isinstance(outcome, AccountError)]
    assert len(refused) == 2
    assert all(isinstance(one, RepositoryExists | RepositoryGone) for one in refused)
    assert Repository.objects.filter(path="acme/web").count() == 1


def test_of_two_deletions_at_once_one_is_told_that_it_came_late(repository: Repository) -> None:
    def delete() -> None:
        delete_repository(repository=repository, now=NOW)

    outcomes = at_once(delete, delete)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "RepositoryGone"]
