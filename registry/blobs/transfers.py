"""How many requests of this process wait for a client at the moment.

Receiving a body of unknown or large size takes memory and files for as long as the client likes,
in some cases even a thread, and sending a blob takes memory. So both take a place first, each in a
pool of its own: slow readers keep no push waiting, nor slow bodies a pull.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from artifacts.oci.errors import TooManyRequests
from registry.rows.connections import release_connection
from registry.storage.base import PIECE_BYTES
from registry.storage.files import FileReader, Stretch

RETRY_AFTER_SECONDS = 2


class Transfers:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._uploads = 0
        self._threads = 0
        self._downloads = 0

    @property
    def uploads(self) -> int:
        return self._uploads

    @property
    def downloads(self) -> int:
        return self._downloads

    def require_room_for_uploads(self) -> None:
        """Raise ``TooManyRequests`` when no upload is to be opened for now."""
        _refuse_when_full(self._uploads, settings.BERTH.MAXIMUM_CONCURRENT_UPLOADS)
        _refuse_when_full(self._threads, settings.UPLOAD_THREADS_TO_OPEN)

    @contextmanager
    def upload(self) -> Iterator[None]:
        """Inside, a body is received by nobody's thread. Raises ``TooManyRequests``."""
        with self._lock:
            _refuse_when_full(self._uploads, settings.UPLOAD_PLACES)
            self._uploads += 1
        try:
            yield
        finally:
            with self._lock:
                self._uploads -= 1

    def begin_upload(self) -> None:
        """The same until ``end_upload``, by a thread that waits for the client."""
        with self._lock:
            _refuse_when_full(self._uploads, settings.UPLOAD_PLACES)
            _refuse_when_full(self._threads, settings.UPLOAD_THREADS)
            self._uploads += 1
            self._threads += 1

    def end_upload(self) -> None:
        with self._lock:
            self._uploads -= 1
            self._threads -= 1

    def begin_download(self) -> None:
        with self._lock:
            _refuse_when_full(self._downloads, settings.BERTH.MAXIMUM_CONCURRENT_DOWNLOADS)
            self._downloads += 1

    def end_download(self) -> None:
        with self._lock:
            self._downloads -= 1


def _refuse_when_full(taken: int, places: int) -> None:
    if taken >= places:
        raise TooManyRequests(
            "too many transfers at once; try again shortly",
            retry_after_seconds=RETRY_AFTER_SECONDS,
        )


transfers = Transfers()


def download(pieces: Iterator[bytes], length: int) -> Iterator[bytes]:
    """``pieces`` with a place of their own, unless the server takes all of them at once.

    The last thing before they leave: whoever waits for a client holds no connection.
    """
    release_connection()
    return Download(pieces) if length > PIECE_BYTES else pieces


class Download(Iterator[bytes]):
    """Pieces on their way to a client. Gives its place back when the server is done with it.

    A file to whoever serves it (PEP 3333, ``wsgi.file_wrapper``): reading takes no database, so
    any thread may read the next piece, and none has to wait for the client.
    """

    _is_open = False

    def __init__(self, pieces: Iterator[bytes]) -> None:
        transfers.begin_download()
        self._pieces = pieces
        self._is_open = True

    def __next__(self) -> bytes:
        return next(self._pieces)

    def read(self, size: int = PIECE_BYTES) -> bytes:
        """The next piece, at most ``size`` where the store can tell; none at the end."""
        pieces = self._pieces
        return pieces.read(size) if isinstance(pieces, FileReader) else next(pieces, b"")

    def next_in_memory(self, size: int = PIECE_BYTES) -> Stretch | None:
        """The next piece; ``None`` when that would wait for a disk or for another machine."""
        pieces = self._pieces
        return pieces.next_in_memory(size) if isinstance(pieces, FileReader) else None

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            transfers.end_download()

    def __del__(self) -> None:
        # Django puts the closing of the response into ``close``, which ends the request of
        # whichever thread collects garbage at that moment.
        Download.close(self)
