"""What comes out of a compressed archive, read by the byte."""

from abc import ABC, abstractmethod
from collections.abc import Iterator


class Unpacked(ABC):
    """A ``Stream`` as ``tar.py`` reads it, made of pieces of any size.

    Its errors are those of whoever reads the archive.
    """

    def read(self, size: int) -> bytes:
        """Exactly ``size`` bytes."""
        return b"".join(self._pieces(size))

    def read_or_end(self, size: int) -> bytes:
        """As ``read``, but nothing where the archive ends before: some have no mark of it."""
        piece = self.piece(size)
        if piece:
            self.take(len(piece))
            return piece + self.read(size - len(piece))
        if not self.is_whole():
            raise self.cut_short()
        return b""

    def skip(self, size: int) -> None:
        for _ in self._pieces(size):
            pass

    @abstractmethod
    def piece(self, size: int) -> bytes:
        """At most ``size`` bytes; none at the end."""

    @abstractmethod
    def is_whole(self) -> bool:
        """Whether the end is where it was meant to be."""

    @abstractmethod
    def cut_short(self) -> Exception:
        """What tells that it is not."""

    def take(self, size: int) -> None:  # noqa: B027 - not every reader counts so
        """Count bytes before they come out, and raise where there is no room for them."""

    def _pieces(self, size: int) -> Iterator[bytes]:
        self.take(size)
        while size > 0:
            piece = self.piece(size)
            if not piece:
                raise self.cut_short()
            size -= len(piece)
            yield piece
