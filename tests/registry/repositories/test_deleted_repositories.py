"""A deleted repository is gone for everybody, its name is free, and it can come back."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from accounts.audit.models import AuditEvent
from accounts.users.services import access_epoch
from artifacts.oci.digest import Digest
from registry.access.rights import catalog_of, readable_repositories
from registry.blobs.services import mount_blob
from registry.charts.index import ChartIndex
from registry.inspection.tasks import inspect_batch
from registry.manifests.models import Manifest
from registry.repositories.deletion import (
    RepositoryGone,
    delete_repository,
    restorable,
    undelete_repository,
)
from registry.repositories.models import NamePart, Repository, RepositoryGrant, Role
from registry.repositories.paths import name_parts
from registry.repositories.services import RepositoryExists, find_or_create_repository, grant
from tests.registry.builders import (
    NOW,
    bearer,
    hold,
    image,
    make_repository,
    make_user,
    owner_of,
    principal_of,
    push,
)
from tests.registry.charts.builders import push_chart

pytestmark = pytest.mark.django_db

SCOPES = (
    "repository:acme/web:pull,push,delete",
    "repository:acme/none:pull,push,delete",
    "registry:catalog:*",
)
DOORS = (
    "/v2/acme/web/tags/list",
    "/v2/acme/web/manifests/v1",
    f"/v2/acme/web/manifests/{Digest.of(image(b'{}'))}",
    f"/v2/acme/web/blobs/{Digest.of(b'{}')}",
    f"/v2/acme/web/referrers/{Digest.of(image(b'{}'))}",
    "/v1/repositories/acme/web/tags",
    "/api/v1/repository/acme/web/tag/",
    "/acme/web",
    "/acme/web/-/tags",
)


@pytest.fixture
def web() -> Repository:
    repository = make_repository("acme/web", is_public=True)
    now = datetime.now(UTC)
    hold(repository, b"{}", now=now)
    push(repository, image(b"{}"), "v1", now=now)
    return repository


def statuses(client: Client) -> list[int]:
    return [client.get(door).status_code for door in DOORS]


def test_it_is_behind_no_door(web: Repository) -> None:
    known = Client(headers=bearer(owner_of("acme"), *SCOPES))
    anybody = Client()
    before = statuses(known)
    assert before[:4] == [200, 200, 200, 200]

    delete_repository(repository=web, now=NOW)

    for client in (known, anybody):
        for door in DOORS:
            never = client.get(door.replace("acme/web", "acme/none"))
            assert client.get(door).status_code == never.status_code, door
            assert never.status_code in {401, 403, 404} or not never.json()["manifests"], door
    new = Client(headers=bearer(owner_of("acme"), *SCOPES))
    assert new.get("/v2/acme/web/tags/list").status_code == 404
    assert new.get("/v2/_catalog").json() == {"repositories": []}

    undelete_repository(repository=web, now=NOW)

    assert statuses(Client(headers=bearer(owner_of("acme"), *SCOPES))) == before


def test_nobody_lists_it_and_nothing_is_mounted_from_it(web: Repository) -> None:
    other = make_repository("acme/other")
    root = principal_of(make_user("chief", is_superuser=True))
    delete_repository(repository=web, now=NOW)

    for principal in (owner_of("acme"), root):
        for listed in (readable_repositories(principal), catalog_of(principal)):
            assert web not in listed
    assert not mount_blob(
        repository=other,
        digest=Digest.of(b"{}"),
        sources=readable_repositories(owner_of("acme")),
        now=NOW,
    )


def test_its_charts_are_in_no_index(web: Repository) -> None:
    push_chart(web, "open", "1.0.0")

    def listed() -> int:
        repositories = readable_repositories(owner_of("acme"))
        index = ChartIndex.read(namespace=web.namespace, repositories=repositories, now=NOW)
        return len(index.charts)

    assert listed() == 1
    delete_repository(repository=web, now=NOW)
    assert listed() == 0


def test_nobody_looks_into_what_is_hidden(web: Repository) -> None:
    push_chart(web, "open", "1.0.0")
    Manifest.objects.update(inspected_at=None)
    delete_repository(repository=web, now=NOW)

    inspect_batch(after=0, limit=10, now=NOW)
    assert not Manifest.objects.exclude(inspected_at=None).exists()

    undelete_repository(repository=web, now=NOW)
    inspect_batch(after=0, limit=10, now=NOW)
    assert Manifest.objects.exclude(inspected_at=None).exists()


def test_its_name_is_free_and_the_new_one_inherits_nothing(web: Repository) -> None:
    bob = make_user("bob")
    grant(repository=web, role=Role.ADMIN, holder=bob, now=NOW)
    delete_repository(repository=web, now=NOW)

    new = find_or_create_repository(
        path="acme/web", creator=owner_of("acme"), is_public=False, now=NOW
    )

    assert new.pk != web.pk
    assert not RepositoryGrant.objects.filter(repository=new, user=bob).exists()
    assert not Manifest.objects.filter(repository=new).exists()
    assert Repository.objects.at_path("acme/web") == new


def test_it_does_not_come_back_onto_a_name_that_another_has(web: Repository) -> None:
    delete_repository(repository=web, now=NOW)
    new = make_repository("acme/web")

    with pytest.raises(RepositoryExists, match="another repository acme/web now"):
        undelete_repository(repository=web, now=NOW)

    assert Repository.objects.get() == new
    delete_repository(repository=new, now=NOW)
    undelete_repository(repository=web, now=NOW)
    assert Repository.objects.get() == web


def test_it_comes_back_with_its_rights(web: Repository) -> None:
    bob = make_user("bob")
    grant(repository=web, role=Role.WRITE, holder=bob, now=NOW)
    delete_repository(repository=web, now=NOW)
    undelete_repository(repository=web, now=NOW)

    client = Client(headers=bearer(principal_of(bob), "repository:acme/web:pull,push"))

    assert client.get("/v2/acme/web/manifests/v1").status_code == 200
    assert client.post("/v2/acme/web/blobs/uploads/").status_code == 202


def test_deleting_and_undeleting_count_as_changes_of_rights_and_are_written_down(
    web: Repository,
) -> None:
    before = access_epoch()
    delete_repository(repository=web, now=NOW)
    between = access_epoch()
    undelete_repository(repository=web, now=NOW)

    assert before < between < access_epoch()
    actions = AuditEvent.objects.filter(target="acme/web").order_by("pk")
    assert list(actions.values_list("action", flat=True))[-2:] == [
        "repository.delete",
        "repository.undelete",
    ]


def test_after_its_time_nobody_undeletes_it(web: Repository) -> None:
    delete_repository(repository=web, now=NOW)
    over = NOW + timedelta(weeks=2)

    assert web in restorable(over - timedelta(seconds=1))
    assert web not in restorable(over)
    with pytest.raises(RepositoryGone, match="cannot be undeleted any more"):
        undelete_repository(repository=web, now=over)


def test_what_is_not_deleted_is_not_undeleted(web: Repository) -> None:
    with pytest.raises(RepositoryGone):
        undelete_repository(repository=web, now=NOW)


def test_a_name_is_taken_apart_at_its_words() -> None:
    assert name_parts("acme/my-team.x/web__app") == [
        "acme/my-team.x/web__app",
        "my-team.x/web__app",
        "team.x/web__app",
        "x/web__app",
        "web__app",
        "app",
    ]


def test_the_parts_of_a_name_are_kept_with_the_repository(web: Repository) -> None:
    parts = NamePart.objects.filter(repository=web).order_by("text")
    assert list(parts.values_list("text", flat=True)) == ["acme/web", "web"]
