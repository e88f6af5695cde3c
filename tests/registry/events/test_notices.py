"""Whom an event concerns, and how they hear of it."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.audit.services import Actor
from accounts.mail.models import OutgoingMail
from accounts.organizations.models import TeamRole
from accounts.organizations.services import add_member, create_team
from accounts.users.models import Namespace, User
from accounts.users.services import create_robot
from registry.events.delivery import fan_out
from registry.events.kinds import EventType
from registry.events.models import Event, MailWish, Notice
from registry.events.notices import DAY, mail_notices, wish
from registry.events.outbox import note, note_of_namespace
from registry.repositories.models import Repository, Role
from registry.repositories.services import grant
from registry.tags.look_ahead import note_expiring_tags
from registry.tags.services import set_expiry
from tests.registry.builders import NOW, hold, image, make_user, push

pytestmark = pytest.mark.django_db

BY = Actor("somebody")


@pytest.fixture
def owner(repository: Repository) -> User:
    """Who runs the organization acme."""
    return User.objects.get(username="acme-owner")


@pytest.fixture(autouse=True)
def _mail(settings: Any) -> None:
    settings.FEATURE_MAILING = True


def refused(repository: Repository, by: str, **facts: Any) -> None:
    said = {"reason": "not allowed", "tag": "v1", **facts}
    note(EventType.PUSH_REFUSED, repository=repository, now=NOW, by=Actor(by), **said)


def heard() -> list[str]:
    """Who has a notice."""
    fan_out(now=NOW, limit=100)
    return sorted(Notice.objects.values_list("user__username", flat=True))


def test_a_refused_push_concerns_who_pushed(repository: Repository, owner: User) -> None:
    pusher = make_user()
    refused(repository, pusher.username)

    assert heard() == [pusher.username]


def test_a_refused_push_of_a_robot_concerns_who_runs_its_place(
    repository: Repository, owner: User
) -> None:
    create_robot(owner=repository.namespace, short_name="ci", now=NOW)
    refused(repository, "acme+ci")

    assert heard() == ["acme-owner"]


def test_new_rights_concern_who_has_them(repository: Repository, owner: User) -> None:
    reader = make_user()
    grant(repository=repository, role=Role.READ, holder=reader, now=NOW, by=Actor("acme-owner"))

    assert heard() == [reader.username]


def test_rights_of_a_team_concern_its_members(repository: Repository, owner: User) -> None:
    member = make_user()
    organization = Namespace.objects.get(name="acme").organization
    team = create_team(organization=organization, name="web", role=TeamRole.MEMBER, now=NOW)
    add_member(team=team, member=member, now=NOW)
    grant(repository=repository, role=Role.READ, holder=team, now=NOW, by=Actor("acme-owner"))

    assert heard() == [member.username]


def test_nobody_is_told_of_rights_they_gave_themselves(repository: Repository, owner: User) -> None:
    grant(repository=repository, role=Role.ADMIN, holder=owner, now=NOW, by=Actor("acme-owner"))

    assert heard() == []


def test_a_bad_signature_concerns_everybody_who_administers_the_repository(
    repository: Repository, owner: User
) -> None:
    admin, reader = make_user("carol"), make_user("erin")
    grant(repository=repository, role=Role.ADMIN, holder=admin, now=NOW, by=Actor(admin.username))
    grant(repository=repository, role=Role.READ, holder=reader, now=NOW, by=Actor(reader.username))
    note(EventType.SIGNATURE_FAILED, repository=repository, now=NOW, reason="bad", digest="x")

    assert heard() == sorted(["acme-owner", admin.username])


@pytest.mark.parametrize(("holder", "expected"), [("acme+ci", "acme-owner"), ("bob", "bob")])
def test_a_token_that_ends_concerns_whose_it_is(
    repository: Repository, owner: User, holder: str, expected: str
) -> None:
    make_user("bob")
    note_of_namespace(
        EventType.TOKEN_EXPIRING, namespace=repository.namespace, now=NOW, holder=holder, title="x"
    )

    assert heard() == [expected]


def test_pushes_concern_nobody(repository: Repository, owner: User) -> None:
    note(EventType.TAG_PUSHED, repository=repository, now=NOW, tag="v1")

    assert heard() == []
    assert not Event.objects.exists()


def test_an_event_is_noticed_once(repository: Repository, owner: User) -> None:
    refused(repository, "acme-owner")

    assert heard() == ["acme-owner"]
    Event.objects.update(is_waiting=True)
    assert heard() == ["acme-owner"]


def test_who_wants_neither_notice_nor_mail_gets_none(repository: Repository, owner: User) -> None:
    wish(user=owner, wishes={EventType.PUSH_REFUSED: (False, MailWish.NEVER)}, now=NOW)
    refused(repository, "acme-owner")

    assert heard() == []


def test_who_wants_mail_alone_finds_nothing_unread(repository: Repository, owner: User) -> None:
    wish(user=owner, wishes={EventType.PUSH_REFUSED: (False, MailWish.SOON)}, now=NOW)
    refused(repository, "acme-owner")

    assert heard() == ["acme-owner"]
    assert not Notice.objects.filter(is_read=False).exists()


def mailed(now: Any) -> list[str]:
    before = set(OutgoingMail.objects.values_list("pk", flat=True))
    mail_notices(now=now)
    return [mail.body for mail in OutgoingMail.objects.exclude(pk__in=before)]


def test_mail_of_soon_comes_with_the_next_run(repository: Repository, owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(email="owner@example.com")
    wish(user=owner, wishes={EventType.PUSH_REFUSED: (True, MailWish.SOON)}, now=NOW)
    for tag in ("v1", "v2"):
        refused(repository, "acme-owner", tag=tag)
    heard()

    (body,) = mailed(NOW)

    assert "a push of acme-owner to acme/web:v1 was refused: not allowed" in body
    assert "acme/web:v2" in body
    assert mailed(NOW) == []


def test_a_digest_comes_once_a_day(repository: Repository, owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(email="owner@example.com")
    wish(user=owner, wishes={EventType.PUSH_REFUSED: (True, MailWish.DAILY)}, now=NOW)
    numbers = []
    for moment in (NOW, NOW + timedelta(hours=1), NOW + DAY + timedelta(minutes=1)):
        refused(repository, "acme-owner")
        heard()
        numbers.append(len(mailed(moment)))

    assert numbers == [1, 0, 1]


def test_what_was_before_the_wish_is_not_mailed(repository: Repository, owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(email="owner@example.com")
    refused(repository, "acme-owner")
    heard()
    wish(user=owner, wishes={EventType.PUSH_REFUSED: (True, MailWish.SOON)}, now=NOW)

    assert mailed(NOW) == []


def test_nobody_without_an_address_is_mailed(repository: Repository, owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(email="")
    wish(user=owner, wishes={EventType.PUSH_REFUSED: (True, MailWish.SOON)}, now=NOW)
    refused(repository, "acme-owner")
    heard()

    assert mailed(NOW) == []


# --- Tags that end soon --------------------------------------------------------------------------


@pytest.fixture
def ending(repository: Repository) -> Repository:
    """With a tag that ends in six days, and one that ends in nine."""
    hold(repository, b"{}", b"layer")
    for tag, days in (("v1", 6), ("v2", 9)):
        push(repository, image(b"{}", b"layer"), tag)
        set_expiry(
            repository=repository, name=tag, expires_at=NOW + timedelta(days=days), now=NOW, by=BY
        )
    return repository


def wants_tags(user: User, *, is_shown: bool = True, mail: MailWish = MailWish.NEVER) -> None:
    wish(user=user, wishes={EventType.TAG_EXPIRING: (is_shown, mail)}, now=NOW)


def test_nobody_is_told_of_tags_that_end_without_asking_for_it(
    ending: Repository, owner: User
) -> None:
    assert note_expiring_tags(now=NOW) == 0
    assert heard() == []


def test_who_asks_is_told_of_a_tag_that_ends_within_a_week(ending: Repository, owner: User) -> None:
    wants_tags(owner)

    note_expiring_tags(now=NOW)

    assert heard() == ["acme-owner"]
    assert Event.objects.get().facts["tag"] == "v1"


def test_a_tag_that_ends_is_told_once(ending: Repository, owner: User) -> None:
    wants_tags(owner)

    assert [note_expiring_tags(now=NOW) for _ in range(2)] == [1, 0]


def test_only_who_administers_is_told_of_tags_that_end(ending: Repository, owner: User) -> None:
    for name, role in (("bob", Role.WRITE), ("carol", Role.ADMIN)):
        user = make_user(name)
        grant(repository=ending, role=role, holder=user, now=NOW, by=BY)
        wants_tags(user)

    note_expiring_tags(now=NOW)

    heard()
    told = Notice.objects.filter(event__type=EventType.TAG_EXPIRING)
    assert [row.user.username for row in told] == ["carol"]


def test_what_a_hook_is_told_of_a_tag_that_ends_is_not_for_people(
    ending: Repository, owner: User
) -> None:
    wants_tags(owner)
    note(EventType.TAG_EXPIRING, repository=ending, now=NOW, tag="v1", days=5)

    assert heard() == []


def test_tags_that_end_come_in_one_mail_a_day(ending: Repository, owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(email="owner@example.com")
    wants_tags(owner, is_shown=False, mail=MailWish.DAILY)
    note_expiring_tags(now=NOW)
    heard()

    (body,) = mailed(NOW)

    assert "acme/web:v1 expires at 2026-03-07 12:00 UTC" in body
