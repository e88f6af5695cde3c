"""The brokers that the queue's contract holds for."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kombu import Connection
from redis import Redis

LEASE_SECONDS = 1


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis of our own, on a Unix socket. Its path must be short."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    folder = Path(tempfile.mkdtemp(prefix="berth-redis-"))
    socket = folder / "socket"
    server = subprocess.Popen(
        [program, "--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder],
        stdout=subprocess.DEVNULL,
    )
    while not socket.exists():
        assert server.poll() is None, "redis-server did not start"
        time.sleep(0.01)
    yield f"redis+socket://{socket}"
    server.terminate()
    server.wait()
    shutil.rmtree(folder)


@pytest.fixture(params=["django", "redis"])
def broker_url(request: pytest.FixtureRequest) -> str:
    """Of a broker that nobody has used: whoever was killed may have left a lock in it."""
    if request.param == "django":
        return "django://"
    url: str = request.getfixturevalue("redis_url")
    with Redis(unix_socket_path=url.removeprefix("redis+socket://")) as redis:
        redis.flushall()
    return url


@pytest.fixture
def connection(broker_url: str, transactional_db: None) -> Iterator[Connection]:
    """A connection to an empty broker, on which leases are short."""
    options = {"visibility_timeout": LEASE_SECONDS, "polling_interval": 0.01}
    with Connection(broker_url, transport_options=options) as connection:
        yield connection
        connection.SimpleQueue("jobs").clear()
