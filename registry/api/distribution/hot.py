"""What comes with every pull, answered from the bare facts of a request.

Only what is certain is answered: a readable bearer token, a plain address, a right that holds.
Whatever else there is, failures among it, is left to the views, which know every case.
"""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import SuspiciousOperation, SynchronousOnlyOperation
from django.db import DatabaseError, InterfaceError
from django.http.request import QueryDict

from accounts.credentials.workloads.federation import is_foreign
from accounts.origin import address_of, external_url, is_served
from artifacts.oci.errors import BlobUnknown, ManifestUnknown, OCIError
from registry.access.callers import Caller
from registry.access.scopes import Action
from registry.access.tokens import verify_token
from registry.api.distribution.auth import Asking, token_answer
from registry.api.distribution.base import refused
from registry.api.distribution.conversions import CONVERSIONS
from registry.api.distribution.reads import (
    Answer,
    Read,
    blob_answer,
    manifest_answer,
    ping_answer,
    tags_answer,
)
from registry.api.http.login import read_basic
from registry.api.http.paging import page_size, page_start
from registry.repositories.models import Repository
from registry.repositories.paths import repository_path
from registry.storage.filesystem import FilesystemStore
from registry.storage.select import blob_store

# What the views would have to say no to, or to do: they do.
LEFT_TO_VIEWS = (
    DatabaseError,
    InterfaceError,
    OSError,
    SuspiciousOperation,
    SynchronousOnlyOperation,
    sqlite3.Error,
)

_PREFIX = "/v2/"
_BEARER = "bearer "
_BASIC = "basic "
_MANY_TAGS = 1000  # more than that are worth a thread


@dataclass(frozen=True, slots=True)
class Hot:
    """A request without a body, as it came."""

    method: str
    path: str  # without escapes
    query: str
    headers: Mapping[str, str]  # by their names in lower case
    environ: Callable[[], Mapping[str, Any]]  # the same for WSGI, past the proxies
    is_on_loop: bool
    now: datetime


def hot_answer(hot: Hot) -> Answer | None:
    """The answer to a hot request; ``None``: ask the views."""
    try:
        if answer := _ANSWERS_AT.get(hot.path):
            return answer(hot)
    except OCIError:
        return None
    admission = admission_of(hot)
    return read_answer(hot, admission) if admission else None


@dataclass(frozen=True, slots=True)
class Admission:
    """Somebody who may read in a repository; depends on nothing but who asks at which host."""

    caller: Caller
    repository: Repository
    name: str  # of the repository, as the client writes it
    key: tuple[int, bool]  # all of it that an answer on a loop depends on: no name decides there


def admission_of(hot: Hot) -> Admission | None:
    """``None``: it is not certain, or no read at all. Ask the views."""
    head = hot.path.removeprefix(_PREFIX).rpartition("/")[0]
    name, _, kind = head.rpartition("/")
    if kind not in _ANSWERS or not name:
        return None
    try:
        caller = known_caller(hot.headers, now=hot.now)
        repository = granted_repository(caller, "pull", name) if caller else None
    except OCIError:
        return None
    if caller is None or repository is None:
        return None
    key = repository.id, caller.asks_to_push(repository.path)
    return Admission(caller, repository, name, key)


def read_answer(hot: Hot, admission: Admission) -> Answer | None:
    """The answer to a read by somebody who may; ``None``: ask the views."""
    head, _, last = hot.path.rpartition("/")
    answer = _ANSWERS[head.rpartition("/")[2]]
    repository, caller = admission.repository, admission.caller
    is_head = hot.method == "HEAD"
    read = Read(is_head, hot.headers, admission.name, repository, caller, hot.now)
    try:
        return answer(read, last, hot.query)
    except (BlobUnknown, ManifestUnknown) as error:
        return refused(error)  # a push asks for each of its layers first
    except OCIError:
        return None


def known_caller(headers: Mapping[str, str], *, now: datetime) -> Caller | None:
    """Whoever brings a bearer token to a host of ours. Raises ``TokenInvalid``."""
    authorization, host = headers.get("authorization", ""), headers.get("host", "")
    if authorization[:7].lower() != _BEARER or not is_served({"HTTP_HOST": host}):
        return None
    claims = verify_token(authorization[7:].strip(), now=now)
    return Caller(claims.principal, claims)


def granted_repository(caller: Caller, action: Action, name: str) -> Repository | None:
    """The repository, when it is there and the caller certainly may. Raises ``NameInvalid``."""
    repository = Repository.objects.at_path(repository_path(name))
    return repository if repository and caller.has_current_grant(action, repository) else None


def _ping(hot: Hot) -> Answer | None:
    caller = known_caller(hot.headers, now=hot.now)
    return ping_answer(caller, hot.now) if caller else None


def _token(hot: Hot) -> Answer | None:
    """A token for whoever logs in with a password that was right a moment ago, or with a token.

    Only on a loop, where nothing can be hashed or written: there it is certain that whatever
    fails has had no effect when the views are asked.
    """
    authorization = hot.headers.get("authorization", "")
    is_login = hot.method == "GET" and authorization[:6].lower() == _BASIC
    if not is_login or not hot.is_on_loop or not hot.headers.get("host"):
        return None
    if is_foreign(*read_basic(authorization[len(_BASIC) :])):
        return None  # whose issuer may have to be asked
    environ = hot.environ()
    if not is_served(environ):
        return None
    url = external_url(environ, scheme=environ["wsgi.url_scheme"])
    asking = Asking(address_of(environ), url, hot.now)
    return token_answer(asking, authorization, QueryDict(hot.query))


def _manifest(read: Read, last: str, query: str) -> Answer | None:
    if query or any(each.may_be_due(read.headers) for each in CONVERSIONS):
        return None
    return manifest_answer(read, last)


def _blob(read: Read, last: str, query: str) -> Answer | None:
    if query or "," in read.headers.get("range", ""):
        return None
    if not read.is_head and not isinstance(blob_store(), FilesystemStore):
        return None  # a bucket is another machine, which is waited for
    return blob_answer(read, last)


def _tags(read: Read, last: str, query: str) -> Answer | None:
    if last != "list":
        return None
    parameters = QueryDict(query)
    size = page_size(parameters)
    if size > _MANY_TAGS:
        return None
    return tags_answer(read, size=size, after=page_start(parameters))


_ANSWERS: Mapping[str, Callable[[Read, str, str], Answer | None]] = {
    "manifests": _manifest,
    "blobs": _blob,
    "tags": _tags,
}
_ANSWERS_AT: Mapping[str, Callable[[Hot], Answer | None]] = {"/v2/": _ping, "/v2/auth": _token}
