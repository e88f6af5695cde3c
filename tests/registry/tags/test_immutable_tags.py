"""Tags that can be neither moved nor deleted, and the rules that make them so."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.audit.models import AuditEvent
from accounts.audit.services import Actor
from artifacts.oci.digest import Digest
from artifacts.oci.errors import ManifestUnknown
from artifacts.oci.media_types import OCI_MANIFEST
from artifacts.oci.patterns import Syntax
from registry.manifests.models import Manifest
from registry.manifests.removal import delete_manifest
from registry.repositories.models import Repository
from registry.tags.models import ImmutabilityRule, Tag
from registry.tags.services import (
    ImmutabilityRefused,
    TagImmutable,
    delete_tag,
    set_expiry,
    set_immutable,
)
from tests.registry.builders import (
    NOW,
    bearer,
    error_of,
    hold,
    image,
    index,
    make_organization,
    make_repository,
    make_user,
    owner_of,
    push,
)

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
ONE, TWO = (image(b"{}", annotations={"n": n}) for n in "12")
PATH = "/v2/acme/web/manifests"


@pytest.fixture(autouse=True)
def config_held(repository: Repository) -> None:
    hold(repository, b"{}")


def fix(repository: Repository, name: str = "v1") -> None:
    set_immutable(repository=repository, name=name, is_immutable=True, now=NOW)


def digest_of(repository: Repository, name: str = "v1") -> str:
    return Tag.objects.live().get(repository=repository, name=name).manifest.digest


def is_immutable(repository: Repository, name: str) -> bool:
    return Tag.objects.live().get(repository=repository, name=name).is_immutable


# --- One tag ------------------------------------------------------------------------------------


def test_an_immutable_tag_is_not_moved(repository: Repository) -> None:
    push(repository, ONE)
    fix(repository)

    with pytest.raises(TagImmutable, match="the tag v1 is immutable and cannot be moved"):
        push(repository, TWO)

    assert digest_of(repository) == str(Digest.of(ONE))
    assert not Manifest.objects.filter(digest=str(Digest.of(TWO))).exists()


def test_the_same_manifest_may_be_pushed_again(repository: Repository) -> None:
    push(repository, ONE)
    fix(repository)

    push(repository, ONE, now=NOW + DAY)

    assert is_immutable(repository, "v1")
    assert Tag.objects.count() == 1


def test_a_push_of_several_tags_moves_none_when_one_is_immutable(repository: Repository) -> None:
    push(repository, ONE, tags=("a", "z"))
    fix(repository)

    with pytest.raises(TagImmutable):
        push(repository, TWO, "a", tags=("v1", "z"))

    assert {digest_of(repository, name) for name in ("a", "v1", "z")} == {str(Digest.of(ONE))}


def test_an_immutable_tag_is_not_deleted(repository: Repository) -> None:
    push(repository, ONE)
    fix(repository)

    with pytest.raises(TagImmutable, match="cannot be deleted"):
        delete_tag(repository=repository, name="v1", now=NOW)

    assert digest_of(repository)


def test_the_manifest_of_an_immutable_tag_is_not_deleted_nor_any_of_its_tags(
    repository: Repository,
) -> None:
    push(repository, ONE, tags=("a", "z"))
    fix(repository)

    with pytest.raises(TagImmutable):
        delete_manifest(repository=repository, digest=Digest.of(ONE), now=NOW)

    assert Tag.objects.live().count() == 3
    assert Manifest.objects.present().filter(digest=str(Digest.of(ONE))).exists()


def test_a_tag_that_is_let_go_can_be_moved(repository: Repository) -> None:
    push(repository, ONE)
    fix(repository)
    by = Actor("carol", "192.0.2.7")
    set_immutable(repository=repository, name="v1", is_immutable=False, now=NOW, by=by)

    push(repository, TWO)

    assert digest_of(repository) == str(Digest.of(TWO))
    assert not is_immutable(repository, "v1")
    assert AuditEvent.objects.filter(action="tag.immutable", actor="carol").count() == 1


def test_what_is_not_there_cannot_be_made_immutable(repository: Repository) -> None:
    with pytest.raises(ManifestUnknown):
        fix(repository, "never")


def test_an_immutable_tag_that_expired_can_be_used_again(repository: Repository) -> None:
    push(repository, ONE)
    fix(repository)
    set_expiry(repository=repository, name="v1", expires_at=NOW + DAY, now=NOW)

    push(repository, TWO, now=NOW + DAY)

    assert digest_of(repository) == str(Digest.of(TWO))
    assert not is_immutable(repository, "v1")


def test_switched_off_no_tag_is_immutable(repository: Repository, settings: Settings) -> None:
    push(repository, ONE)
    fix(repository)
    settings.FEATURE_IMMUTABLE_TAGS = False

    push(repository, TWO)
    delete_tag(repository=repository, name="v1", now=NOW)

    push(repository, image(b"{}", annotations={"quay.immutable": "true"}))
    assert not is_immutable(repository, "v1")
    with pytest.raises(ImmutabilityRefused, match="FEATURE_IMMUTABLE_TAGS"):
        fix(repository)


# --- What the manifest asks for -----------------------------------------------------------------


@pytest.mark.parametrize("way", ["annotation", "label", "index", "images"])
def test_a_manifest_makes_its_tags_immutable(repository: Repository, way: str) -> None:
    config = b'{"config": {"Labels": {"quay.immutable": "true"}}}'
    hold(repository, config)
    asked = {"quay.immutable": "true"}
    body = image(config) if way in {"label", "images"} else image(b"{}", annotations=asked)
    if way in {"index", "images"}:
        push(repository, body, str(Digest.of(body)))
        body = index(body, annotations=asked if way == "index" else {})

    push(repository, body)

    assert is_immutable(repository, "v1")
    with pytest.raises(TagImmutable):
        push(repository, TWO)


def test_an_annotation_can_lift_the_label(repository: Repository) -> None:
    config = b'{"config": {"Labels": {"quay.immutable": "true"}}}'
    hold(repository, config)

    push(repository, image(config, annotations={"quay.immutable": "false"}))

    assert not is_immutable(repository, "v1")


# --- Rules --------------------------------------------------------------------------------------


def rule(place: Any, pattern: str, syntax: Syntax = Syntax.GLOB, **changed: Any) -> None:
    column = "repository" if isinstance(place, Repository) else "namespace"
    ImmutabilityRule.objects.create(
        **{column: place}, pattern=pattern, syntax=syntax, created_at=NOW, **changed
    )


def test_a_rule_makes_the_tags_it_chooses_immutable(repository: Repository) -> None:
    rule(repository, "v*")

    push(repository, ONE, "v1", tags=("latest",))

    assert is_immutable(repository, "v1")
    assert not is_immutable(repository, "latest")
    push(repository, TWO, "latest")
    with pytest.raises(TagImmutable):
        push(repository, TWO, "v1")


def test_a_rule_with_a_regular_expression(repository: Repository) -> None:
    rule(repository, r"^v\d+\.\d+$", Syntax.REGEX)

    push(repository, ONE, "v1.2", tags=("v1", "v1.2.3"))

    assert [is_immutable(repository, name) for name in ("v1.2", "v1", "v1.2.3")] == [
        True,
        False,
        False,
    ]


def test_a_rule_for_all_but_some(repository: Repository) -> None:
    rule(repository, "latest", is_inverted=True)

    push(repository, ONE, "latest", tags=("anything",))

    assert not is_immutable(repository, "latest")
    assert is_immutable(repository, "anything")


def test_a_rule_of_the_organization_holds_in_all_its_repositories_and_nowhere_else(
    repository: Repository,
) -> None:
    other, stranger = make_repository("acme/other"), make_repository("globex/web")
    rule(repository.namespace, "*")

    for place in (repository, other, stranger):
        hold(place, b"{}")
        push(place, ONE)

    assert [is_immutable(place, "v1") for place in (repository, other, stranger)] == [
        True,
        True,
        False,
    ]


def test_a_rule_of_a_repository_holds_there_alone(repository: Repository) -> None:
    other = make_repository("acme/other")
    rule(repository, "*")
    hold(other, b"{}")

    push(other, ONE)

    assert not is_immutable(other, "v1")


def test_a_rule_leaves_tags_from_before_as_they_are(repository: Repository) -> None:
    push(repository, ONE)
    rule(repository, "*")

    push(repository, ONE)
    assert not is_immutable(repository, "v1")
    push(repository, TWO)

    assert is_immutable(repository, "v1")


def test_a_rule_belongs_to_one_place(repository: Repository) -> None:
    with pytest.raises(IntegrityError, match="an_immutability_rule_has_one_place"):
        rule(repository, "*", namespace=repository.namespace)


def test_a_rule_without_a_pattern_that_can_be_used_is_refused(repository: Repository) -> None:
    broken = ImmutabilityRule(
        repository=repository, pattern="(", syntax=Syntax.REGEX, created_at=NOW
    )

    with pytest.raises(ValidationError, match="is no pattern that can be used"):
        broken.full_clean()


def test_an_administrator_makes_and_deletes_rules() -> None:
    namespace = make_organization("globex").namespace
    superuser = make_user("root1", is_superuser=True)
    client = Client()
    client.force_login(superuser)
    add = reverse("admin:tags_immutabilityrule_add")

    refused = client.post(
        add, {"namespace": namespace.pk, "pattern": "(", "syntax": "regex"}, follow=True
    )
    both = client.post(add, {"pattern": "v*", "syntax": "glob"}, follow=True)
    client.post(add, {"namespace": namespace.pk, "pattern": "v*", "syntax": "glob"})

    assert "is no pattern that can be used" in refused.content.decode()
    assert "Choose an organization or a repository, not both." in both.content.decode()
    made = ImmutabilityRule.objects.get()
    assert (made.namespace, made.pattern) == (namespace, "v*")
    assert AuditEvent.objects.filter(action="immutability-rule.create", actor="root1").exists()
    client.post(reverse("admin:tags_immutabilityrule_delete", args=[made.pk]), {"post": "yes"})
    assert not ImmutabilityRule.objects.exists()


# --- Over HTTP ----------------------------------------------------------------------------------


@pytest.fixture
def pusher(repository: Repository) -> Client:
    return Client(headers=bearer(owner_of("acme"), "repository:acme/web:pull,push,delete"))


@pytest.mark.parametrize("request_", ["move", "delete", "delete by digest"])
def test_a_change_of_an_immutable_tag_answers_409_and_what_to_do(
    repository: Repository, pusher: Client, request_: str
) -> None:
    push(repository, ONE)
    fix(repository)

    if request_ == "move":
        answer = pusher.generic("PUT", f"{PATH}/v1", TWO, OCI_MANIFEST)
    else:
        answer = pusher.delete(f"{PATH}/{'v1' if request_ == 'delete' else Digest.of(ONE)}")

    assert answer.status_code == 409
    code, message = error_of(answer.json())
    assert code == "DENIED"
    assert message.startswith("the tag v1 is immutable and cannot be ")
    assert message.endswith(
        "; push under another tag, or ask an administrator of the repository to make it mutable"
    )
    assert pusher.get(f"{PATH}/v1").content == ONE


def test_the_same_push_again_answers_201(repository: Repository, pusher: Client) -> None:
    push(repository, ONE)
    fix(repository)

    assert pusher.generic("PUT", f"{PATH}/v1", ONE, OCI_MANIFEST).status_code == 201


def test_a_deletion_is_in_the_audit_trail_with_who_asked(
    repository: Repository, pusher: Client
) -> None:
    push(repository, ONE)

    pusher.delete(f"{PATH}/v1")
    pusher.delete(f"{PATH}/{Digest.of(ONE)}")

    events = AuditEvent.objects.filter(action__in=["tag.delete", "manifest.delete"]).order_by("pk")
    assert [(event.actor, event.target) for event in events] == [
        ("acme-owner", "acme/web:v1"),
        ("acme-owner", f"acme/web@{Digest.of(ONE)}"),
    ]
