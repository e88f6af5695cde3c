"""A Celery app with jobs for tests: ``celery -A tests.registry.queue.jobs worker``."""

import os
import time
from pathlib import Path

from config.celery import app
from tests.registry.queue.conftest import LEASE_SECONDS

# Short, for tests that wait until it ends; long, for those in which it must not.
lease_seconds = float(os.environ.get("LEASE_SECONDS", LEASE_SECONDS))
app.conf.broker_transport_options = {
    **app.conf.broker_transport_options,
    "visibility_timeout": lease_seconds,
    # A worker that dies while it looks for lost jobs keeps the others from looking for this long.
    "unacked_mutex_expire": 5,
}


@app.task(name="tests.note")
def note(number: int, seconds: float) -> None:
    """Work for a while, then write down that it is done."""
    time.sleep(seconds)
    line = f"{number}\n".encode()
    file = os.open(Path(os.environ["NOTES"]), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, line)
    os.close(file)


def send(count: int, seconds: float) -> None:
    for number in range(count):
        note.delay(number, seconds)
