"""The first push to a name, when what it stands on goes meanwhile: an answer, and at once."""

import pytest
from django.db import IntegrityError

from accounts.credentials.principals import Principal
from accounts.organizations.models import DefaultPermission
from accounts.organizations.services import dissolve
from accounts.users.services import delete_robot
from artifacts.oci.errors import NameUnknown, TooManyRequests, Unauthorized
from registry.repositories import services
from registry.repositories.deletion import delete_repository
from registry.repositories.models import Repository
from registry.repositories.services import (
    CreatorGone,
    create_repository,
    find_or_create_repository,
)
from tests.registry.builders import (
    NOW,
    make_organization,
    make_repository,
    make_robot,
    owner_of,
    principal_of,
)

pytestmark = pytest.mark.django_db(transaction=True)


def first_push(creator: Principal, path: str = "acme/new") -> Repository:
    return find_or_create_repository(path=path, creator=creator, is_public=False, now=NOW)


def test_a_robot_that_was_deleted_since_it_logged_in_is_unknown() -> None:
    robot = make_robot(make_organization("acme"))
    principal = principal_of(robot)
    delete_robot(robot=robot, now=NOW)

    with pytest.raises(Unauthorized, match=r"the account acme\+ci has been deleted"):
        first_push(principal)
    assert not Repository.objects.exists()


def test_a_person_who_was_deleted_since_is_unknown() -> None:
    make_organization("acme")

    with pytest.raises(Unauthorized, match="the account bob has been deleted"):
        first_push(Principal("user", id=987_654, name="bob"))


def test_a_page_is_told_the_same_in_the_words_of_pages() -> None:
    make_organization("acme")

    with pytest.raises(CreatorGone):
        create_repository(
            path="acme/new",
            creator=Principal("robot", id=987_654, name="acme+gone"),
            is_public=False,
            now=NOW,
        )


def test_an_organization_that_was_deleted_since_is_unknown() -> None:
    acme = make_organization("acme")
    owner = owner_of("acme")
    dissolve(organization=acme, now=NOW)

    with pytest.raises(NameUnknown, match="no user or organization acme"):
        first_push(owner)


def test_only_the_name_is_taken_for_a_repository_that_exists(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_organization("acme")

    def broken(*_: object) -> None:
        DefaultPermission.objects.create(organization_id=987_654, role="read")

    monkeypatch.setattr(services, "_apply_default_permissions", broken)

    with pytest.raises(IntegrityError):
        create_repository(path="acme/new", creator=owner_of("acme"), is_public=False, now=NOW)


def test_a_name_that_is_always_taken_and_never_there_is_tried_a_few_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    repository = make_repository("acme/new")
    tries: list[str] = []

    def taken(**wanted: object) -> Repository:
        tries.append(str(wanted["path"]))
        raise services.RepositoryExists("there is one")

    delete_repository(repository=repository, now=NOW)
    monkeypatch.setattr(services, "create_repository", taken)

    with pytest.raises(TooManyRequests):
        first_push(owner_of("acme"))
    assert len(tries) == 5
