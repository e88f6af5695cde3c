"""What only the embedded queue does: it lives in the database, with all that this gives."""

from collections.abc import Iterator

import pytest
from django.db import connection as database
from django.db import transaction
from kombu import Connection

from registry.queue import services
from registry.queue.models import Message

pytestmark = pytest.mark.django_db(transaction=True)

NOW = 1_800_000_000.0


@pytest.fixture
def connection() -> Iterator[Connection]:
    with Connection("django://", transport_options={"polling_interval": 0.01}) as connection:
        yield connection


def lease(*, now: float = NOW) -> services.Lease | None:
    return services.lease(queue="jobs", now=now, lease_seconds=60, max_attempts=3)


def test_a_message_sent_in_a_transaction_goes_back_with_it(connection: Connection) -> None:
    jobs = connection.SimpleQueue("jobs")

    with transaction.atomic():
        jobs.put("never")
        transaction.set_rollback(True)

    assert jobs.qsize() == 0


def test_a_lease_ends_at_its_time_and_not_before() -> None:
    services.publish(queue="jobs", body="b")
    assert lease() is not None

    assert lease(now=NOW + 59) is None
    assert lease(now=NOW + 60) is not None


def test_a_message_that_was_tried_too_often_is_parked_and_blocks_nothing() -> None:
    services.publish(queue="jobs", body="deadly")
    services.publish(queue="jobs", body="harmless")
    for attempt in range(3):
        taken = lease(now=NOW + attempt)
        assert taken is not None
        assert taken.body == "deadly"
        services.hand_back(message_id=taken.message_id)

    taken = lease(now=NOW + 3)

    assert taken is not None
    assert taken.body == "harmless"
    assert Message.objects.get(is_parked=True).body == "deadly"
    assert services.size(queue="jobs") == 1


def test_a_message_handed_back_unworked_has_not_been_tried() -> None:
    services.publish(queue="jobs", body="b")
    for _ in range(10):
        taken = lease()
        assert taken is not None
        services.hand_back_untouched(message_id=taken.message_id)

    assert Message.objects.get().attempts == 0


def test_an_idle_worker_only_reads() -> None:
    with database.execute_wrapper(refuse_writing):
        assert lease() is None


def refuse_writing(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
    assert sql.startswith("SELECT"), sql
    return execute(sql, params, many, context)
