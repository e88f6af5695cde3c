"""What goes with an organization, and what may come after it."""

from functools import partial

import pytest
from django.db import connection, transaction

from accounts.audit.models import AuditEvent
from accounts.organizations.models import Organization
from accounts.organizations.services import dissolve
from accounts.users.models import Namespace
from registry.access.rights import rights_in
from registry.repositories import deletion
from registry.repositories.deletion import (
    contents_of,
    delete_organization,
    delete_repository,
    restorable,
)
from registry.repositories.models import Repository, Role
from registry.repositories.services import NamespaceUnknown, create_repository, grant
from registry.retention.models import RetentionRule
from registry.statistics.models import NamespaceStorage
from registry.tags.models import ImmutabilityRule
from registry.verification.models import Keyring, PublicKey
from tests.registry.builders import (
    NOW,
    make_organization,
    make_repository,
    make_robot,
    make_user,
    owner_of,
    principal_of,
)
from tests.threads import Aside, at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Organization:
    return make_organization("acme")


def test_many_repositories_go_in_several_transactions(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "ROWS_PER_TRANSACTION", 2)
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


@pytest.mark.django_db(transaction=True)
def test_who_makes_a_repository_while_the_organization_goes_waits_and_is_refused(
    acme: Organization,
) -> None:
    if not connection.features.has_select_for_update:
        return  # one writer at a time: there is no meanwhile
    create = partial(
        create_repository, path="acme/web", creator=owner_of("acme"), is_public=True, now=NOW
    )

    with transaction.atomic():
        dissolve(organization=acme, now=NOW)
        maker = Aside(create)
        assert maker.waits()

    assert isinstance(maker.result(), NamespaceUnknown)
    assert not Repository.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_no_repository_outlives_its_organization(acme: Organization) -> None:
    owner = owner_of("acme")
    make = [
        partial(create_repository, path=f"acme/r{n}", creator=owner, is_public=True, now=NOW)
        for n in range(6)
    ]

    at_once(*make[:3], partial(delete_organization, organization=acme, now=NOW), *make[3:])

    assert not Organization.objects.exists()
    assert not Repository.objects.exists()


def test_its_rules_and_keys_go_with_it_and_those_of_others_stay(acme: Organization) -> None:
    for place in (acme.namespace, make_organization("other").namespace):
        RetentionRule.objects.create(namespace=place, kind="keep", created_at=NOW)
        ImmutabilityRule.objects.create(namespace=place, pattern="v*", created_at=NOW)
        Keyring.objects.create(namespace=place, version=1)
        PublicKey.objects.create(namespace=place, name="release", created_at=NOW)
        NamespaceStorage.objects.create(namespace=place, day=NOW.date(), size=1)
    acme.namespace.tag_expiration_seconds = 60
    acme.namespace.save()

    delete_organization(organization=acme, now=NOW)

    for model in (RetentionRule, ImmutabilityRule, Keyring, PublicKey, NamespaceStorage):
        left = model._base_manager.values_list("namespace__name", flat=True)
        assert list(left) == ["other"], model
    assert Namespace.objects.get(name="acme").tag_expiration_seconds is None
