"""The reads that make up a pull, answered from the bare facts of a request.

Only what is certain is answered: a readable bearer token, a plain address, a right that holds.
Whatever else there is, failures among it, is left to the views, which know every case.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from django.http.request import QueryDict

from accounts.origin import is_served
from artifacts.oci.errors import OCIError
from registry.access.callers import Caller
from registry.access.tokens import verify_token
from registry.api.distribution.conversions import CONVERSIONS
from registry.api.distribution.reads import Answer, Read, blob_answer, manifest_answer, tags_answer
from registry.api.http.paging import page_size, page_start
from registry.repositories.models import Repository
from registry.repositories.paths import repository_path
from registry.storage.filesystem import FilesystemStore
from registry.storage.select import blob_store

_PREFIX = "/v2/"
_BEARER = "bearer "
_MANY_TAGS = 1000  # more than that are worth a thread


def hot_answer(
    method: str, path: str, query: str, headers: Mapping[str, str], *, now: datetime
) -> Answer | None:
    """The answer to a hot read; ``None``: ask the views.

    Args:
        path: as it came, without escapes.
        headers: found by their names in any case.
    """
    authorization = headers.get("Authorization", "")
    if not path.startswith(_PREFIX) or authorization[:7].lower() != _BEARER:
        return None
    head, _, last = path.removeprefix(_PREFIX).rpartition("/")
    name, _, kind = head.rpartition("/")
    answer = _ANSWERS.get(kind)
    if answer is None or not name or not is_served({"HTTP_HOST": headers.get("Host", "")}):
        return None
    try:
        claims = verify_token(authorization[7:].strip(), now=now)
        caller = Caller(claims.principal, claims)
        repository = Repository.objects.at_path(repository_path(name))
        if repository is None or not caller.has_current_grant("pull", repository):
            return None
        read = Read(method == "HEAD", headers, name, repository, caller, now)
        return answer(read, last, query)
    except OCIError:
        return None


def _manifest(read: Read, last: str, query: str) -> Answer | None:
    if query or any(each.may_be_due(read.headers) for each in CONVERSIONS):
        return None
    return manifest_answer(read, last)


def _blob(read: Read, last: str, query: str) -> Answer | None:
    if query or "," in read.headers.get("Range", ""):
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
