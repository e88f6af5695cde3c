"""PostgreSQL says whether somebody committed, once for all who ask."""

import asyncio
from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, connection, transaction

from config.front_door import snapshots
from config.front_door.snapshots import Snapshots

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


def asked(loop: asyncio.AbstractEventLoop, shown: Snapshots) -> str:
    return loop.run_until_complete(asyncio.wait_for(shown.now(), 20))


async def all_at_once(shown: Snapshots, count: int) -> list[str | BaseException]:
    asking = [shown.now() for _ in range(count)]
    return await asyncio.wait_for(asyncio.gather(*asking, return_exceptions=True), 20)


if connection.vendor == "postgresql":  # SQLite tells of commits by itself

    def stays_the_same(
        loop: asyncio.AbstractEventLoop, meanwhile: Callable[[], object] = lambda: None
    ) -> bool:
        """In one of many tries: databases of other tests count, as they have the same numbers."""
        shown = Snapshots(idle_seconds=0.1)
        for _ in range(500):
            before = asked(loop, shown)
            meanwhile()
            if asked(loop, shown) == before:
                return True
        return False

    def test_without_a_commit_it_stays_the_same(loop: asyncio.AbstractEventLoop) -> None:
        assert stays_the_same(loop)

    def test_a_read_does_not_change_it(loop: asyncio.AbstractEventLoop) -> None:
        def read() -> None:
            with transaction.atomic():
                list(Group.objects.all())

        assert stays_the_same(loop, read)

    def test_a_commit_changes_it(loop: asyncio.AbstractEventLoop) -> None:
        shown = Snapshots(idle_seconds=0.1)
        before = asked(loop, shown)
        Group.objects.create(name="new")

        assert asked(loop, shown) != before

    def test_the_commit_of_what_began_long_before_changes_it(
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        shown = Snapshots(idle_seconds=0.1)
        with transaction.atomic():
            Group.objects.create(name="begun")
            with connection.cursor() as cursor:  # it has its number by now
                cursor.execute("SELECT pg_current_xact_id()")
            before = asked(loop, shown)

        assert asked(loop, shown) != before


def test_those_who_ask_while_it_is_asked_share_the_next_one(
    loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["first", "second"])
    monkeypatch.setattr(snapshots, "_current", lambda: next(answers))

    got = loop.run_until_complete(all_at_once(Snapshots(idle_seconds=0.1), 5))

    assert got == ["first", *["second"] * 4]


def test_whoever_waits_is_told_that_the_database_is_away(
    loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> str:
        raise DatabaseError

    monkeypatch.setattr(snapshots, "_current", fail)

    got = loop.run_until_complete(all_at_once(Snapshots(idle_seconds=0.1), 3))

    assert [type(each) for each in got] == [DatabaseError] * 3


def test_after_a_failure_it_is_asked_again(
    loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = Snapshots(idle_seconds=0.1)
    test_whoever_waits_is_told_that_the_database_is_away(loop, monkeypatch)
    monkeypatch.setattr(snapshots, "_current", lambda: "back")

    assert asked(loop, shown) == "back"


def test_where_nothing_is_given_twice_it_is_seldom_asked() -> None:
    shown = Snapshots(idle_seconds=0.1)
    for _ in range(200):
        shown.note(found=False)

    assert sum(shown.is_worth_asking() for _ in range(320)) == 10


def test_where_much_is_given_twice_again_it_is_always_asked() -> None:
    shown = Snapshots(idle_seconds=0.1)
    for found in [False] * 200 + [True] * 20:
        shown.note(found=found)

    assert all(shown.is_worth_asking() for _ in range(100))
