"""What clients and people ask of a large registry and of a small one, and what it costs each."""

import http.client
import itertools
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Final

import psycopg

from benchmarks import pages, processes
from benchmarks.connection import Address, Connection, expect
from benchmarks.content import CONFIG_TYPE, MANIFEST_TYPE
from benchmarks.tokens import Login
from tests.live import ADMIN_PASSWORD, RunningServer
from tests.private_postgres import main_process

from .registries import MANY_TAGS, OWNER, Registry
from .rows import BLOB_BYTES

REPOSITORIES: Final = 20  # that requests go to in turn
OF_EACH: Final = 50  # manifests, blobs and tags: what comes again within a second is remembered
SECONDS: Final = 1.5
FEWEST: Final = 20
MOST_SECONDS: Final = 10.0  # then fewer do
WARM_UP: Final = 3
_ACCEPT: Final = f"Accept: {MANIFEST_TYPE}, application/vnd.oci.image.index.v1+json\r\n"
_SYSTEM: Final[Mapping[str, str]] = {
    "system": "/system",
    "system, people": "/system/people",
    "system, organizations": "/system/organizations",
    "system, audit": "/system/audit",
    "API, registry size": "/api/v1/superuser/registrysize/",
    "API, people": "/api/v1/superuser/users/",
    "API, all organizations": "/api/v1/superuser/organizations/",
    "API, audit trail of all": "/api/v1/superuser/logs",
    "API, sums of all": "/api/v1/superuser/aggregatelogs",
}

Step = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Cost:
    p50_ms: float
    p99_ms: float
    processor_ms: float  # of the web processes and of PostgreSQL, for each request


@dataclass(frozen=True, slots=True)
class Stock:
    """Some of what there is in a few repositories: path, tag, digest of a manifest and of a blob,
    digest of an index that something refers to."""

    rows: Sequence[tuple[str, str, str, str, str]]

    @classmethod
    def of(cls, uri: str) -> "Stock":
        rows = []
        with psycopg.connect(uri) as connection:
            places = connection.execute(
                "SELECT id, path FROM repositories_repository WHERE path <> %s"
                " ORDER BY md5(path) LIMIT %s",
                [MANY_TAGS, REPOSITORIES],
            ).fetchall()
            for repository, path in places:
                columns = [
                    connection.execute(statement, [repository, OF_EACH]).fetchall()
                    for statement in _SOME
                ]
                rows += [
                    (path, *(column[k % len(column)][0] for column in columns))
                    for k in range(OF_EACH)
                ]
        return cls(rows)


_SOME: Final = (
    "SELECT name FROM tags_tag WHERE repository_id = %s AND ended_at IS NULL"
    " AND name LIKE 'build-%%' ORDER BY name LIMIT %s",
    "SELECT digest FROM manifests_manifest WHERE repository_id = %s ORDER BY digest LIMIT %s",
    "SELECT blob_id FROM blobs_bloblink JOIN blobs_blob ON digest = blob_id"
    f" WHERE repository_id = %s AND size = {BLOB_BYTES} ORDER BY blob_id LIMIT %s",
    "SELECT subject_digest FROM manifests_manifest WHERE repository_id = %s"
    " AND subject_digest <> '' ORDER BY digest LIMIT %s",
)


def measure(registries: Sequence[Registry], wanted: str) -> Iterator[tuple[str, list[Cost]]]:
    """The cost of each kind of request in each of the registries, one after the other."""
    with ExitStack() as running:
        servers = [running.enter_context(registry.running(only="web")) for registry in registries]
        database = main_process(os.environ["BERTH_DB_URI"])
        roots = [{server.process.pid, database} for server in servers]
        for steps_of in (_of_clients, _of_people):
            every = [steps_of(*pair) for pair in zip(registries, servers, strict=True)]
            for name in every[0]:
                if wanted in name:
                    steps = zip([steps[name] for steps in every], roots, strict=True)
                    yield name, [_cost(step, pids) for step, pids in steps]


