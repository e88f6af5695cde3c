"""Announcements, as programs read them."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from registry.announcements.current import (
    MAX_SHOWN,
    current_announcements,
    forget_announcements,
    refresh_announcements,
)
from registry.announcements.models import Announcement
from tests.registry.api.management.asking import token
from tests.registry.builders import NOW, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_announced() -> Iterator[None]:
    forget_announcements()
    yield
    forget_announcements()


def test_programs_read_the_announcements_of_the_moment() -> None:
    assert Client().get("/api/v1/messages").json() == {"messages": []}
    row = Announcement.objects.create(text="**Soon**", severity="error", created_at=NOW)

    assert Client().get("/api/v1/messages").json() == {
        "messages": [
            {
                "uuid": str(row.pk),
                "content": "**Soon**",
                "media_type": "text/markdown",
                "severity": "error",
            }
        ]
    }
    assert Client().post("/api/v1/messages").status_code == 401


def test_programs_read_all_announcements_that_pages_have_no_room_for() -> None:
    for number in range(MAX_SHOWN + 2):
        Announcement.objects.create(text=str(number), created_at=NOW)
    Announcement.objects.create(text="over", created_at=NOW, ends_at=NOW)
    Announcement.objects.create(
        text="later", created_at=NOW, starts_at=timezone.now() + timedelta(days=1)
    )

    messages = Client().get("/api/v1/messages").json()["messages"]
    assert [one["content"] for one in messages] == ["0", "1", "2", "3", "4", "5", "6"]


def test_a_program_finds_its_message_by_all_that_it_said_of_it() -> None:
    boss = Client(headers=token(make_user("root1", is_superuser=True)))
    said = {"content": "Disks", "severity": "info", "media_type": "text/plain"}
    boss.post("/api/v1/messages", {"message": said}, "application/json")

    (found,) = Client().get("/api/v1/messages").json()["messages"]
    assert said.items() <= found.items()


def test_an_announcement_is_shown_from_its_first_to_before_its_last_moment() -> None:
    Announcement.objects.create(
        text="x", created_at=NOW, starts_at=NOW, ends_at=NOW + timedelta(hours=1)
    )
    refresh_announcements(now=NOW - timedelta(days=1))

    shown = [
        len(current_announcements(now=NOW + timedelta(minutes=minutes)))
        for minutes in (-1, 0, 59, 60)
    ]
    assert shown == [0, 1, 1, 0]


def test_of_many_only_the_newest_are_shown() -> None:
    for number in range(9):
        Announcement.objects.create(text=str(number), created_at=NOW + timedelta(hours=number))
    refresh_announcements(now=NOW)

    assert [shown.text for shown in current_announcements(now=NOW)] == ["8", "7", "6", "5", "4"]
    assert MAX_SHOWN == 5
