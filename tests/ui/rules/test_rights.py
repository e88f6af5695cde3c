"""Who may see and change rules."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.organizations.models import TeamRole
from accounts.organizations.services import add_member, create_team
from accounts.users.models import Namespace, User
from artifacts.policy.models import ArtifactPolicy
from registry.repositories.models import Repository, Role
from registry.repositories.services import grant
from registry.tags.immutability import add_immutability_rule
from registry.verification.models import PublicKey
from tests.artifacts.signatures.signing import Signer
from tests.registry.builders import NOW, make_organization, make_user
from tests.registry.verification.signed import trust
from tests.ui.browsing import browser
from ui.urls import urlpatterns

pytestmark = pytest.mark.django_db

ROUTES = [route for route in urlpatterns if route.callback.__module__.startswith("ui.rules.")]


def addresses(repository: Repository) -> Iterator[str]:
    """Every page of this room, of the organization acme and its repository."""
    namespace = Namespace.objects.get(name="acme")
    rule: dict[str, Any] = {"pattern": "v", "syntax": "glob", "is_inverted": False, "now": NOW}
    own = add_immutability_rule(place=repository, **rule)
    theirs = add_immutability_rule(place=namespace, **rule)
    key = trust(repository, Signer())
    policy = ArtifactPolicy.objects.create(name="mine", allows_images=True)
    for route in ROUTES:
        kwargs: dict[str, object] = {"namespace": "acme"}
        if "repository" in route.pattern.converters:
            kwargs = {"repository": "acme/web"}
        if "rule" in route.pattern.converters:
            kwargs["rule"] = (own if "repository" in kwargs else theirs).pk
        if "key" in route.pattern.converters:
            kwargs["key"] = key.pk
        yield reverse(f"ui:{route.name}", kwargs=kwargs) + f"?policy={policy.pk}"


def statuses(client: Client, repository: Repository) -> set[int]:
    """What all pages answer, to each method that they have."""
    return {
        getattr(client, method)(address).status_code
        for route, address in zip(ROUTES, addresses(repository), strict=True)
        for method in ("get", "post")
        if hasattr(route.callback.view_class, method)  # type: ignore[attr-defined]
    }


def test_owners_see_every_page(repository: Repository) -> None:
    client = browser(User.objects.get(username="acme-owner"))

    answers = {address: client.get(address).status_code for address in addresses(repository)}

    assert set(answers.values()) == {200}
    assert len(answers) == len(ROUTES) == 17


def test_members_who_may_not_change_rules_are_told_so(repository: Repository) -> None:
    member = make_user()
    organization = Namespace.objects.get(name="acme").organization
    team = create_team(organization=organization, name="writers", role=TeamRole.CREATOR, now=NOW)
    add_member(team=team, member=member, now=NOW)
    grant(repository=repository, role=Role.WRITE, holder=member, now=NOW)

    assert statuses(browser(member), repository) == {403}
    assert PublicKey.objects.count() == 1


def test_for_strangers_there_is_nothing(repository: Repository) -> None:
    assert statuses(browser(make_user()), repository) == {404}
    assert PublicKey.objects.count() == 1


def test_visitors_of_what_is_public_are_asked_to_sign_in(repository: Repository) -> None:
    repository.is_public = True
    repository.save()

    assert statuses(browser(), repository) == {302}
    assert PublicKey.objects.count() == 1


def test_who_administers_a_repository_changes_its_rules_and_not_those_of_the_namespace(
    repository: Repository,
) -> None:
    admin = make_user()
    grant(repository=repository, role=Role.ADMIN, holder=admin, now=NOW)
    client = browser(admin)

    for address in addresses(repository):
        expected = 200 if address.startswith("/acme/web/") else 403
        assert client.get(address).status_code == expected, address


def test_without_a_token_of_the_form_nothing_is_changed(repository: Repository) -> None:
    client = browser(User.objects.get(username="acme-owner"), checks_csrf=True)

    for address in addresses(repository):
        assert client.post(address).status_code in (403, 405), address


def test_an_organization_without_repositories_has_these_pages_too() -> None:
    make_organization("empty")
    client = browser(User.objects.get(username="empty-owner"))

    for name in ("policy", "retention", "retention_run", "time_machine", "immutability", "keys"):
        assert client.get(reverse(f"ui:{name}", kwargs={"namespace": "empty"})).status_code == 200
