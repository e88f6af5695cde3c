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

from tests.live import ADMIN_PASSWORD, RunningServer, start_server
from tests.private_postgres import installed_programs, outage, private_cluster

LOGIN = {"Authorization": "Basic " + b64encode(f"admin:{ADMIN_PASSWORD}".encode()).decode()}
TOKEN = "/v2/auth?service=berth&scope=repository:admin/web:pull,push"
UPLOADS = "/v2/admin/web/blobs/uploads/"
MANIFEST = "/v2/admin/web/manifests/v1"
SOON_SECONDS = 3.5  # and half a second for a busy machine
AT_ONCE = 60  # more than there are threads at any door


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
    token = json.loads(_ask(server, "GET", TOKEN, LOGIN)[1])["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    doors: list[tuple[str, str, Mapping[str, str]]] = [
        ("GET", MANIFEST, bearer),
        ("GET", "/v2/admin/web/tags/list", LOGIN),
        ("GET", TOKEN, LOGIN),
        ("PUT", MANIFEST, bearer),
        ("GET", "/api/v1/user/", LOGIN),
        ("GET", "/explore", {}),
        ("GET", "/readyz", {}),
    ]
    with outage(cluster), ThreadPoolExecutor(AT_ONCE) as pool:
        got = list(pool.map(lambda n: _got(server, *doors[n % len(doors)]), range(AT_ONCE)))
        later = [_got(server, *door) for door in doors]
        time.sleep(10)  # longer than the pool looks for a server by itself
    back = time.monotonic()
    while _got(server, "GET", TOKEN, LOGIN).status != HTTPStatus.OK:
        assert time.monotonic() - back < 5
        time.sleep(0.1)

    # A session that is only named writes nothing, so that is no door of the database.
    assert {one.status for one in [*got, *later]} == {HTTPStatus.SERVICE_UNAVAILABLE}
    assert all(one.retry_after for one in [*got, *later] if one.retry_after != "probe")
    assert max(one.seconds for one in got) < SOON_SECONDS
    assert max(one.seconds for one in later) < 1


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
