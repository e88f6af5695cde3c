"""The embedded queue when PostgreSQL restarts. SQLite has no server that could go away."""

from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection as database
from kombu import Connection

from registry.queue.models import Message

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def connection() -> Iterator[Connection]:
    with Connection("django://", transport_options={"polling_interval": 0.01}) as connection:
        yield connection


def test_an_acknowledgement_survives_a_lost_connection(connection: Connection) -> None:
    jobs = connection.SimpleQueue("jobs")
    jobs.put("done")
    message = jobs.get(timeout=20)
    end_our_session()

    message.ack()

    assert Message.objects.count() == 0


def test_a_lost_connection_is_an_error_after_which_workers_connect_again(
    connection: Connection,
) -> None:
    jobs = connection.SimpleQueue("jobs")
    jobs.put("kept")
    end_our_session()

    with pytest.raises(connection.connection_errors):
        jobs.get(timeout=20)

    assert jobs.get(timeout=20).payload == "kept"


def end_our_session() -> None:
    """End our session on the server, as a restart does. The client notices at its next query."""
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    parameters = database.get_connection_params()
    places = {name: parameters[name] for name in ("dbname", "user", "host")}
    with psycopg.connect(**places, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])
