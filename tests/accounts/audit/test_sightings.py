"""Events that come again and again: one of each in a while, written beside the requests."""

from datetime import datetime, timedelta

import pytest
from django.db import DatabaseError
from pytest_django import DjangoAssertNumQueries

from accounts.audit import sightings
from accounts.audit.models import AuditEvent, AuditEventQuerySet
from accounts.audit.services import Actor
from accounts.audit.sightings import flush_sightings, forget_sightings, notice

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
ALICE = Actor("alice", "192.0.2.1")


def see(target: str, now: datetime, by: Actor = ALICE, **options: object) -> bool:
    return notice(by, "access.refuse", target, once_in=MINUTE, now=now, **options)  # type: ignore[arg-type]


def targets() -> list[str]:
    return sorted(AuditEvent.objects.values_list("target", flat=True))


def test_to_notice_asks_the_database_nothing(
    now: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        see("acme/web", now)


def test_what_was_noticed_is_written_with_all_that_an_event_has(now: datetime) -> None:
    see("acme/web", now, right="pull")

    assert flush_sightings() == 1

    event = AuditEvent.objects.get()
    assert (event.at, event.actor, event.address) == (now, "alice", "192.0.2.1")
    assert (event.repository, event.namespace) == ("acme/web", "acme")
    assert event.facts == {"right": "pull"}


def test_the_same_within_a_while_is_one_event(now: datetime) -> None:
    assert [see("acme/web", now), see("acme/web", now + MINUTE / 2)] == [True, False]
    flush_sightings()

    assert targets() == ["acme/web"]


def test_after_the_while_it_is_told_again(now: datetime) -> None:
    see("acme/web", now)
    see("acme/web", now + MINUTE)
    flush_sightings()

    assert targets() == ["acme/web", "acme/web"]


def test_of_two_processes_that_notice_the_same_one_writes_it(now: datetime) -> None:
    see("acme/web", now)
    flush_sightings()
    forget_sightings()  # as another process, which has seen nothing
    see("acme/web", now)
    see("acme/api", now)
    flush_sightings()

    assert targets() == ["acme/api", "acme/web"]


def test_one_actor_cannot_fill_the_log(now: datetime) -> None:
    for number in range(sightings.MOST_OF_ONE_ACTOR + 10):
        see(f"acme/r{number}", now)
    see("acme/web", now, by=Actor("bob"))
    flush_sightings()

    assert AuditEvent.objects.filter(actor="alice").count() == sightings.MOST_OF_ONE_ACTOR
    assert AuditEvent.objects.filter(actor="bob").count() == 1


def test_what_turns_out_to_be_nothing_is_not_written(now: datetime) -> None:
    see("acme/web", now, unless=lambda: True)

    assert flush_sightings() == 0


def test_what_cannot_be_written_is_kept_for_the_next_time(
    now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise DatabaseError("gone")

    see("acme/web", now)
    with monkeypatch.context() as patched:
        patched.setattr(AuditEventQuerySet, "bulk_create", fails)
        assert flush_sightings() == 0

    assert flush_sightings() == 1


def test_memory_has_a_bound(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sightings, "MOST_SEEN", 50)
    monkeypatch.setattr(sightings, "MOST_WAITING", 70)
    for number in range(200):
        see("acme/web", now, by=Actor(f"user{number}"))

    assert len(sightings._memory.seen) <= 51
    assert flush_sightings() == 70
