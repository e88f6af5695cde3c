"""Clients that push and pull through the proxy all the time, and remember every answer."""

import http.client
import json
import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from random import Random
from urllib.parse import urlsplit

from tests.conformance.content import (
    OCI_CONFIG,
    OCI_MANIFEST,
    descriptor,
    digest_of,
    encode,
    image,
)
from tests.production.stack import LOGIN, Stack

WRITERS, READERS = 4, 2
LAYER_BYTES = 100_000
_TIMEOUT_SECONDS = 60
_PAUSE_SECONDS = 0.2  # between two pushes or pulls of a client: the machine has few processors

BASIC = "Basic " + b64encode(":".join(LOGIN).encode()).decode()


@dataclass(frozen=True, slots=True)
class Refusal:
    """``0`` where there was no answer."""

    what: str
    status: int
    seconds: float
    retry_after: str
    at: float


class Refused(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Pushed:
    repository: str
    digest: str
    blobs: tuple[str, ...]


@dataclass(slots=True)
class Result:
    """What clients saw while the load ran."""

    pushed: list[Pushed] = field(default_factory=list)
    pulls: int = 0
    refusals: list[Refusal] = field(default_factory=list)

    @property
    def statuses(self) -> set[int]:
        return {refusal.status for refusal in self.refusals}

    def told(self, what: str) -> str:
        """A line for whoever looks at the figures."""
        longest = max((refusal.seconds for refusal in self.refusals), default=0.0)
        counts = dict(Counter((r.what, r.status) for r in self.refusals))
        return (
            f"{what}: {len(self.pushed)} pushes, {self.pulls} pulls,"
            f" refused {counts or 'none'}, longest {longest:.1f} s"
        )


class Caller:
    """One client with its own connection and token."""

    def __init__(self, stack: Stack, repository: str) -> None:
        self._stack = stack
        self._repository = repository
        self._token = ""

    def push(self, random: Random, tag: str) -> Pushed:
        """Raises ``Refused``."""
        layer = random.randbytes(LAYER_BYTES)
        config = encode({"unique": random.randbytes(8).hex()})
        for blob in (layer, config):
            self._push_blob(blob)
        body = encode(image(descriptor(config, OCI_CONFIG), [descriptor(layer)]))
        headers = {"Content-Type": OCI_MANIFEST}
        self._ask("PUT", f"manifests/{tag}", HTTPStatus.CREATED, body, headers)
        return Pushed(self._repository, digest_of(body), (digest_of(layer), digest_of(config)))

    def pull(self, pushed: Pushed, *, with_blobs: bool = True) -> None:
        """Raises ``Refused``, and ``AssertionError`` where other bytes come."""
        body = self._ask("GET", f"manifests/{pushed.digest}", HTTPStatus.OK)
        assert digest_of(body) == pushed.digest
        for digest in pushed.blobs if with_blobs else ():
            assert digest_of(self._ask("GET", f"blobs/{digest}", HTTPStatus.OK)) == digest

    def _push_blob(self, blob: bytes) -> None:
        location: list[str] = []
        self._ask("POST", "blobs/uploads/", HTTPStatus.ACCEPTED, b"", location=location)
        closing = f"{location[0]}{'&' if '?' in location[0] else '?'}digest={digest_of(blob)}"
        headers = {"Content-Type": "application/octet-stream"}
        self._ask("PUT", closing, HTTPStatus.CREATED, blob, headers)

    def _ask(
        self,
        method: str,
        path: str,
        wanted: HTTPStatus,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        location: list[str] | None = None,
    ) -> bytes:
        what = f"{method} {path.partition('/')[0]}"
        if not path.startswith("/"):
            path = f"/v2/{self._repository}/{path}"
        if not self._token:
            scope = f"repository:{self._repository}:pull,push"
            query = f"/v2/auth?service={self._stack.host}&scope={scope}"
            _, answer = self._send("token", "GET", query, None, {"Authorization": BASIC}, {200})
            self._token = json.loads(answer)["token"]
        bearer = {"Authorization": f"Bearer {self._token}", **(headers or {})}
        found, answer = self._send(
            what, method, path, body, bearer, {wanted, HTTPStatus.TEMPORARY_REDIRECT}
        )
        target = found.headers.get("Location", "")
        if found.status == HTTPStatus.TEMPORARY_REDIRECT:
            answer = self._follow(what, target)
        if location is not None:
            parts = urlsplit(target)
            location.append(f"{parts.path}?{parts.query}" if parts.query else parts.path)
        return answer

    def _send(
        self,
        what: str,
        method: str,
        path: str,
        body: bytes | None,
        headers: dict[str, str],
        wanted: set[int],
    ) -> tuple[http.client.HTTPResponse, bytes]:
        connection = http.client.HTTPSConnection(
            self._stack.host, timeout=_TIMEOUT_SECONDS, context=self._stack.context()
        )
        return _sent(connection, what, method, path, body, headers, wanted)

    def _follow(self, what: str, url: str) -> bytes:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=_TIMEOUT_SECONDS)
        path = f"{parts.path}?{parts.query}"
        return _sent(connection, f"{what} in S3", "GET", path, None, {}, {200})[1]


