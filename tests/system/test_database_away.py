"""PostgreSQL goes away under a running Berth, and comes back. SQLite has nothing of the kind."""

import http.client
import json
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus

import pytest

from registry.rows.postgresql.watched import Watched
from tests.live import ADMIN_PASSWORD, RunningServer, start_server
from tests.private_postgres import frozen, installed_programs, outage, private_cluster

LOGIN = {"Authorization": "Basic " + b64encode(f"admin:{ADMIN_PASSWORD}".encode()).decode()}
TOKEN = "/v2/auth?service=berth&scope=repository:admin/web:pull,push"
UPLOADS = "/v2/admin/web/blobs/uploads/"
MANIFEST = "/v2/admin/web/manifests/v1"
# Three and one on a quiet machine; here other tests keep all processors busy. Without the watch
# it is half a minute and more.
SOON_SECONDS, AT_ONCE_SECONDS = 12, 6
AT_ONCE = 60  # more than there are threads at any door

Door = tuple[str, str, Mapping[str, str]]


@dataclass(frozen=True)
class Got:
    status: int
    retry_after: str
    seconds: float


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    with private_cluster(installed_programs()) as uri:
        yield uri


@pytest.fixture(scope="module")
def server(cluster: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    found = start_server(
        tmp_path_factory.mktemp("away") / "data",
        environment={"BERTH_DB_URI": cluster, "WORKERS": "1"},
        is_first_start=True,
    )
    yield found
    found.stop()


def test_without_its_database_every_door_says_so_soon_and_works_again_soon(
    server: RunningServer, cluster: str
) -> None:
    doors = _doors(server)
    with outage(cluster):
        first, later = _rush(server, doors)
        time.sleep(10)  # longer than the pool looks for a server by itself

    _require_back(server)
    _require_told(first, later)
    assert max(one.seconds for one in first) < SOON_SECONDS
    assert max(one.seconds for one in later) < AT_ONCE_SECONDS


def test_a_database_that_falls_silent_is_one_that_is_away(
    server: RunningServer, cluster: str
) -> None:
    doors = _doors(server)
    with frozen(cluster):
        first, later = _rush(server, doors)

    _require_back(server)
    _require_told(first, later)
    assert max(one.seconds for one in first) < SOON_SECONDS
    assert max(one.seconds for one in later) < AT_ONCE_SECONDS


def test_a_statement_may_take_long_while_its_server_is_there(cluster: str) -> None:
    with Watched.connect(cluster) as connection:
        (waited,) = connection.execute("SELECT pg_sleep(2.5) IS NOT NULL").fetchone() or (False,)

    assert waited


def _doors(server: RunningServer) -> list[Door]:
    """All that need the database. A session that is only named writes nothing: it is none."""
    token = json.loads(_ask(server, "GET", TOKEN, LOGIN)[1])["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    return [
        ("GET", MANIFEST, bearer),
        ("GET", "/v2/admin/web/tags/list", LOGIN),
        ("GET", TOKEN, LOGIN),
        ("PUT", MANIFEST, bearer),
        ("GET", "/api/v1/user/", LOGIN),
        ("GET", "/explore", {}),
        ("GET", "/readyz", {}),
    ]


def _rush(server: RunningServer, doors: list[Door]) -> tuple[list[Got], list[Got]]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        first = list(pool.map(lambda n: _got(server, *doors[n % len(doors)]), range(AT_ONCE)))
    return first, [_got(server, *door) for door in doors]


def _require_back(server: RunningServer) -> None:
    back = time.monotonic()
    while _got(server, "GET", TOKEN, LOGIN).status != HTTPStatus.OK:
        assert time.monotonic() - back < SOON_SECONDS
        time.sleep(0.1)


def _require_told(first: list[Got], later: list[Got]) -> None:
    assert {one.status for one in [*first, *later]} == {HTTPStatus.SERVICE_UNAVAILABLE}
    assert all(one.retry_after for one in [*first, *later] if one.retry_after != "probe")


def _got(server: RunningServer, method: str, path: str, headers: Mapping[str, str]) -> Got:
    began = time.monotonic()
    response, _ = _ask(server, method, path, headers)
    is_probe = path == "/readyz"
    retry_after = "probe" if is_probe else response.headers.get("Retry-After", "")
    return Got(response.status, retry_after, time.monotonic() - began)


def _ask(
    server: RunningServer, method: str, path: str, headers: Mapping[str, str]
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection(server.host, timeout=60)
    try:
        connection.request(method, path, b"{}" if method == "PUT" else None, dict(headers))
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()
