"""A thousand clients that want to hold everybody up, and one beside them that wants to work.

``BERTH_SOAK_SECONDS=300`` holds the mixture for five minutes instead of some seconds.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.processes import used_bytes
from tests.conformance.client import Client
from tests.conformance.content import digest_of, unique
from tests.conformance.repository import Repository
from tests.live import RunningServer
from tests.system.hostile import Attack, Hostile
from tests.system.proxies import NGINX, before

pytestmark = [
    pytest.mark.xdist_group("small-registry"),
    pytest.mark.timeout(float(os.environ.get("BERTH_SOAK_SECONDS", "0")) + 240),
]

COUNT = 1000
SECONDS = 3.0
MIXED_SECONDS = float(os.environ.get("BERTH_SOAK_SECONDS", "8"))
LARGE_BYTES = 24 * 1024 * 1024
MOST_MEMORY_MB = 320  # more than before, for all of them
FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
COOKIE = f"Cookie: csrftoken={'a' * 32}\r\n"
UPLOAD = "PATCH /v2/nobody/x/blobs/uploads/abc"
SIZED, LARGE, CHUNKED = (
    "Content-Length: 1000",
    "Content-Length: 900000",
    "Transfer-Encoding: chunked",
)

UPGRADE = "Connection: upgrade\r\nUpgrade: h2c\r\n"
ASKS = "Expect: 100-continue\r\n"
TINY = b"1\r\na\r\n" * 2000

BODIES = {
    "form": ("POST /account/login/", SIZED, COOKIE),
    "large form": ("POST /account/login/", LARGE, COOKIE),
    "form that asks": ("POST /account/login/", SIZED, f"{COOKIE}{ASKS}"),
    "token": ("POST /v2/auth", "Content-Length: 60000", ""),
    "refused chunk": (UPLOAD, "Content-Length: 60000", ""),
    "large refused chunk": (UPLOAD, LARGE, ""),
    "refused chunks": (UPLOAD, CHUNKED, ""),
}


def attacks(host: str, repository: Repository) -> dict[str, Attack]:
    """Everything that clients have held a registry up with, by name."""
    end = f" HTTP/1.1\r\nHost: {host}\r\n"
    download = _download(end, repository)
    found = {
        "idle": Attack("idle", b""),
        "idle after a request": Attack("kept", f"GET /v2/{end}\r\n".encode()),
        "endless head": Attack("head", f"GET /v2/{end}X-Slow: ".encode(), b"a"),
        "deaf reader": Attack("reader", download, reads=False),
    }
    request = f"GET /v2/{end}\r\n".encode()
    many = b"".join(b"%02x:\r\n" % number for number in range(160, 255))
    large = f"GET /v2/{end}".encode() + many + b"\r\n"
    found |= {
        "requests without end": Attack("requests", request * 400, request * 8, reads=False),
        "large heads at once": Attack("heads", large * 34),
        "half closed": Attack("half", download, reads=False, is_half_closed=True),
        "sipping reader": Attack("sips", download, sips=True),
        "another protocol": Attack("upgrade", f"GET /v2/{end}{UPGRADE}\r\nabc".encode()),
        "HTTP/2": Attack("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(100)),
        "no HTTP": Attack("nothing", bytes(range(256)) * 8),
        "reset": Attack("reset", b"G", resets=True),
        "tiny chunks": Attack("tiny", f"{UPLOAD}{end}{CHUNKED}\r\n\r\n".encode(), TINY),
        "asks and sends nothing": Attack("asks", f"{UPLOAD}{end}{LARGE}\r\n{ASKS}\r\n".encode()),
    }
    for name, (line, length, headers) in BODIES.items():
        first, drip = ("1\r\na\r\n", "1\r\na\r\n") if length is CHUNKED else ("a", "a")
        head = f"{line}{end}{FORM}{length}\r\n{headers}\r\n{first}"
        found[name] = Attack(name, head.encode(), drip.encode())
    return found


def _download(end: str, repository: Repository) -> bytes:
    """A blob that anybody may read."""
    digest = repository.push_blob(unique(LARGE_BYTES))["digest"]
    token = repository.client.token(f"repository:{repository.name}:pull")
    path = repository.blob(str(digest))
    return f"GET {path}{end}Authorization: Bearer {token}\r\n\r\n".encode()


NAMES = [
    "idle",
    "idle after a request",
    "endless head",
    "deaf reader",
    "requests without end",
    "large heads at once",
    "half closed",
    "sipping reader",
    "another protocol",
    "HTTP/2",
    "no HTTP",
    "reset",
    "tiny chunks",
    "asks and sends nothing",
    *BODIES,
]


@pytest.mark.parametrize("name", NAMES)
def test_a_thousand_hostile_clients_of_a_kind_hold_nobody_up(
    name: str, small_registry: RunningServer, small_repository: Repository
) -> None:
    host = small_registry.host
    attack = attacks(host, small_repository)[name]

    hold_out(small_registry, host, [attack], seconds=SECONDS, what=name)


@pytest.mark.parametrize("way", ["directly", "behind nginx"])
def test_a_thousand_hostile_clients_of_all_kinds_hold_nobody_up(
    way: str, small_registry: RunningServer, small_repository: Repository, tmp_path: Path
) -> None:
    with at(way, small_registry.host, tmp_path) as host:
        kinds = list(attacks(host, small_repository).values())

        hold_out(small_registry, host, kinds, seconds=MIXED_SECONDS, what=way)


@contextmanager
def at(way: str, host: str, folder: Path) -> Iterator[str]:
    if way == "directly":
        yield host
        return
    with before(host, NGINX, folder) as proxy:
        yield proxy


def hold_out(
    server: RunningServer, host: str, kinds: list[Attack], *, seconds: float, what: str
) -> None:
    """Work beside hostile clients, and tell how well that went."""
    before_mb = used_mb(server)
    with Hostile(host, kinds, count=COUNT) as hostile:
        took = sorted(work(server, host, seconds=seconds))
        grown = used_mb(server) - before_mb
        seen = dict(hostile.seen)
    middle, last = took[len(took) // 2], took[int(len(took) * 0.99)]
    print(f"{what}: {len(took)} requests, p50 {middle * 1e3:.0f} ms, p99 {last * 1e3:.0f} ms")
    print(f"{before_mb:.0f} MB before, {grown:+.0f} MB; {seen}")
    assert grown < MOST_MEMORY_MB


def used_mb(server: RunningServer) -> float:
    return used_bytes({server.process.pid}) / 1e6


def work(server: RunningServer, host: str, *, seconds: float) -> list[float]:
    """Log in, push and pull for so long; return what each request took. Nothing may fail."""
    took: list[float] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        client = Timed(host, "admin", server.admin_password)
        client.took = took
        repository = Repository(client, "admin/beside-hostile-clients")
        content = unique(300_000)
        digest = str(repository.push_blob(content)["digest"])
        assert digest == digest_of(content)
        image = repository.push_image("v1")
        assert client.get(repository.manifest("v1")).body == image.body
        assert client.get(repository.blob(digest)).body == content
        assert Client(host).send("GET", "/explore").status == 200
    return took


class Timed(Client):
    """A client that notes how long each request takes."""

    took: list[float]

    def send(self, *args: object, **kwargs: object) -> object:  # type: ignore[override]
        began = time.monotonic()
        answer = super().send(*args, **kwargs)  # type: ignore[arg-type]
        self.took.append(time.monotonic() - began)
        return answer
