"""Repositories: made once, deleted with everything in them, and no one else's."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from accounts.audit.models import AuditEvent
from accounts.users.services import access_epoch
from artifacts.oci.errors import NameInvalid
from registry.blobs.models import UploadSession
from registry.blobs.sessions import open_upload
from registry.blobs.uploads import Chunk, append_chunk, delete_stale_uploads
from registry.repositories.deletion import delete_repository
from registry.repositories.models import Repository, Role
from registry.repositories.paths import repository_path
from registry.repositories.services import (
    NamespaceUnknown,
    RepositoryExists,
    create_repository,
    grant,
    revoke,
    set_read_only,
    set_visibility,
)
from tests.registry.builders import (
    NOW,
    make_user,
    owner_of,
)

pytestmark = pytest.mark.django_db


def test_a_name_is_taken_once(repository: Repository) -> None:
    with pytest.raises(RepositoryExists, match="acme/web already"):
        create_repository(path="acme/web", creator=owner_of("acme"), is_public=False, now=NOW)


def test_a_repository_needs_a_namespace_that_somebody_has(repository: Repository) -> None:
    with pytest.raises(NamespaceUnknown, match="no user or organization nobody"):
        create_repository(path="nobody/x", creator=owner_of("acme"), is_public=False, now=NOW)


def test_every_change_of_rights_is_counted_and_written_down(repository: Repository) -> None:
    bob = make_user("bob")
    given = grant(repository=repository, role=Role.READ, holder=bob, now=NOW)
    steps: dict[str, Callable[[], object]] = {
        "repository.grant": partial(
            grant, repository=repository, role=Role.WRITE, holder=bob, now=NOW
        ),
        "repository.visibility": partial(
            set_visibility, repository=repository, is_public=True, now=NOW
        ),
        "repository.state": partial(
            set_read_only, repository=repository, is_read_only=True, now=NOW
        ),
        "repository.revoke": partial(revoke, given=given, now=NOW),
        "repository.delete": partial(delete_repository, repository=repository, now=NOW),
    }
    for action, step in steps.items():
        before = access_epoch()
        step()
        assert access_epoch() > before, action
        assert AuditEvent.objects.filter(action=action, target="acme/web").exists()


def test_a_repository_that_is_read_only_already_stays_so_since_then(repository: Repository) -> None:
    set_read_only(repository=repository, is_read_only=True, now=NOW)
    before = access_epoch()
    set_read_only(repository=repository, is_read_only=True, now=NOW + timedelta(days=1))

    assert Repository.objects.get().read_only_since == NOW
    assert access_epoch() == before
    assert AuditEvent.objects.filter(action="repository.state").count() == 1


@pytest.mark.parametrize(
    ("name", "path"), [("web", "library/web"), ("acme/web", "acme/web"), ("a/b/c", "a/b/c")]
)
def test_a_name_alone_is_of_the_library(name: str, path: str) -> None:
    assert repository_path(name) == path


@pytest.mark.parametrize("name", ["", "Web", "library/" + "a" * 250, "a" * 250])
def test_a_name_that_no_repository_can_have_has_no_path(name: str) -> None:
    with pytest.raises(NameInvalid):
        repository_path(name)


def test_uploads_that_nobody_touches_are_forgotten_with_their_bytes(
    repository: Repository, store_root: Path
) -> None:
    old = open_upload(repository=repository, owner="user:1", now=NOW)
    append_chunk(session=old, chunk=Chunk([b"old"]), now=NOW)
    young = open_upload(repository=repository, owner="user:1", now=NOW)
    append_chunk(session=young, chunk=Chunk([b"young"]), now=NOW + timedelta(hours=2))

    deleted = delete_stale_uploads(
        now=NOW + timedelta(hours=3), older_than=timedelta(hours=2), limit=10
    )

    assert deleted == 1
    assert [session.pk for session in UploadSession.objects.all()] == [young.pk]
    assert [folder.name for folder in (store_root / "uploads").iterdir()] == [str(young.pk)]


def test_abandoned_uploads_are_forgotten_in_batches(repository: Repository) -> None:
    for _ in range(5):
        session = open_upload(repository=repository, owner="user:1", now=NOW)
        append_chunk(session=session, chunk=Chunk([b"half"]), now=NOW)
    later = NOW + timedelta(days=3)

    forgotten = [
        delete_stale_uploads(now=later, older_than=timedelta(days=2), limit=2) for _ in range(4)
    ]

    assert forgotten == [2, 2, 1, 0]