@dataclass(slots=True)
class Load:
    stack: Stack
    name: str
    result: Result = field(default_factory=Result)
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, number: int) -> None:
        random = Random(f"{self.name}-{number}")
        caller = Caller(self.stack, f"admin/{self.name}-{number}")
        while not self._stop.wait(_PAUSE_SECONDS):
            with self._noted():
                pushed = caller.push(random, f"v{random.randrange(3)}-{random.randrange(1000)}")
                with self._lock:
                    self.result.pushed.append(pushed)

    def read(self, number: int) -> None:
        random = Random(f"{self.name}-r{number}")
        callers: dict[str, Caller] = {}
        while not self._stop.wait(_PAUSE_SECONDS):
            with self._lock:
                pushed = random.choice(self.result.pushed) if self.result.pushed else None
            if pushed is None:
                continue
            made = Caller(self.stack, pushed.repository)
            caller = callers.setdefault(pushed.repository, made)
            with self._noted():
                caller.pull(pushed)
                with self._lock:
                    self.result.pulls += 1

    def lost(self) -> list[Pushed]:
        """What was acknowledged and cannot be pulled, byte for byte."""
        with ThreadPoolExecutor(WRITERS) as pool:
            return [one for one in pool.map(self._lost, self.result.pushed) if one]

    def _lost(self, pushed: Pushed) -> Pushed | None:
        try:
            Caller(self.stack, pushed.repository).pull(pushed)
        except (Refused, AssertionError):
            return pushed
        return None

    @contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except Refused as refused:
            with self._lock:
                self.result.refusals.append(refused.refusal)


@contextmanager
def load_on(stack: Stack, name: str) -> Iterator[Load]:
    """Meanwhile clients push and pull. Begins when each has pushed once."""
    load = Load(stack, name)
    with ThreadPoolExecutor(WRITERS + READERS) as pool:
        futures = [pool.submit(load.write, number) for number in range(WRITERS)]
        futures += [pool.submit(load.read, number) for number in range(READERS)]
        try:
            _wait_for(load, WRITERS)
            yield load
            # What comes after the fault is a part of it: each goes on once more.
            _wait_for(load, len(load.result.pushed) + WRITERS)
        finally:
            load._stop.set()
    for future in futures:
        future.result()
    print(load.result.told(name))


def _wait_for(load: Load, pushes: int) -> None:
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while len(load.result.pushed) < pushes:
        assert time.monotonic() < deadline, load.result
        time.sleep(0.05)


def _sent(
    connection: http.client.HTTPConnection,
    what: str,
    method: str,
    path: str,
    body: bytes | None,
    headers: dict[str, str],
    wanted: set[int],
) -> tuple[http.client.HTTPResponse, bytes]:
    began = time.monotonic()
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        answer = response.read()
    except (OSError, http.client.HTTPException):
        raise _refused(what, 0, began, "") from None
    finally:
        connection.close()
    if response.status not in wanted:
        raise _refused(what, response.status, began, response.headers.get("Retry-After", ""))
    return response, answer


def _refused(what: str, status: int, began: float, retry_after: str) -> Refused:
    seconds = time.monotonic() - began
    return Refused(Refusal(what, status, seconds, retry_after, time.monotonic()))