def _cost(step: Step, pids: set[int]) -> Cost:
    for _ in range(WARM_UP):
        step()
    taken: list[float] = []
    before, begun = processes.processor_seconds(pids), time.perf_counter()
    while (spent := time.perf_counter() - begun) < SECONDS or (
        len(taken) < FEWEST and spent < MOST_SECONDS
    ):
        start = time.perf_counter()
        step()
        taken.append((time.perf_counter() - start) * 1000)
    used = processes.processor_seconds(pids) - before
    worst = statistics.quantiles(taken, n=100)[98] if len(taken) > 1 else taken[0]
    return Cost(statistics.median(taken), worst, used * 1000 / len(taken))


def _of_clients(registry: Registry, server: RunningServer) -> dict[str, Step]:
    address = Address.of(server.url)
    login = Login(address, OWNER, ADMIN_PASSWORD)
    stock = Stock.of(registry.uri)
    connection = Connection(address)
    whole = Connection(address, authorization=login.basic())
    turn = itertools.cycle(stock.rows)

    def asked(method: str, place: str) -> None:
        path, tag, manifest, blob, subject = next(turn)
        where = place.format(tag=tag, manifest=manifest, blob=blob, subject=subject)
        headers = f"{_ACCEPT}Authorization: {login.authorization(path)}\r\n"
        expect(connection.request(method, f"/v2/{path}/{where}", headers=headers), 200)

    def pushed() -> None:
        path, _, _, blob, _ = next(turn)
        body = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST_TYPE,
                "config": {"mediaType": CONFIG_TYPE, "digest": blob, "size": BLOB_BYTES},
                "layers": [],
                "annotations": {"org.example.note": os.urandom(8).hex()},
            }
        ).encode()
        headers = f"Content-Type: {MANIFEST_TYPE}\r\nAuthorization: {login.authorization(path)}\r\n"
        where = f"/v2/{path}/manifests/measured"
        expect(connection.request("PUT", where, headers=headers, body=body), 201)

    def listed(place: str) -> None:
        headers = f"Authorization: {login.authorization(MANY_TAGS)}\r\n"
        expect(connection.request("GET", f"/v2/{MANY_TAGS}/{place}", headers=headers), 200)

    def plain(place: str) -> None:
        expect(whole.request("GET", place), 200)

    last = f"v{registry.tags - 1}"
    places = {repository: login.token_path(repository) for repository, *_ in stock.rows}
    tokens = itertools.cycle(filter(None, places.values()))
    catalog = _catalog_after(registry)
    return {
        "manifest GET by tag": partial(asked, "GET", "manifests/{tag}"),
        "manifest GET by digest": partial(asked, "GET", "manifests/{manifest}"),
        "manifest HEAD by tag": partial(asked, "HEAD", "manifests/{tag}"),
        "manifest HEAD by digest": partial(asked, "HEAD", "manifests/{manifest}"),
        "blob HEAD": partial(asked, "HEAD", "blobs/{blob}"),
        "manifest PUT with a tag": pushed,
        "tags list": partial(asked, "GET", "tags/list"),
        "tags list of many, first 100": partial(listed, "tags/list?n=100"),
        "tags list of many, 100 in the middle": partial(listed, "tags/list?n=100&last=v5"),
        "tags list of many, the end": partial(listed, f"tags/list?n=100&last={last}"),
        "referrers": partial(asked, "GET", "referrers/{subject}"),
        "catalog, first 100": partial(plain, "/v2/_catalog?n=100"),
        "catalog, 100 in the middle": partial(plain, f"/v2/_catalog?n=100&last={catalog}"),
        "token": lambda: plain(next(tokens)),
    }


def _catalog_after(registry: Registry) -> str:
    return f"generated/proxy-{registry.repositories // 2:06}"


def _of_people(registry: Registry, server: RunningServer) -> dict[str, Step]:
    owner = pages.Visitor(http.client.HTTPConnection(server.host, timeout=60), {})
    owner.sign_in(OWNER, ADMIN_PASSWORD)
    admin = pages.Visitor(http.client.HTTPConnection(server.host, timeout=60), {})
    admin.sign_in("admin", ADMIN_PASSWORD)

    def opened(visitor: pages.Visitor, path: str) -> None:
        status, _ = visitor.get(path)
        if status != http.HTTPStatus.OK:
            raise SystemExit(f"benchmarks: {path} of the {registry.name} one: {status}")

    known = pages.pages(registry.tags)
    return {
        **{name: partial(opened, owner, path) for name, path in known.items()},
        **{name: partial(opened, admin, path) for name, path in _SYSTEM.items()},
    }
