"""Many slow clients at once, and what somebody notices of them who reads manifests meanwhile.

The clients come from a hundred addresses of this machine, as the nodes of a cluster do.
"""

import asyncio
import multiprocessing
import resource
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from multiprocessing.connection import Connection as Pipe

from .connection import HEAD_END, UnexpectedAnswerError
from .content import MIB
from .load import Sample
from .measures import MEASURES
from .protocol import OCTETS, path_of
from .targets import Target

NAME = "slow clients"
DOWNLOADS = 600
UPLOADS = 300
BLOB_BYTES = 100 * MIB
READ_SECONDS = 5.0
READERS = 2

_PIECE_BYTES = 16 * 1024
_PAUSE_SECONDS = 0.25  # so 64 KiB a second each
_NODES = 100
_ANSWER_SECONDS = 30
_FILES = 4096
_READING = replace(MEASURES[0], seconds=READ_SECONDS)
_SERVED = "served"


@dataclass(frozen=True, slots=True)
class Seen:
    """How many slow clients were answered in which way, and how long readers waited."""

    downloads: Mapping[str, int]
    uploads: Mapping[str, int]
    alone: Sample
    meanwhile: Sample


def watch(target: Target) -> Seen:
    """Let the slow clients come, read for some seconds, and let them go."""
    alone = _read(target)
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe()
    authorization = target.authorization()
    crowd = fork.Process(target=_come, args=(target, authorization, theirs))
    crowd.start()
    try:
        if not ours.poll(3 * _ANSWER_SECONDS):
            raise UnexpectedAnswerError("the slow clients never had all an answer")
        ours.recv()
        meanwhile = _read(target)
        ours.send(None)
        downloads, uploads = ours.recv()
    except EOFError as error:
        raise UnexpectedAnswerError("the process of the slow clients died") from error
    finally:
        crowd.terminate()
        crowd.join()
    return Seen(downloads, uploads, alone, meanwhile)


def summary(name: str, seen: Seen) -> str:
    """Two lines for a person."""
    groups = (
        (DOWNLOADS, "slow downloads", seen.downloads),
        (UPLOADS, "slow uploads", seen.uploads),
    )
    clients = "; ".join(
        f"{count} {what}: " + ", ".join(f"{n} {how}" for how, n in sorted(ways.items()))
        for count, what, ways in groups
    )
    return (
        f"{name:<17} {clients}\n{'':<17} manifest GET: {_waits(seen.alone)} alone,"
        f" {_waits(seen.meanwhile)} meanwhile"
    )


def _waits(sample: Sample) -> str:
    waits = sorted(sample.latencies)
    p50, p99 = (waits[int(share * len(waits))] * 1000 for share in (0.5, 0.99))
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms"


def _read(target: Target) -> Sample:
    sample = target.run(_READING, READERS)
    if sample is None:
        raise UnexpectedAnswerError("no manifest could be read")
    return sample


def _come(target: Target, authorization: str | None, pipe: Pipe) -> None:
    """What the process of the slow clients does."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_FILES, most), most))
    asyncio.run(_be_slow(target, authorization, pipe))


async def _be_slow(target: Target, authorization: str | None, pipe: Pipe) -> None:
    clients = [
        _SlowClient(target, authorization, f"127.0.1.{number % _NODES + 1}")
        for number in range(DOWNLOADS + UPLOADS)
    ]
    downloads, uploads = clients[:DOWNLOADS], clients[DOWNLOADS:]
    tasks = [
        *(asyncio.ensure_future(client.run(client.download)) for client in downloads),
        *(asyncio.ensure_future(client.run(client.upload)) for client in uploads),
    ]
    await asyncio.gather(*(client.begun.wait() for client in clients))
    pipe.send(None)
    await asyncio.to_thread(pipe.recv)
    pipe.send([dict(Counter(client.fate for client in part)) for part in (downloads, uploads)])
    for task in tasks:
        task.cancel()


class _SlowClient:
    """One connection that takes or gives a little at a time.

    ``fate`` is what became of it, ``begun`` is set as soon as that is known for the beginning.
    """

    def __init__(self, target: Target, authorization: str | None, source: str) -> None:
        self.fate = "unanswered"
        self.begun = asyncio.Event()
        self._target = target
        self._source = source
        self._common = f"Host: {target.address.host}:{target.address.port}\r\n"
        if authorization:
            self._common += f"Authorization: {authorization}\r\n"

    async def run(self, use: Callable[[], Awaitable[None]]) -> None:
        try:
            await use()
        except (OSError, EOFError, TimeoutError):
            if self.fate == _SERVED:
                self.fate = "cut off"
        finally:
            self.begun.set()

    async def download(self) -> None:
        blob = self._target.stock.blobs[BLOB_BYTES].digest
        path = f"/v2/{self._target.repository}/blobs/{blob}"
        if not await self._is_answered("GET", path, "", HTTPStatus.OK):
            return
        while await self._reader.readexactly(_PIECE_BYTES):
            await asyncio.sleep(_PAUSE_SECONDS)

    async def upload(self) -> None:
        path = f"/v2/{self._target.repository}/blobs/uploads/"
        if not await self._is_answered("POST", path, "Content-Length: 0\r\n", HTTPStatus.ACCEPTED):
            return
        lines = f"{OCTETS}Content-Length: {BLOB_BYTES}\r\n"
        self._send("PATCH", path_of(self._header("location")), lines)
        too_early = asyncio.ensure_future(self._reader.read(1))
        while not too_early.done():
            self._writer.write(bytes(_PIECE_BYTES))
            await self._writer.drain()
            await asyncio.sleep(_PAUSE_SECONDS)
        raise EOFError

    async def _is_answered(self, method: str, path: str, lines: str, status: HTTPStatus) -> bool:
        async with asyncio.timeout(_ANSWER_SECONDS):
            self._reader, self._writer = await asyncio.open_connection(
                self._target.address.host,
                self._target.address.port,
                local_addr=(self._source, 0),
                limit=_PIECE_BYTES,
            )
            self._send(method, path, lines)
            self._head = (await self._reader.readuntil(HEAD_END)).decode("latin-1")
        code = int(self._head[9:12])
        self.fate = _SERVED if code == status else str(code)
        self.begun.set()
        return code == status

    def _send(self, method: str, path: str, lines: str) -> None:
        self._writer.write(f"{method} {path} HTTP/1.1\r\n{self._common}{lines}\r\n".encode())

    def _header(self, name: str) -> str | None:
        pairs = (line.partition(":") for line in self._head.split("\r\n")[1:])
        return next((value.strip() for key, _, value in pairs if key.lower() == name), None)
