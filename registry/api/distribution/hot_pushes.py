"""The steps of a push that are answered from the bare facts of a request, as hot reads are.

Only what is certain is answered: a readable bearer token, a plain address, a repository that is
there, a body that has come, a right that holds. Whatever else there is, failures among it, is left
to the views, which know every case: what fails here has changed nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.http.request import QueryDict

from artifacts.oci.errors import OCIError
from registry.api.distribution.hot import granted_repository, known_caller
from registry.api.distribution.pushes import (
    Push,
    blob_pushed,
    chunk_appended,
    upload_closed,
    upload_opened,
)
from registry.api.distribution.reads import Answer

_PREFIX = "/v2/"
_UPLOADS = "/blobs/uploads"
_OF_SESSIONS: Mapping[str, Callable[[Push, str], Answer]] = {
    "PATCH": chunk_appended,
    "PUT": upload_closed,
}


@dataclass(frozen=True, slots=True)
class PushRequest:
    """The facts of a request. ``path`` is as it came, without escapes."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]  # found by their names in any case

    @property
    def opens(self) -> bool:
        """Whether it only names a session, which is done without writing."""
        return self.method == "POST" and not self.query


def hot_push(request: PushRequest, pieces: Sequence[bytes], *, now: datetime) -> Answer | None:
    """The answer to a step of a push whose body is ``pieces``; ``None``: ask the views."""
    name, session_id = _target(request)
    if not name or settings.BERTH.CORS_ALLOWED_ORIGINS:
        return None
    try:
        caller = known_caller(request.headers, now=now)
        repository = granted_repository(caller, "push", name) if caller else None
        if caller is None or repository is None:
            return None
        query = QueryDict(request.query)
        length = sum(map(len, pieces))
        push = Push(request.headers, query, name, repository, caller, now, pieces, length)
        return _answer(request, push, session_id)
    except OCIError:
        return None


def _target(request: PushRequest) -> tuple[str, str]:
    """The repository's name and the session's id, which is empty where one is opened."""
    if request.method == "POST":
        place, session_id = request.path.removesuffix("/"), ""
    else:
        place, _, session_id = request.path.rpartition("/")
        if not session_id:
            return "", ""
    if not place.startswith(_PREFIX) or not place.endswith(_UPLOADS):
        return "", ""
    return place[len(_PREFIX) : -len(_UPLOADS)], session_id


def _answer(request: PushRequest, push: Push, session_id: str) -> Answer | None:
    if request.method != "POST":
        return _OF_SESSIONS[request.method](push, session_id)
    if "mount" in push.query:
        return None
    return blob_pushed(push) if "digest" in push.query else upload_opened(push)
