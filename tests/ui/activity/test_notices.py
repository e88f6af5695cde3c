"""The bell, the page of notices, and what a person wants to hear of."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.users.models import User
from registry.events.kinds import PERSONAL, EventType
from registry.events.models import MailWish, Notice, NoticeWish, event_of
from registry.repositories.models import Repository
from registry.tags.services import set_expiry
from tests.registry.builders import make_user
from tests.registry.verification.signed import push_image
from tests.ui.browsing import browser
from ui.activity.notices import WISHES

pytestmark = pytest.mark.django_db

PAGE = "/notifications"


@pytest.fixture
def owner(repository: Repository) -> User:
    return User.objects.get(username="acme-owner")


@pytest.fixture
def client(owner: User) -> Client:
    return browser(owner)


def noticed(user: User, kind: EventType = EventType.PUSH_REFUSED, **facts: Any) -> Notice:
    usual = {"repository": "acme/web", "reason": "not allowed", "actor": {"name": "bob"}}
    event = event_of(kind, {**usual, **facts}, now=timezone.now())
    event.is_waiting = False
    event.save()
    return Notice.objects.create(user=user, event=event)


def text(client: Client, path: str = PAGE) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_each_kind_that_concerns_people_can_be_chosen() -> None:
    assert {*WISHES} == PERSONAL


def test_the_bell_counts_what_is_not_read(client: Client, owner: User) -> None:
    before = text(client, "/explore")
    for _ in range(3):
        noticed(owner)

    assert 'aria-label="Notices"' in before
    assert 'aria-label="Notices: 3 not read"' in text(client, "/explore")


def test_the_bell_counts_to_ninety_nine(client: Client, owner: User) -> None:
    first, other = noticed(owner), make_user()
    Notice.objects.bulk_create(
        Notice(user=owner, event=noticed(other, reason=str(n)).event) for n in range(99)
    )

    assert Notice.objects.filter(user=first.user).count() == 100
    assert "Notices: 99+ not read" in text(client)


def test_visitors_have_no_bell() -> None:
    assert "b-bell" not in text(browser(), "/explore")


def test_notices_of_others_are_not_shown(client: Client) -> None:
    noticed(make_user(), reason="only for them")

    assert "only for them" not in text(client)


@pytest.mark.parametrize(
    ("kind", "facts", "url"),
    [
        (EventType.PUSH_REFUSED, {"tag": "v1"}, "/acme/web"),
        (EventType.RIGHTS_GRANTED, {"holder": "bob"}, "/acme/web"),
        (EventType.TOKEN_EXPIRING, {"holder": "acme+ci"}, "/acme/-/robots/ci"),
        (EventType.TOKEN_EXPIRING, {"holder": "bob"}, "/settings/tokens"),
        (EventType.TAG_EXPIRING, {"tag": "v1"}, "/acme/web/-/tags/v1"),
    ],
)
def test_a_notice_leads_to_where_something_can_be_done(
    client: Client, owner: User, kind: EventType, facts: dict[str, Any], url: str
) -> None:
    noticed(owner, kind, **facts)

    assert f'<a href="{url}">' in text(client)


def test_a_notice_of_a_place_that_has_no_page_is_shown_without_a_link(
    client: Client, owner: User
) -> None:
    noticed(owner, repository="")

    assert "not allowed" in text(client)


def test_all_are_read_at_once(client: Client, owner: User) -> None:
    noticed(owner)
    other = noticed(make_user())

    client.post(PAGE, {"read": "all"})

    assert list(Notice.objects.filter(is_read=False)) == [other]


def test_tags_that_end_soon_are_listed_for_whoever_administers_them(
    client: Client, repository: Repository
) -> None:
    now = timezone.now()
    for name, days in (("soon", 3), ("later", 30)):
        push_image(repository, name, name=name)
        end = now + timedelta(days=days)
        set_expiry(repository=repository, name=name, expires_at=end, now=now)

    shown = text(client)

    assert "acme/web:soon" in shown
    assert "acme/web:later" not in shown
    assert "acme/web:soon" not in text(browser(make_user()))


def test_what_a_person_wants_to_hear_of_is_kept(client: Client, owner: User, settings: Any) -> None:
    settings.FEATURE_MAILING = True

    client.post(PAGE, {"push_refused_mail": "daily", "rights_granted_shown": "on"})

    wishes = {wish.type: (wish.is_shown, wish.mail) for wish in NoticeWish.objects.all()}
    assert wishes == {
        "push.refused": (False, MailWish.DAILY),
        "signature.failed": (False, ""),
        "rights.granted": (True, ""),
        "token.expiring": (False, ""),
        "tag.expiring": (False, ""),
    }


def test_a_wish_that_there_is_not_is_refused(client: Client) -> None:
    assert client.post(PAGE, {"push_refused_mail": "hourly"}).status_code == 422
    assert not NoticeWish.objects.exists()
