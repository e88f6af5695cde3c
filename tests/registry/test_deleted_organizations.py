"""What goes with an organization, and what may come after it."""

import pytest

from accounts.audit.models import AuditEvent
from accounts.organizations.models import Organization
from registry.access.rights import rights_in
from registry.repositories import organizations
from registry.repositories.deletion import delete_repository, restorable
from registry.repositories.models import Repository, Role
from registry.repositories.organizations import contents_of, delete_organization
from registry.repositories.services import NamespaceUnknown, create_repository, grant
from tests.registry.builders import (
    NOW,
    make_organization,
    make_repository,
    make_robot,
    make_user,
    principal_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Organization:
    return make_organization("acme")


def test_many_repositories_go_in_several_transactions(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(organizations, "ROWS_PER_TRANSACTION", 2)
    for number in range(5):
        make_repository(f"acme/r{number}")
    make_repository("other/web")

    delete_organization(organization=acme, now=NOW)

    assert [repository.path for repository in Repository.objects.all()] == ["other/web"]
    assert Repository.deleted.count() == 5
    assert AuditEvent.objects.filter(action="repository.delete").count() == 5


def test_nothing_of_it_can_be_undeleted(acme: Organization) -> None:
    make_repository("acme/web")
    old = make_repository("acme/old")
    delete_repository(repository=old, now=NOW)
    assert contents_of(acme).deleted_repositories == 1

    delete_organization(organization=acme, now=NOW)

    assert Repository.deleted.count() == 2
    assert not restorable(NOW).exists()


def test_what_it_has_is_counted(acme: Organization) -> None:
    make_repository("acme/web")
    make_robot(acme)

    contents = contents_of(acme)

    assert (contents.repositories, contents.deleted_repositories) == (1, 0)
    assert (contents.teams, contents.robots) == (1, 1)


def test_nobody_has_rights_in_it_any_more_nor_makes_anything_there(acme: Organization) -> None:
    bob, root = make_user("bob"), make_user("harbourmaster", is_superuser=True)
    web = make_repository("acme/web")
    grant(repository=web, role=Role.ADMIN, holder=bob, now=NOW)

    delete_organization(organization=acme, now=NOW)

    for person in (bob, root):
        principal = principal_of(person)
        assert not rights_in(principal=principal, path="acme/new", repository=None)
        with pytest.raises(NamespaceUnknown):
            create_repository(path="acme/new", creator=principal, is_public=False, now=NOW)
