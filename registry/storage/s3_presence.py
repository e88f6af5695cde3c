"""Whether the server of a bucket is there.

One that is frozen, or behind a network that swallows what is sent, refuses nothing: requests wait
for minutes, as those do that S3 needs long for. So whoever waits for a second asks it something
that any server answers at once.
"""

import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from functools import cache
from http.client import HTTPMessage
from queue import Empty, SimpleQueue
from typing import IO, Any, Final
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, HTTPSHandler, OpenerDirector, Request, build_opener

from botocore.exceptions import BotoCoreError

_LOOK_SECONDS: Final = 1.0  # of silence, until the server is asked, and between two questions
_LOOK_AGAIN_SECONDS: Final = 0.25  # while it is away
_ANSWER_SECONDS: Final = 1.0
_IDLE_SECONDS: Final = 20.0  # a thread without work ends then

Work = Callable[[], Any]


class Silent(BotoCoreError):  # type: ignore[misc]
    fmt = "the server does not answer"


class Presence:
    """Makes requests, and leaves those alone that a server which is away does not answer.

    What such a request does later harms nobody: keys and numbers of parts are never used twice.
    """

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._threads = _Threads()
        self._asking = threading.Lock()
        self._asked_at = -_LOOK_SECONDS
        self._is_away = False

    def wait_for(self, request: Work) -> Any:
        """What ``request`` returns. Raises ``Silent``, and what ``request`` raises."""
        if self._is_away and not self._is_there():
            raise Silent
        future = self._threads.submit(request)
        while True:
            try:
                return future.result(_LOOK_AGAIN_SECONDS if self._is_away else _LOOK_SECONDS)
            except TimeoutError:
                if future.done():
                    return future.result()
            if not self._is_there():
                raise Silent

    def _is_there(self) -> bool:
        """Asked by one for all, and seldom. Who comes meanwhile takes what was known before."""
        if not self._asking.acquire(blocking=not self._is_away):
            return False
        try:
            if time.monotonic() - self._asked_at > _LOOK_AGAIN_SECONDS:
                self._is_away = not _answers(self._endpoint)
                self._asked_at = time.monotonic()
            return not self._is_away
        finally:
            self._asking.release()


class _Threads:
    """As many as there is work at once. Nobody waits for them when the process ends."""

    def __init__(self) -> None:
        self._work: SimpleQueue[tuple[Future[Any], Work]] = SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0

    def submit(self, work: Work) -> "Future[Any]":
        future: Future[Any] = Future()
        with self._lock:
            is_new = self._idle == 0
            self._idle -= not is_new
        self._work.put((future, _in_context(work)))
        if is_new:
            threading.Thread(target=self._run, name="s3", daemon=True).start()
        return future

    def _run(self) -> None:
        while True:
            try:
                future, work = self._work.get(timeout=_IDLE_SECONDS)
            except Empty:
                with self._lock:
                    if self._idle:
                        self._idle -= 1
                        return
                continue  # work is on its way to us
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)
            del future, work  # they hold the content that was sent
            with self._lock:
                self._idle += 1


def _in_context(work: Work) -> Work:
    """Lines of the log name the request that they are about."""
    context = copy_context()
    return lambda: context.run(work)


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


@cache
def _opener() -> OpenerDirector:
    """Nothing is sent but the question, so no certificate is asked for."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return build_opener(_NoRedirects, HTTPSHandler(context=context))


def _answers(endpoint: str) -> bool:
    try:
        question = Request(endpoint, method="HEAD")  # noqa: S310 - the bucket's own address
        _opener().open(question, timeout=_ANSWER_SECONDS).close()
    except HTTPError as refusal:
        refusal.close()
    except (OSError, ValueError):
        return False
    return True
