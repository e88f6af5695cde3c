"""What rows say of the queue."""

from datetime import timedelta

import pytest

from registry.queue.models import Message
from registry.queue.services import publish
from registry.statistics.gauges import Readings
from tests.registry.builders import NOW

pytestmark = pytest.mark.django_db

AGE = timedelta(seconds=90)


def oldest() -> float:
    readings = {reading.name: reading for reading in Readings().current(now=NOW)}
    return readings["berth_queue_oldest_message_seconds"].values[()]


def test_the_age_of_the_queue_is_that_of_the_message_that_waits_longest() -> None:
    for _ in range(2):
        publish(queue="celery", body="{}")
    Message.objects.update(created_at=NOW)
    Message.objects.filter(pk=Message.objects.latest("pk").pk).update(created_at=NOW - AGE)

    assert oldest() == AGE.total_seconds()


def test_a_message_that_is_at_work_does_not_wait() -> None:
    publish(queue="celery", body="{}")
    Message.objects.update(created_at=NOW - AGE, leased_until=NOW.timestamp() + 60)

    assert oldest() == 0


def test_an_empty_queue_has_no_age() -> None:
    assert oldest() == 0
