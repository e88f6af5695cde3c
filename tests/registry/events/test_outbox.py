"""What happens is written down for whoever listens, in the transaction in which it happens."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.audit.services import Actor
from accounts.credentials.services import issue_application_token
from artifacts.oci.digest import Digest
from artifacts.oci.errors import OCIError
from artifacts.policy.models import ArtifactPolicy
from registry.events.kinds import EventType
from registry.events.models import Event, Hook
from registry.events.outbox import note
from registry.events.services import pause_hook
from registry.events.tokens import note_expiring_tokens
from registry.manifests.removal import delete_manifest
from registry.manifests.restoration import restore_tag
from registry.manifests.services import tag_manifest
from registry.repositories.deletion import delete_repository, undelete_repository
from registry.repositories.models import Repository, Role
from registry.repositories.services import grant, select_policy
from registry.tags.look_ahead import note_expiring_tags
from registry.tags.services import delete_tag, set_expiry, sweep_expired
from tests.registry.builders import (
    NOW,
    hold,
    image,
    make_organization,
    make_repository,
    make_user,
    push,
)
from tests.registry.events.hooks import ALICE, make_hook, noted

pytestmark = pytest.mark.django_db
EVERYTHING = tuple(kind for kind in EventType if kind is not EventType.PING)
CONFIG, LAYER = b"{}", b"layer"
BODY, OTHER = image(CONFIG, LAYER), image(CONFIG)


@pytest.fixture
def web() -> Repository:
    repository = make_repository("acme/web")
    hold(repository, CONFIG, LAYER)
    return repository


@pytest.fixture
def hook(web: Repository) -> Hook:
    return make_hook(web, events=EVERYTHING)


def test_a_pushed_tag_is_told_with_what_it_points_at(web: Repository, hook: Hook) -> None:
    push(web, BODY, "v1", by=ALICE)

    facts = Event.objects.get().facts
    assert {name: facts[name] for name in ("repository", "tag", "digest", "size", "actor")} == {
        "repository": "acme/web",
        "tag": "v1",
        "digest": str(Digest.of(BODY)),
        "size": len(BODY),
        "actor": {"name": "alice", "kind": "user"},
    }


def test_every_tag_of_a_push_is_an_event_of_its_own(web: Repository, hook: Hook) -> None:
    push(web, BODY, str(Digest.of(BODY)), tags=("a", "b"))

    assert noted() == [("tag.pushed", "a"), ("tag.pushed", "b")]


def test_a_moved_tag_is_told_with_where_it_was(web: Repository, hook: Hook) -> None:
    push(web, OTHER, "v1")
    push(web, BODY, "v1")

    assert noted() == [("tag.pushed", "v1"), ("tag.moved", "v1")]
    assert Event.objects.last().facts["previous_digest"] == str(Digest.of(OTHER))  # type: ignore[union-attr]


def test_a_manifest_without_a_tag_is_told(web: Repository, hook: Hook) -> None:
    push(web, BODY, str(Digest.of(BODY)))

    assert noted() == [("manifest.pushed", "")]


CHANGES: dict[str, tuple[Callable[[Repository], Any], list[tuple[str, str]]]] = {
    "delete a tag": (
        lambda web: delete_tag(repository=web, name="v1", now=NOW),
        [("tag.deleted", "v1")],
    ),
    "delete a manifest": (
        lambda web: delete_manifest(repository=web, digest=Digest.of(BODY), now=NOW),
        [("tag.deleted", "v1"), ("manifest.deleted", "")],
    ),
    "tag it again": (
        lambda web: tag_manifest(repository=web, name="v2", digest=str(Digest.of(BODY)), now=NOW),
        [("tag.pushed", "v2")],
    ),
    "grant": (
        lambda web: grant(repository=web, role=Role.READ, holder=make_user("bob"), now=NOW),
        [("rights.granted", "")],
    ),
    "delete the repository": (
        lambda web: delete_repository(repository=web, now=NOW),
        [("repository.deleted", "")],
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_told(name: str, web: Repository) -> None:
    change, expected = CHANGES[name]
    push(web, BODY, "v1")
    make_hook(web, events=EVERYTHING)

    change(web)

    assert noted() == expected


def test_a_restored_tag_is_told(web: Repository) -> None:
    push(web, BODY, "v1")
    delete_tag(repository=web, name="v1", now=NOW)
    make_hook(web, events=EVERYTHING)

    restore_tag(repository=web, name="v1", digest=str(Digest.of(BODY)), now=NOW)

    assert noted() == [("tag.restored", "v1")]


def test_an_undeleted_repository_is_told(web: Repository, hook: Hook) -> None:
    delete_repository(repository=web, now=NOW)
    undelete_repository(repository=web, now=NOW)

    assert noted() == [("repository.deleted", ""), ("repository.undeleted", "")]


def test_an_expired_tag_is_told_when_it_is_swept(web: Repository, hook: Hook) -> None:
    push(web, BODY, "v1")
    set_expiry(repository=web, name="v1", expires_at=NOW + timedelta(days=2), now=NOW)

    sweep_expired(now=NOW + timedelta(days=3), limit=10)

    assert noted() == [("tag.pushed", "v1"), ("tag.expired", "v1")]


def test_a_tag_that_is_about_to_expire_is_told_once_for_each_number_of_days(
    web: Repository,
) -> None:
    push(web, BODY, "v1")
    set_expiry(repository=web, name="v1", expires_at=NOW + timedelta(days=3), now=NOW)
    make_hook(web, events=(EventType.TAG_EXPIRING,))
    make_hook(web.namespace, events=(EventType.TAG_EXPIRING,), options={"days": 2})

    told = [note_expiring_tags(now=NOW + timedelta(days=days)) for days in (0, 0, 2, 2)]

    assert told == [1, 0, 1, 0]
    assert noted() == [("tag.expiring", "v1")] * 2


def test_a_created_repository_is_told_to_its_namespace() -> None:
    organization = make_organization("acme")
    make_hook(organization.namespace, events=EVERYTHING)

    make_repository("acme/new")

    assert noted() == [("repository.created", "")]


def test_a_refused_push_is_told_with_the_reason(web: Repository, hook: Hook) -> None:
    policy = ArtifactPolicy.objects.create(name="nothing", types_json="{}")
    select_policy(repository=web, policy=policy, now=NOW)

    with pytest.raises(OCIError):
        push(web, BODY, "v1", by=ALICE)

    assert noted() == [("push.refused", "v1")]


def test_a_token_that_is_about_to_end_is_told_once() -> None:
    user = make_user("alice")
    make_hook(user.namespace, events=(EventType.TOKEN_EXPIRING,))
    issue_application_token(
        user=user, title="laptop", expires_at=NOW + timedelta(days=3), now=NOW, by=ALICE
    )

    for _ in range(2):
        note_expiring_tokens(now=NOW, limit=10)

    assert noted() == [("token.expiring", "")]


def test_who_rolls_back_takes_the_event_with_it(web: Repository) -> None:
    push(web, BODY, "v1")
    make_hook(web, events=EVERYTHING)

    with transaction.atomic():
        delete_tag(repository=web, name="v1", now=NOW)
        written = noted()
        transaction.set_rollback(True)

    assert written == [("tag.deleted", "v1")]
    assert noted() == []


@pytest.mark.parametrize("path", ["other/web", "acme/web2"])
def test_nothing_is_written_for_whom_nobody_listens_to(web: Repository, path: str) -> None:
    other = make_repository(path)
    hold(other, CONFIG, LAYER)
    make_hook(web, events=EVERYTHING)

    push(other, BODY, "v1")

    assert noted() == []


def test_a_paused_hook_hears_nothing(web: Repository, hook: Hook) -> None:
    pause_hook(hook=hook, now=NOW)

    push(web, BODY, "v1")

    assert noted() == []


def test_where_there_is_no_hook_the_epoch_says_so_without_a_question(web: Repository) -> None:
    read = Repository.objects.at_path("acme/web")
    assert read is not None
    note(EventType.TAG_PUSHED, repository=read, now=NOW, tag="v1")

    with CaptureQueriesContext(connection) as captured:
        note(EventType.TAG_PUSHED, repository=read, now=NOW, tag="v1")

    assert len(captured) == 0


def test_a_new_hook_is_known_to_the_next_request(web: Repository) -> None:
    note(EventType.TAG_PUSHED, repository=_read(), now=NOW, tag="before")
    make_hook(web)

    note(EventType.TAG_PUSHED, repository=_read(), now=NOW, tag="after")

    assert noted() == [("tag.pushed", "after")]


def test_no_address_and_no_secret_is_told(web: Repository, hook: Hook) -> None:
    push(web, BODY, "v1", by=Actor("alice", "192.0.2.7"))

    assert "192.0.2.7" not in Event.objects.get().data


def _read() -> Repository:
    found = Repository.objects.at_path("acme/web")
    assert found is not None
    return found
