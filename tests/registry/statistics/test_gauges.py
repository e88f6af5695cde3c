"""What rows say of the queue, and of events that wait."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.audit.services import SYSTEM
from registry.queue.models import Message
from registry.queue.services import publish
from registry.statistics.gauges import Readings
from tests.registry.builders import NOW

pytestmark = pytest.mark.django_db

AGE = timedelta(seconds=90)


def oldest(name: str = "berth_queue_oldest_message_seconds") -> float:
    readings = {reading.name: reading for reading in Readings().current(now=NOW)}
    return readings[name].values[()]


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


def test_the_event_that_waits_longest_to_be_told_elsewhere(settings: Any) -> None:
    name = "berth_audit_oldest_waiting_seconds"
    SYSTEM.did("gc.run", "", now=NOW - 2 * AGE)
    assert oldest(name) == 0

    settings.ACTION_LOG_FORWARD_TO = "stdout"
    SYSTEM.did("gc.run", "", now=NOW - AGE)
    SYSTEM.did("gc.run", "", now=NOW)
    assert oldest(name) == AGE.total_seconds()
