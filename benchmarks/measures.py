"""What is measured: every row of the table, as a step prepared once and then repeated."""

import itertools
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from . import protocol
from .connection import Connection, expect
from .content import GIB, KIB, MIB, Blob, Image, new_blob, new_image, new_referrer
from .load import Operation

IMAGES = 20  # read in turn, so that no measure is about one row only
REFERRERS = 10  # to one image
_PAGE = 100


@dataclass(frozen=True, slots=True)
class Stock:
    """What was pushed to a registry before its first measure."""

    repository: str
    images: tuple[Image, ...]
    blobs: dict[int, Blob]  # by size
    has_referrers: bool = False
    many_tags: str = ""  # a repository with very many
    token_path: str | None = None  # where one logs in with a password, if that is needed


@dataclass(frozen=True, slots=True)
class Measure:
    name: str
    prepare: Callable[[Stock], Operation | None]  # ``None``: the registry has no such thing
    connections: tuple[int, ...] = (1, 16)
    payload_bytes: int = 0  # where megabytes per second say more than operations
    pulls: int = 0  # size of the blob that must be there, in bytes
    quick: bool = True  # part of the short run
    seconds: float = 1.0
    by_password: bool = False  # instead of a token
    is_about_many_tags: bool = False

    def repository_of(self, stock: Stock) -> str:
        return stock.many_tags if self.is_about_many_tags else stock.repository


MANY_TAGS = "tags list, 100 of very many"


def fill(connection: Connection, repository: str, sizes: set[int]) -> Stock:
    """Push what will be read, and read one image back in full."""
    images = tuple(new_image(layer_bytes=KIB if n else MIB) for n in range(IMAGES))
    for number, image in enumerate(images):
        protocol.push_image(connection, repository, image, tag_of(number))
    protocol.check_image(connection, repository, images[0], tag_of(0))
    blobs = {size: new_blob(size) for size in sizes}
    for blob in blobs.values():
        protocol.push_blob(connection, repository, blob)
    has_referrers = protocol.has_referrers(connection, repository, images[0])
    for _ in range(REFERRERS if has_referrers else 0):
        protocol.push_manifest(connection, repository, new_referrer(images[0]))
    return Stock(repository, images, blobs, has_referrers)


def tag_of(number: int) -> str:
    return f"v1.{number}"


def _manifest(method: str, *, by_tag: bool) -> Callable[[Stock], Operation]:
    def prepare(stock: Stock) -> Operation:
        names = [
            tag_of(number) if by_tag else image.digest for number, image in enumerate(stock.images)
        ]
        paths = [f"/v2/{stock.repository}/manifests/{name}" for name in names]
        return _in_turn(method, paths, headers=protocol.ACCEPT_MANIFEST)

    return prepare


def _head_blob(stock: Stock) -> Operation:
    layers = [layer for image in stock.images for layer in image.layers]
    return _in_turn("HEAD", [f"/v2/{stock.repository}/blobs/{layer.digest}" for layer in layers])


def _ping(_: Stock) -> Operation:
    return _in_turn("GET", ["/v2/"])


def _issue_token(stock: Stock) -> Operation | None:
    """Another token each time, so no answer is like the one before."""
    path = stock.token_path
    if path is None:
        return None
    return lambda connection: _done(expect(connection.request("GET", path), 200))


def _list_referrers(stock: Stock) -> Operation | None:
    if not stock.has_referrers:
        return None
    return _in_turn("GET", [f"/v2/{stock.repository}/referrers/{stock.images[0].digest}"])


def _list_tags(stock: Stock) -> Operation:
    return _in_turn("GET", [f"/v2/{stock.repository}/tags/list"])


def _list_many_tags(stock: Stock) -> Operation | None:
    """A page out of the middle."""
    if not stock.many_tags:
        return None
    query = urlencode({"n": _PAGE, "last": "v5"})
    return _in_turn("GET", [f"/v2/{stock.many_tags}/tags/list?{query}"])


def _in_turn(method: str, paths: Sequence[str], *, headers: str = "") -> Operation:
    turn = itertools.cycle(paths)
    return lambda connection: connection.ask_again(method, next(turn), headers=headers)


def _push(size: int) -> Callable[[Stock], Operation]:
    return lambda stock: (
        lambda connection: protocol.push_blob(connection, stock.repository, new_blob(size))
    )


def _stream(size: int) -> Callable[[Stock], Operation]:
    return lambda stock: (
        lambda connection: protocol.stream_blob(connection, stock.repository, new_blob(size))
    )


def _pull(size: int) -> Callable[[Stock], Operation]:
    return lambda stock: _in_turn(
        "GET", [f"/v2/{stock.repository}/blobs/{stock.blobs[size].digest}"]
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
    Measure("ping", _ping, quick=False),
    Measure("token issue", _issue_token, by_password=True),
    Measure("referrers", _list_referrers, quick=False),
    Measure("tags list", _list_tags, quick=False),
    Measure(MANY_TAGS, _list_many_tags, quick=False, is_about_many_tags=True),
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
