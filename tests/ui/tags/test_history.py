"""The history of a repository's tags, restoring from it, and deleting from it for good."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.audit.services import Actor
from accounts.users.models import User
from registry.manifests.models import Manifest
from registry.manifests.restoration import restore_tag
from registry.manifests.services import tag_manifest
from registry.repositories.models import Repository
from registry.tags.immutability import add_immutability_rule
from registry.tags.models import Tag
from registry.tags.services import delete_tag, set_expiry, set_immutable, sweep_expired
from tests.registry.builders import (
    hold,
    image,
    make_organization,
    make_repository,
    make_user,
    push,
)
from tests.ui.browsing import browser

pytestmark = pytest.mark.django_db

URL = "/acme/web/-/history"
RESTORE = "/acme/web/-/restore-tag"
FORGET = "/acme/web/-/forget-tag"


@pytest.fixture
def web() -> Repository:
    make_organization("acme", owner=make_user("alice"))
    return make_repository("acme/web", is_public=True)


@pytest.fixture
def alice(web: Repository) -> Client:
    return browser(User.objects.get(username="alice"))


def push_tag(repository: Repository, tag: str, content: str, *, days_ago: float = 0) -> Manifest:
    now = timezone.now() - timedelta(days=days_ago)
    hold(repository, content.encode(), now=now)
    return push(repository, image(content.encode()), tag, now=now)


def delete(repository: Repository, tag: str, *, days_ago: float = 0) -> None:
    now = timezone.now() - timedelta(days=days_ago)
    delete_tag(repository=repository, name=tag, now=now, by=Actor("acme+ci"))


def events_on(response: Any) -> list[str]:
    assert response.status_code == 200
    rows = response.context["rows"]
    return [f"{row.event.tag.name} {row.event.happened}" for row in rows]


def restored_at_once(text: str) -> list[str]:
    """The tags that a button of the history brings back without another question."""
    form = r'action="/acme/web/-/restore-tag"><input type="hidden" name="csrf[^>]*>'
    return re.findall(form + r'<input type="hidden" name="tag" value="([^"]*)">', text)


def text_of(response: Any, status: int = 200) -> str:
    assert response.status_code == status
    return " ".join(response.content.decode().split())


def test_everything_that_happened_is_listed_newest_first(web: Repository) -> None:
    first = push_tag(web, "v1", "a", days_ago=9)
    second = push_tag(web, "v1", "b", days_ago=8)
    delete(web, "v1", days_ago=7)
    now = timezone.now()
    restore_tag(repository=web, name="v1", digest=first.digest, now=now - timedelta(days=6))
    push_tag(web, "v2", "c", days_ago=5)
    set_expiry(
        repository=web,
        name="v2",
        expires_at=now - timedelta(days=3),
        now=now - timedelta(days=5),
    )

    response = Client().get(URL)

    assert events_on(response) == [
        "v2 expired",
        "v2 pushed",
        "v1 restored",
        "v1 deleted",
        "v1 moved",
        "v1 pushed",
    ]
    assert response.context["rows"][4].event.before.manifest == first
    assert response.context["rows"][4].event.tag.manifest == second
    sweep_expired(now=now, limit=10)
    assert events_on(Client().get(URL))[0] == "v2 expired"


def test_what_ended_can_be_restored_until_the_time_machine_forgets_it(
    web: Repository, alice: Client
) -> None:
    for number, days in enumerate((20, 5)):
        push_tag(web, f"v{number}", str(number), days_ago=30)
        delete(web, f"v{number}", days_ago=days)

    response = alice.get(URL)

    until = {row.event.tag.name: row.until for row in response.context["rows"] if row.event.gone}
    assert until["v0"] is None
    assert until["v1"] is not None
    assert until["v1"] - timezone.now() < timedelta(days=9)
    text = text_of(response)
    assert restored_at_once(text) == ["v1"]
    assert "tag=v0&amp;digest=" not in text
    assert "by acme+ci" in text


def test_readers_see_no_names_and_no_buttons(web: Repository) -> None:
    push_tag(web, "v1", "a", days_ago=2)
    delete(web, "v1")

    text = text_of(Client().get(URL))

    assert "v1" in text
    assert "acme+ci" not in text
    assert "restore-tag" not in text


def test_the_history_of_one_tag(web: Repository) -> None:
    for tag in ("v1", "v2", "v10"):
        push_tag(web, tag, tag)

    assert events_on(Client().get(f"{URL}?tag=v1")) == ["v1 pushed"]
    assert "Nothing is known of a tag" in text_of(Client().get(f"{URL}?tag=<b>%00"))
    assert "<b>\x00" not in text_of(Client().get(f"{URL}?tag=<b>%00"))


def test_pages_of_the_history_miss_nothing_even_of_one_moment(web: Repository) -> None:
    now = timezone.now()
    manifest = push_tag(web, "v0", "a")
    for number in range(70):
        tag_manifest(repository=web, name=f"t{number}", digest=manifest.digest, now=now)
        if number % 2:
            delete_tag(repository=web, name=f"t{number}", now=now)

    seen, query = [], "?"
    while query:
        response = Client().get(f"{URL}{query}")
        seen += events_on(response)
        query = response.context["page"]["next_url"]

    assert len(seen) == 1 + 70 + 35
    assert len(set(seen)) == len(seen)
    assert all(
        seen.index(f"t{number} deleted") < seen.index(f"t{number} pushed")
        for number in range(1, 70, 2)
    )


@pytest.mark.parametrize("cursor", ["x", "W10", "WyJ4IiwxLDFd", "WyIwMDAxLTAxLTAxIiwxLDFd"])
def test_a_cursor_that_nobody_wrote_is_no_failure(web: Repository, cursor: str) -> None:
    assert Client().get(f"{URL}?after={cursor}").status_code == 200


def test_a_long_history_asks_no_more_than_a_short_one(web: Repository, alice: Client) -> None:
    def fill(number: int) -> None:
        push_tag(web, f"v{number}", f"{number}", days_ago=3)
        push_tag(web, f"v{number}", f"{number} new", days_ago=2)
        delete(web, f"v{number}", days_ago=1)

    fill(0)
    with CaptureQueriesContext(connection) as short:
        assert len(events_on(alice.get(URL))) == 3
    for number in range(1, 12):
        fill(number)
    with CaptureQueriesContext(connection) as long:
        assert len(events_on(alice.get(URL))) == 36

    assert len(long) == len(short)


def test_a_restore_says_what_the_tag_points_at_now(web: Repository, alice: Client) -> None:
    old = push_tag(web, "v1", "a", days_ago=2)
    new = push_tag(web, "v1", "b", days_ago=1)

    text = text_of(alice.get(f"{RESTORE}?tag=v1&digest={old.digest}"))
    assert old.digest in text
    assert new.digest in text
    assert Tag.objects.live().get(name="v1").manifest == new

    sent = {"tag": "v1", "digest": old.digest}
    assert "Will point at" in text_of(alice.post(RESTORE, sent))
    assert Tag.objects.live().get(name="v1").manifest == new
    assert "v1 is back" in text_of(alice.post(RESTORE, {**sent, "confirmed": "yes"}, follow=True))
    assert Tag.objects.live().get(name="v1").manifest == old


def test_a_restore_that_cannot_be_says_why_beforehand(web: Repository, alice: Client) -> None:
    old = push_tag(web, "v1", "a", days_ago=40)
    new = push_tag(web, "v1", "b", days_ago=30)
    newest = push_tag(web, "v1", "c", days_ago=1)

    def said(digest: str) -> str:
        return text_of(alice.get(f"{RESTORE}?tag=v1&digest={digest}"))

    assert "The time machine does not hold it any more." in said(old.digest)
    assert "v1 points at this manifest already." in said(newest.digest)
    set_immutable(repository=web, name="v1", is_immutable=True, now=timezone.now())
    assert "is immutable and cannot be moved" in said(new.digest)

    sent = {"tag": "v1", "digest": new.digest, "confirmed": "yes"}
    answer = alice.post(RESTORE, sent, follow=True)
    assert "The tag v1 is immutable" in text_of(answer)
    assert Tag.objects.live().get(name="v1").manifest == newest


@pytest.fixture
def gone(web: Repository) -> dict[str, str]:
    """What is sent to bring v1 back, which was deleted."""
    manifest = push_tag(web, "v1", "a", days_ago=2)
    delete(web, "v1", days_ago=1)
    return {"tag": "v1", "digest": manifest.digest}


def undo_on(text: str) -> dict[str, str]:
    """What the note about the restored tag sends when somebody presses Undo."""
    form = re.search(r'<form class="b-note.*?</form>', text)
    sent = re.findall(r'name="(\w+)" value="([^"]*)"', form[0] if form else "")
    return {name: value for name, value in sent if not name.startswith("csrf")}


def is_there(name: str) -> bool:
    return Tag.objects.live().filter(name=name).exists()


def test_a_tag_that_is_not_there_comes_back_at_once(alice: Client, gone: dict[str, str]) -> None:
    text = text_of(alice.post(RESTORE, gone, follow=True))

    assert "</b> is back and points at" in text
    assert is_there("v1")


def test_a_restore_is_undone(alice: Client, gone: dict[str, str]) -> None:
    undo = undo_on(text_of(alice.post(RESTORE, gone, follow=True)))

    assert "v1 is gone again" in text_of(alice.post(RESTORE, undo, follow=True))
    assert not is_there("v1")


def test_an_undo_leaves_what_was_pushed_meanwhile(
    web: Repository, alice: Client, gone: dict[str, str]
) -> None:
    undo = undo_on(text_of(alice.post(RESTORE, gone, follow=True)))
    new = push_tag(web, "v1", "b")

    assert "v1 was changed meanwhile" in text_of(alice.post(RESTORE, undo, follow=True))
    assert Tag.objects.live().get(name="v1").manifest == new


def test_an_undo_needs_the_right_to_delete(
    alice: Client, gone: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    undo = undo_on(text_of(alice.post(RESTORE, gone, follow=True)))
    monkeypatch.setattr("ui.pages.rights_left", lambda *_: frozenset({"pull", "push"}))

    assert alice.post(RESTORE, undo).status_code == 403
    assert is_there("v1")


def test_a_restore_that_cannot_be_undone_is_asked_about(
    web: Repository, alice: Client, gone: dict[str, str]
) -> None:
    add_immutability_rule(
        place=web, pattern="v*", syntax="glob", is_inverted=False, now=timezone.now()
    )

    assert restored_at_once(text_of(alice.get(URL))) == []
    assert "Will point at" in text_of(alice.post(RESTORE, gone))
    assert not is_there("v1")


def test_the_history_says_nothing_of_a_restore_that_was_none(
    web: Repository, alice: Client
) -> None:
    push_tag(web, "v1", "a")

    for name in ("v1", "v2", "<b>", "%00"):
        assert undo_on(text_of(alice.get(f"{URL}?restored={name}"))) == {}


@pytest.mark.parametrize("query", ["", "?tag=v1", "?tag=v1&digest=x", "?tag=<b>&digest=sha256:0"])
def test_a_restore_of_nothing_is_not_there(web: Repository, alice: Client, query: str) -> None:
    assert alice.get(f"{RESTORE}{query}").status_code == 404


def test_readers_restore_nothing(web: Repository) -> None:
    manifest = push_tag(web, "v1", "a", days_ago=2)
    delete(web, "v1")

    chosen = {"tag": "v1", "digest": manifest.digest}
    assert browser(make_user("rob")).post(RESTORE, chosen).status_code == 403
    assert browser(make_user("sue")).post(FORGET, chosen).status_code == 403
    assert not Tag.objects.live().filter(name="v1").exists()


def test_an_entry_is_deleted_for_good_in_two_steps(
    web: Repository, alice: Client, settings: Settings
) -> None:
    settings.PERMANENTLY_DELETE_TAGS = True
    old = push_tag(web, "v1", "a", days_ago=2)
    push_tag(web, "v1", "b", days_ago=1)

    text = text_of(alice.get(f"{FORGET}?tag=v1&digest={old.digest}"))
    assert "1 entry of v1" in text
    assert Tag.objects.filter(name="v1").count() == 2
    alice.post(FORGET, {"tag": "v1", "digest": old.digest})

    assert Tag.objects.filter(name="v1").count() == 1
    assert not Manifest.objects.present().filter(digest=old.digest).exists()


def test_nothing_is_deleted_for_good_where_that_is_switched_off(
    web: Repository, alice: Client, settings: Settings
) -> None:
    settings.PERMANENTLY_DELETE_TAGS = False
    manifest = push_tag(web, "v1", "a", days_ago=2)
    delete(web, "v1")

    assert "forget-tag" not in text_of(alice.get(URL))
    chosen = {"tag": "v1", "digest": manifest.digest}
    assert alice.get(FORGET, chosen).status_code == 404
    answer = alice.post(FORGET, chosen, follow=True)
    assert "Tags cannot be deleted for good here" in text_of(answer)
    assert Tag.objects.filter(name="v1").exists()
