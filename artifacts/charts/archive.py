"""Walk through a chart's archive as it streams by: nothing is unpacked, everything is bounded."""

import posixpath
import re
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from artifacts.archives.gunzip import Gunzip, GzipBroken, Packed
from artifacts.archives.streams import Unpacked
from artifacts.archives.tar import TarBroken, members

MAX_UNPACKED_BYTES: Final = 100 * 1024 * 1024  # as Helm since 3.17.3
MAX_ENTRIES: Final = 20_000

_PIECE = 64 * 1024
_DRIVE = re.compile("[A-Za-z]:(?=/|$)")
_LINKS = (tarfile.LNKTYPE, tarfile.SYMTYPE)


class ChartUnreadable(Exception):
    """What was pushed as a chart is none. The message goes on after "because"."""


class NotLookedAt(ChartUnreadable):
    """It is more than is looked at here, or not what Helm objects to: that may well load it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the archive. ``path`` is below the folder that holds the chart."""

    path: str
    size: int
    is_link: bool
    read: Callable[[], bytes]  # the content; to be called before the next entry is asked for


class Room:
    """How much may come out of archives that share it."""

    def __init__(self, most_bytes: int | None = None) -> None:
        self._most = self._left = MAX_UNPACKED_BYTES if most_bytes is None else most_bytes

    def take(self, size: int) -> None:
        if size > self._left:
            raise NotLookedAt(f"its archive unpacks to more than {self._most // 1024**2} MiB")
        self._left -= size


def entries(
    compressed: Packed, tick: Callable[[], None] = lambda: None, room: Room | None = None
) -> Iterator[Entry]:
    """Every file and link of a gzipped archive, in its order.

    Raises ``ChartUnreadable`` for what is no such archive, or is larger than any chart, or
    has a name that leads out of the chart.
    """
    try:
        for member in members(_Bounded(Gunzip(compressed, tick), room or Room()), most=MAX_ENTRIES):
            if not member.is_plain:
                raise NotLookedAt("its archive is not a plain tar")
            is_link = member.header.type in _LINKS
            if is_link or member.header.isreg():  # no folders
                yield Entry(_path(member.path), member.size, is_link, member.read)
    except TarBroken as error:
        raise ChartUnreadable(f"its archive {error}") from error


class _Bounded(Unpacked):
    """A stream that ends in an error when more comes out of it than a chart may hold.

    It is whole without a mark of its end: Helm wants none either.
    """

    def __init__(self, stream: Gunzip, room: Room) -> None:
        self._stream = stream
        self._room = room

    def take(self, size: int) -> None:
        self._room.take(size)

    def piece(self, size: int) -> bytes:
        try:
            return self._stream.read(min(size, _PIECE))
        except GzipBroken as error:
            raise ChartUnreadable(f"its archive cannot be unpacked: {error}") from error

    def is_whole(self) -> bool:
        return self._stream.is_whole

    def cut_short(self) -> ChartUnreadable:
        return ChartUnreadable("its archive is cut short")


def _path(name: str) -> str:
    """Below the top folder, which for Helm may be ``.``, so that no chart is found there."""
    delimiter = "\\" if "\\" in name else "/"
    top, _, below = name.partition(delimiter)
    below = below.replace(delimiter, "/")
    path = posixpath.normpath(below)
    is_below = path != "." and not path.startswith("..") and not below.startswith("/")
    if not is_below or not top or _DRIVE.fullmatch(top) or _DRIVE.match(path):
        raise ChartUnreadable(f"a name in its archive leads out of the chart: {name[:100]!r}")
    return path
