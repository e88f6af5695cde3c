"""The steps of a push that are answered from the bare facts of a request, as hot reads are.

Only what is certain is answered: a readable bearer token, a plain address, a repository that is
there, a body that has come, a right that holds. Whatever else there is, failures among it, is left
to the views, which know every case: what fails here has changed nothing.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.conf import settings
from django.http.request import QueryDict

from artifacts.oci.errors import ChunkOutOfOrder, OCIError
from registry.access.callers import Caller
from registry.api.distribution.base import refused
from registry.api.distribution.hot import LEFT_TO_VIEWS, granted_repository, known_caller
from registry.api.distribution.pushes import (
    Push,
    blob_arriving,
    blob_created,
    blob_finished,
    chunk_appended,
    chunk_arriving,
    end_arriving,
    upload_finished,
    upload_opened,
)
from registry.api.distribution.reads import Answer
from registry.api.http.failures import failure_of
from registry.blobs.models import Blob
from registry.blobs.uploads import Finished, Receiver, Receiving, register_together
from registry.repositories.models import Repository
from registry.storage.base import Piece

T = TypeVar("T")

logger = logging.getLogger(__name__)

_PREFIX = "/v2/"
_UPLOADS = "/blobs/uploads"


@dataclass(frozen=True, slots=True)
class Pusher:
    """Somebody who may push to a repository.

    Depends on nothing but the token, the host and the name that the repository is asked for by.
    """

    caller: Caller
    repository: Repository


@dataclass(frozen=True, slots=True)
class PushRequest:
    """The facts of a request. ``path`` is as it came, without escapes."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]  # by their names in lower case
    length: int | None = 0  # of the body; ``None`` when only its end tells
    body: Piece = b""  # all of it, where it does not come later
    pusher: Pusher | None = None  # where that was found out a moment ago

    @property
    def target(self) -> tuple[str, str]:
        """The repository's name and the session's id, which is empty where one is opened."""
        if self.method == "POST":
            place, session_id = self.path.removesuffix("/"), ""
        else:
            place, _, session_id = self.path.rpartition("/")
            if not session_id:
                return "", ""
        if not place.startswith(_PREFIX) or not place.endswith(_UPLOADS):
            return "", ""
        return place[len(_PREFIX) : -len(_UPLOADS)], session_id


@dataclass(frozen=True, slots=True)
class _Closing:
    """A step that is done when rows say so."""

    number: int
    name: str
    finished: Finished


def pusher_of(request: PushRequest, *, now: datetime) -> Pusher | None:
    """``None``: it is not certain that anybody may push. Raises what ``LEFT_TO_VIEWS`` names."""
    name, _ = request.target
    if not name:
        return None
    try:
        caller = known_caller(request.headers, now=now)
        repository = granted_repository(caller, "push", name) if caller else None
    except OCIError:
        return None
    return Pusher(caller, repository) if caller and repository else None


def hot_push(request: PushRequest, *, now: datetime) -> Answer | None:
    """The answer to a step of a push; ``None``: ask the views."""
    ((_, answer),) = hot_pushes([request], now=now)
    return answer


def hot_pushes(
    requests: Sequence[PushRequest], *, now: datetime
) -> Iterator[tuple[int, Answer | None]]:
    """The same for each of them, with its number, as soon as it is known.

    Those that close an upload wait for each other, and for the disk once.
    """
    closing: list[_Closing] = []
    for number, request in enumerate(requests):
        step = _step(number, request, now)
        if isinstance(step, _Closing):
            closing.append(step)
        else:
            yield number, step
    for each, outcome in zip(closing, _registered(closing), strict=True):
        if isinstance(outcome, Blob):
            yield each.number, blob_created(each.name, outcome.digest)
            continue
        if not isinstance(outcome, (OCIError, *LEFT_TO_VIEWS)):
            logger.error("a push failed, and is left to the views", exc_info=outcome)
        yield each.number, None


def _registered(closing: Sequence[_Closing]) -> Sequence[Blob | Exception]:
    try:
        return register_together([each.finished for each in closing])
    except Exception as error:  # told of each
        return [error] * len(closing)


def _step(number: int, request: PushRequest, now: datetime) -> Answer | _Closing | None:
    name, session_id = request.target

    def do(push: Push) -> Answer | Finished | None:
        return _done(request.method, push, session_id)

    done: Answer | Finished | None = _tried(request, name, now, do)
    return _Closing(number, name, done) if isinstance(done, Finished) else done


def arriving(request: PushRequest, *, now: datetime) -> Receiver[Answer] | None:
    """What takes the body of a step in, begun; ``None``: ask the views."""
    name, session_id = request.target

    def begun(push: Push) -> Receiver[Answer] | None:
        receiving = _receiving(request.method, push, session_id)
        if receiving is None:
            return None
        receiver = Receiver(receiving)
        receiver.begin()
        return receiver

    return _tried(request, name, now, begun)


def refused_while_arriving(error: Exception, request: PushRequest) -> Answer:
    """What is answered when the body was looked at already, so that no view can."""
    failure = failure_of(error, request)
    if isinstance(failure, ChunkOutOfOrder):
        failure.location = request.path
    return refused(failure)


def _tried(request: PushRequest, name: str, now: datetime, do: Callable[[Push], T]) -> T | None:
    """Do something with a push whose caller certainly may; ``None``: ask the views."""
    if settings.BERTH.CORS_ALLOWED_ORIGINS or settings.BERTH.is_read_only:
        return None
    try:
        pusher = request.pusher or pusher_of(request, now=now)
        if pusher is None:
            return None
        query, pieces = QueryDict(request.query), [request.body] if request.body else []
        caller, repository = pusher.caller, pusher.repository
        push = Push(request.headers, query, name, repository, caller, now, pieces, request.length)
        return do(push)
    except (OCIError, *LEFT_TO_VIEWS):
        return None
    except Exception:
        logger.exception("a push failed at the front door, and is left to the views")
        return None


def _done(method: str, push: Push, session_id: str) -> Answer | Finished | None:
    if method == "PATCH":
        return chunk_appended(push, session_id)
    if method == "PUT":
        return upload_finished(push, session_id)
    if "mount" in push.query:
        return None
    return blob_finished(push) if "digest" in push.query else upload_opened(push)


def _receiving(method: str, push: Push, session_id: str) -> Receiving[Answer] | None:
    if method == "PATCH":
        return chunk_arriving(push, session_id)
    if method == "PUT":
        return end_arriving(push, session_id)
    return blob_arriving(push) if "digest" in push.query and "mount" not in push.query else None
