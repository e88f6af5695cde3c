"""What is measured: every row of the table, as a step prepared once and then repeated."""

import itertools
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from . import protocol
from .connection import Connection
from .content import GIB, KIB, MIB, Blob, Image, new_blob, new_image
from .load import Operation

IMAGES = 20  # read in turn, so that no measure is about one row only


@dataclass(frozen=True, slots=True)
class Stock:
    """What was pushed to a registry before its first measure."""

    repository: str
    images: tuple[Image, ...]
    blobs: dict[int, Blob]  # by size


@dataclass(frozen=True, slots=True)
class Measure:
    name: str
    prepare: Callable[[Stock], Operation]
    connections: tuple[int, ...] = (1, 16)
    payload_bytes: int = 0  # where megabytes per second say more than operations
    pulls: int = 0  # size of the blob that must be there, in bytes
    quick: bool = True  # part of the short run
    seconds: float = 1.0


def fill(connection: Connection, repository: str, sizes: set[int]) -> Stock:
    """Push what will be read, and read one image back in full."""
    images = tuple(new_image(layer_bytes=KIB if n else MIB) for n in range(IMAGES))
    for number, image in enumerate(images):
        protocol.push_image(connection, repository, image, tag_of(number))
    protocol.check_image(connection, repository, images[0], tag_of(0))
    blobs = {size: new_blob(size) for size in sizes}
    for blob in blobs.values():
        protocol.push_blob(connection, repository, blob)
    return Stock(repository, images, blobs)


def tag_of(number: int) -> str:
    return f"v1.{number}"


def _manifest(method: str, *, by_tag: bool) -> Callable[[Stock], Operation]:
    def prepare(stock: Stock) -> Operation:
        names = [
            tag_of(number) if by_tag else image.digest for number, image in enumerate(stock.images)
        ]
        turn = itertools.cycle(names)
        return lambda connection: _done(
            protocol.read_manifest(connection, stock.repository, next(turn), method)
        )

    return prepare


def _head_blob(stock: Stock) -> Operation:
    turn = itertools.cycle([layer for image in stock.images for layer in image.layers])

    def head(connection: Connection) -> None:
        if not protocol.has_blob(connection, stock.repository, next(turn)):
            raise AssertionError("a blob that was pushed is not there")

    return head


def _push(size: int) -> Callable[[Stock], Operation]:
    return lambda stock: (
        lambda connection: protocol.push_blob(connection, stock.repository, new_blob(size))
    )


def _stream(size: int) -> Callable[[Stock], Operation]:
    return lambda stock: (
        lambda connection: protocol.stream_blob(connection, stock.repository, new_blob(size))
    )


def _pull(size: int) -> Callable[[Stock], Operation]:
    return lambda stock: (
        lambda connection: protocol.pull_blob(connection, stock.repository, stock.blobs[size])
    )


def _push_image(stock: Stock) -> Operation:
    return lambda connection: protocol.push_image(
        connection, stock.repository, new_image(), f"pushed-{uuid.uuid4().hex}"
    )


def _pull_image(stock: Stock) -> Operation:
    return lambda connection: protocol.pull_image(
        connection, stock.repository, stock.images[0], tag_of(0)
    )


def _done(_: object) -> None:
    return None


MEASURES = (
    Measure("manifest GET by tag", _manifest("GET", by_tag=True)),
    Measure("manifest GET by digest", _manifest("GET", by_tag=False)),
    Measure("manifest HEAD by tag", _manifest("HEAD", by_tag=True)),
    Measure("manifest HEAD by digest", _manifest("HEAD", by_tag=False), quick=False),
    Measure("blob HEAD", _head_blob),
    Measure("blob push 1 KiB", _push(KIB)),
    Measure("blob pull 1 KiB", _pull(KIB), pulls=KIB),
    Measure("blob push 1 MiB", _push(MIB), payload_bytes=MIB, quick=False),
    Measure("blob pull 1 MiB", _pull(MIB), payload_bytes=MIB, pulls=MIB, quick=False),
    Measure("blob push 100 MiB", _push(100 * MIB), payload_bytes=100 * MIB, quick=False),
    Measure(
        "blob pull 100 MiB", _pull(100 * MIB), payload_bytes=100 * MIB, pulls=100 * MIB, quick=False
    ),
    Measure("image push, 10 x 1 MiB", _push_image),
    Measure("image pull, 10 x 1 MiB", _pull_image),
    Measure("blob push 1 GiB", _push(GIB), (1,), GIB),
    Measure("blob push 1 GiB, streamed", _stream(GIB), (1,), GIB, quick=False),
    Measure("blob pull 1 GiB", _pull(GIB), (1,), GIB, pulls=GIB),
)
