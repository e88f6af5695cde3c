"""Changing tags, one or many: what is said beforehand, what is done, what is refused."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.audit.models import AuditEvent
from accounts.users.models import User
from registry.manifests.models import Manifest
from registry.repositories.models import Repository, Role
from registry.repositories.services import grant
from registry.tags.models import EndReason, Tag
from registry.tags.services import set_immutable
from tests.artifacts.signatures.signing import Signer
from tests.registry.builders import (
    hold,
    image,
    make_organization,
    make_repository,
    make_user,
    push,
)
from tests.registry.verification.signed import attach_by_tag
from tests.ui.browsing import browser

pytestmark = pytest.mark.django_db

LIST = "/acme/web/-/tags"
CHANGE = "/acme/web/-/change-tags"
RESTORE = "/acme/web/-/restore-tag"
ALICE = Signer()


@pytest.fixture
def web() -> Repository:
    make_organization("acme", owner=make_user("alice"))
    return make_repository("acme/web", is_public=True)


@pytest.fixture
def alice(web: Repository) -> Client:
    return browser(User.objects.get(username="alice"))


@pytest.fixture
def writer(web: Repository) -> Client:
    """Somebody who may push and delete, and not administer."""
    user = make_user("wendy")
    grant(repository=web, role=Role.WRITE, holder=user, now=timezone.now())
    return browser(user)


def push_tag(repository: Repository, *tags: str) -> Manifest:
    now = timezone.now() - timedelta(minutes=5)
    config = tags[0].encode()
    hold(repository, config, now=now)
    return push(repository, image(config), tags[0], tags=tags[1:], now=now)


def alive(repository: Repository) -> set[str]:
    rows = Tag.objects.alive(at=timezone.now()).filter(repository=repository)
    return set(rows.values_list("name", flat=True))


def fix(repository: Repository, tag: str) -> None:
    set_immutable(repository=repository, name=tag, is_immutable=True, now=timezone.now())


def text_of(response: Any, status: int = 200) -> str:
    assert response.status_code == status
    return " ".join(response.content.decode().split())


def test_a_deletion_is_told_beforehand_and_changes_nothing_yet(
    web: Repository, alice: Client
) -> None:
    for tag in ("v1", "v2"):
        push_tag(web, tag)
    fix(web, "v2")

    text = text_of(alice.post(CHANGE, {"action": "delete", "tag": ["v1", "v2", "v3"]}))

    assert "can be restored until" in text
    assert "The tag v2 is immutable and cannot be deleted" in text
    assert "acme/web has no tag v3." in text
    assert "Delete: 1 tag" in text
    assert alive(web) == {"v1", "v2"}


def test_chosen_tags_are_deleted_and_the_deletion_is_audited(
    web: Repository, alice: Client
) -> None:
    for tag in ("v1", "v2", "v3"):
        push_tag(web, tag)

    answer = alice.post(
        CHANGE, {"action": "delete", "tag": ["v1", "v2"], "confirmed": "yes"}, follow=True
    )

    assert answer.redirect_chain[0][0].startswith(f"{LIST}?deleted=")
    assert "Deleted: 2 tags." in text_of(answer)
    assert alive(web) == {"v3"}
    events = AuditEvent.objects.filter(action="tag.delete", actor="alice")
    assert set(events.values_list("target", flat=True)) == {"acme/web:v1", "acme/web:v2"}


def test_what_was_refused_is_listed_and_the_rest_done(web: Repository, alice: Client) -> None:
    for tag in ("v1", "v2"):
        push_tag(web, tag)
    fix(web, "v2")

    text = text_of(
        alice.post(CHANGE, {"action": "delete", "tag": ["v1", "v2", "v9"], "confirmed": "yes"})
    )

    assert "Not everything was done" in text
    assert "Deleted: 1 tag." in text
    assert "The tag v2 is immutable and cannot be deleted" in text
    assert "acme/web has no tag v9." in text
    assert alive(web) == {"v2"}


def test_companion_tags_go_with_the_last_tag_of_their_manifest(
    web: Repository, alice: Client
) -> None:
    gone, kept = push_tag(web, "v1"), push_tag(web, "v2", "stable")
    for manifest in (gone, kept):
        attach_by_tag(
            web, manifest.digest, ALICE.simple(manifest.digest), now=manifest.last_pushed_at
        )
    names = [f"{one.digest.replace(':', '-')}.sig" for one in (gone, kept)]
    chosen = {"action": "delete", "tag": ["v1", "v2"]}

    assert names[0] in text_of(alice.post(CHANGE, chosen))
    answer = alice.post(CHANGE, {**chosen, "confirmed": "yes", "companions": "yes"}, follow=True)

    assert "With them went 1 tag of signatures" in text_of(answer)
    assert alive(web) == {"stable", names[1]}
    assert Tag.objects.get(name=names[0]).end_reason == EndReason.SUBJECT


def test_companion_tags_stay_when_that_is_asked_for(web: Repository, alice: Client) -> None:
    manifest = push_tag(web, "v1")
    attach_by_tag(web, manifest.digest, ALICE.simple(manifest.digest))

    alice.post(CHANGE, {"action": "delete", "tag": "v1", "confirmed": "yes"})

    assert alive(web) == {f"{manifest.digest.replace(':', '-')}.sig"}


def test_an_immutable_companion_stays(web: Repository, alice: Client) -> None:
    manifest = push_tag(web, "v1")
    attach_by_tag(web, manifest.digest, ALICE.simple(manifest.digest))
    name = f"{manifest.digest.replace(':', '-')}.sig"
    fix(web, name)

    alice.post(CHANGE, {"action": "delete", "tag": "v1", "confirmed": "yes", "companions": "yes"})

    assert alive(web) == {name}


@pytest.mark.parametrize(
    ("asked", "hours"),
    [({"until": "in", "lifetime": "2w"}, 14 * 24), ({"until": "never"}, None)],
)
def test_tags_get_an_expiry(
    web: Repository, alice: Client, asked: dict[str, str], hours: int | None
) -> None:
    push_tag(web, "v1")

    answer = alice.post(CHANGE, {"action": "expire", "tag": "v1", "confirmed": "yes", **asked})

    assert answer.status_code == 302
    expires_at = Tag.objects.live().get(name="v1").expires_at
    if hours is None:
        assert expires_at is None
    else:
        assert expires_at is not None
        left = expires_at - timezone.now()
        assert timedelta(hours=hours - 1) < left <= timedelta(hours=hours)


def test_a_moment_is_read_as_utc(web: Repository, alice: Client) -> None:
    push_tag(web, "v1")
    moment = (timezone.now() + timedelta(days=10)).replace(second=0, microsecond=0)

    alice.post(
        CHANGE,
        {
            "action": "expire",
            "tag": "v1",
            "confirmed": "yes",
            "until": "at",
            "moment": f"{moment:%Y-%m-%dT%H:%M}",
        },
    )

    assert Tag.objects.live().get(name="v1").expires_at == moment


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"until": "in", "lifetime": "two weeks"}, "is no lifetime"),
        ({"until": "in", "lifetime": "1m"}, "A tag may expire from"),
        ({"until": "in", "lifetime": "900y"}, "A tag may expire from"),
        ({"until": "in", "lifetime": ""}, "is no lifetime"),
        ({"until": "at", "moment": "2001-01-01T00:00"}, "A tag may expire from"),
        ({"until": "at"}, "Say when."),
        ({"until": "at", "moment": "soon"}, "Enter a valid date"),
        ({}, "This field is required"),
    ],
)
def test_an_expiry_that_cannot_be_is_refused_before_anything_changes(
    web: Repository, alice: Client, asked: dict[str, str], said: str
) -> None:
    push_tag(web, "v1")

    answer = alice.post(CHANGE, {"action": "expire", "tag": "v1", "confirmed": "yes", **asked})

    assert said in text_of(answer, 422)
    assert Tag.objects.live().get(name="v1").expires_at is None


def test_a_tag_is_made_immutable_by_who_may_push_and_freed_by_administrators(
    web: Repository, alice: Client, writer: Client
) -> None:
    push_tag(web, "v1")

    writer.post(CHANGE, {"action": "fix", "tag": "v1", "confirmed": "yes"})
    assert Tag.objects.live().get(name="v1").is_immutable

    refused = writer.post(CHANGE, {"action": "free", "tag": "v1", "confirmed": "yes"})
    assert refused.status_code == 403
    assert Tag.objects.live().get(name="v1").is_immutable

    alice.post(CHANGE, {"action": "free", "tag": "v1", "confirmed": "yes"})
    assert not Tag.objects.live().get(name="v1").is_immutable


def test_deleting_for_good_takes_the_history_along(
    web: Repository, alice: Client, settings: Settings
) -> None:
    settings.PERMANENTLY_DELETE_TAGS = True
    push_tag(web, "v1")

    text = text_of(alice.get(f"{CHANGE}?action=erase&tag=v1"))
    assert "cannot be restored by anybody" in text
    alice.post(CHANGE, {"action": "erase", "tag": "v1", "confirmed": "yes"})

    assert not Tag.objects.filter(name="v1").exists()


def test_what_the_configuration_does_not_allow_is_not_offered(
    web: Repository, alice: Client, settings: Settings
) -> None:
    settings.PERMANENTLY_DELETE_TAGS = False
    settings.FEATURE_IMMUTABLE_TAGS = False
    push_tag(web, "v1")

    text = text_of(alice.get(LIST))

    assert "action=erase" not in text
    assert "action=fix" not in text
    assert alice.get(f"{CHANGE}?action=erase&tag=v1").status_code == 404


def test_readers_change_nothing(web: Repository) -> None:
    push_tag(web, "v1")
    order = {"action": "delete", "tag": "v1", "confirmed": "yes"}

    assert browser(make_user("rob")).post(CHANGE, order).status_code == 403
    answer = Client().post(CHANGE, order)
    assert answer.headers["Location"].startswith("/account/login/")
    assert alive(web) == {"v1"}


def test_a_form_without_its_token_changes_nothing(web: Repository) -> None:
    push_tag(web, "v1")
    strict = browser(User.objects.get(username="alice"), checks_csrf=True)

    answer = strict.post(CHANGE, {"action": "delete", "tag": "v1", "confirmed": "yes"})

    assert answer.status_code == 403
    assert alive(web) == {"v1"}


def test_choosing_nothing_says_so(web: Repository, alice: Client) -> None:
    push_tag(web, "v1")

    answer = alice.post(CHANGE, {"action": "delete"}, follow=True)

    assert "Choose from 1 to 500 tags first." in text_of(answer)


@pytest.mark.parametrize("confirmed", [{}, {"confirmed": "yes"}])
def test_more_tags_than_can_be_changed_at_once_are_refused_as_a_whole(
    web: Repository, alice: Client, confirmed: dict[str, str]
) -> None:
    push_tag(web, "t0")
    tags = [f"t{number}" for number in range(501)]

    answer = alice.post(CHANGE, {"action": "delete", "tag": tags, **confirmed}, follow=True)

    assert "Choose from 1 to 500 tags first." in text_of(answer)
    assert alive(web) == {"t0"}


def test_a_manifest_gets_another_tag(web: Repository, alice: Client) -> None:
    manifest = push_tag(web, "v1")
    url = f"/acme/web/-/add-tag/{manifest.digest}"

    assert "It has v1." in text_of(alice.get(url))
    answer = alice.post(url, {"name": "stable"}, follow=True)

    assert "stable points at sha256:" in text_of(answer)
    assert Tag.objects.live().get(name="stable").manifest == manifest


def test_a_tag_that_is_there_is_moved_only_when_asked_twice(web: Repository, alice: Client) -> None:
    old, new = push_tag(web, "stable"), push_tag(web, "v2")
    url = f"/acme/web/-/add-tag/{new.digest}"

    text = text_of(alice.post(url, {"name": "stable"}), 422)
    assert "Send the form once more to move it" in text
    assert Tag.objects.live().get(name="stable").manifest == old

    alice.post(url, {"name": "stable", "moves": "stable"})
    assert Tag.objects.live().get(name="stable").manifest == new


def test_an_immutable_tag_is_not_moved(web: Repository, alice: Client) -> None:
    old, new = push_tag(web, "stable"), push_tag(web, "v2")
    fix(web, "stable")

    url = f"/acme/web/-/add-tag/{new.digest}"
    answer = alice.post(url, {"name": "stable", "moves": "stable"})

    assert "The tag stable is immutable" in text_of(answer, 422)
    assert Tag.objects.live().get(name="stable").manifest == old


@pytest.mark.parametrize("name", ["", "-x", "a b", "x" * 129, "<b>", "ä"])
def test_a_new_tag_needs_the_name_of_a_tag(web: Repository, alice: Client, name: str) -> None:
    manifest = push_tag(web, "v1")

    answer = alice.post(f"/acme/web/-/add-tag/{manifest.digest}", {"name": name})

    assert answer.status_code == 422
    assert alive(web) == {"v1"}


def test_there_is_no_adding_to_a_manifest_that_is_not_there(web: Repository, alice: Client) -> None:
    url = f"/acme/web/-/add-tag/sha256:{'0' * 64}"

    assert alice.get(url).status_code == 404
    assert alice.post(url, {"name": "v1"}).status_code in {404, 422}


def deleted(alice: Client, *tags: str, **more: str) -> str:
    """Deletes tags, and returns the moment by which that is undone."""
    answer = alice.post(CHANGE, {"action": "delete", "tag": tags, "confirmed": "yes", **more})
    assert answer.status_code == 302
    return parse_qs(urlsplit(answer["Location"]).query)["deleted"][0]


def test_a_deletion_is_undone_with_one_click(web: Repository, alice: Client) -> None:
    manifest = push_tag(web, "v1")
    push_tag(web, "v2")
    attach_by_tag(web, manifest.digest, ALICE.simple(manifest.digest), now=manifest.last_pushed_at)
    there = alive(web)
    moment = deleted(alice, "v1", "v2", companions="yes")

    alice.post(RESTORE, {"deleted": moment})

    assert alive(web) == there


def test_undoing_a_deletion_moves_no_tag_that_was_pushed_since(
    web: Repository, alice: Client
) -> None:
    push_tag(web, "v1")
    moment = deleted(alice, "v1")
    newer = push_tag(web, "other", "v1")

    text = text_of(alice.post(RESTORE, {"deleted": moment}, follow=True))

    assert "Somebody pushed a tag of that name meanwhile." in text
    assert Tag.objects.alive(at=timezone.now()).get(name="v1").manifest == newer


def test_what_the_time_machine_forgot_is_not_offered_to_be_undone(
    web: Repository, alice: Client, settings: Settings
) -> None:
    push_tag(web, "v1")
    moment = deleted(alice, "v1")
    long_ago = timezone.now() - timedelta(days=400)
    Tag.objects.filter(name="v1").update(ended_at=long_ago, started_at=long_ago - timedelta(days=1))

    text = text_of(alice.get(LIST, {"deleted": long_ago.isoformat()}))

    assert "Undo" not in text
    assert "Undo" not in text_of(alice.get(LIST, {"deleted": moment}))


def test_undo_is_not_offered_to_those_who_may_only_pull(web: Repository, alice: Client) -> None:
    push_tag(web, "v1")
    moment = deleted(alice, "v1")

    assert "Undo" not in text_of(Client().get(LIST, {"deleted": moment}))


@pytest.mark.parametrize("moment", ["yesterday", "2026-01-01", "9999-12-31T23:59:59-23:59", "\x00"])
def test_a_moment_that_none_is_undoes_nothing(web: Repository, alice: Client, moment: str) -> None:
    push_tag(web, "v1")

    text = text_of(alice.post(RESTORE, {"deleted": moment}, follow=True))

    assert "0 tags came back." in text


def test_all_that_match_are_chosen_from_every_page(
    web: Repository, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.paging.PAGE_SIZE", 2)
    for tag in ("v1", "v2", "v3", "w1"):
        push_tag(web, tag)

    answer = alice.post(CHANGE, {"action": "delete", "all": "yes", "q": "v", "tag": "v1"})

    assert [fate.name for fate in answer.context["fates"]] == ["v3", "v2", "v1"]
    assert alive(web) == {"v1", "v2", "v3", "w1"}


def test_more_that_match_than_can_be_changed_at_once_are_told_of(
    web: Repository, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.tags.changes.MAX_TAGS", 2)
    for tag in ("v1", "v2", "v3"):
        push_tag(web, tag)

    answer = alice.post(CHANGE, {"action": "delete", "all": "yes", "sort": "name"})

    assert [fate.name for fate in answer.context["fates"]] == ["v1", "v2"]
    assert "More tags match." in text_of(answer)
