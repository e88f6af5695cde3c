"""The error vocabulary of the OCI Distribution Spec, one class per code.

Any floor may raise these; each door of ``registry.api`` tells them in a form of its own.
Source: distribution-spec v1.1, "Error Codes", code-1 to code-14.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import ClassVar

from artifacts.refusals import Refusal

Detail = str | int | Sequence[str]


class OCIError(Refusal):
    """A failure the client is told about.

    ``reason`` is one sentence for a person and takes the place of the spec's
    words in the answer; ``detail`` is sent as JSON. Both hold only what the
    client may see.
    """

    code: ClassVar[str]
    status: HTTPStatus
    message: ClassVar[str]

    def __init__(self, reason: str = "", **detail: Detail) -> None:
        super().__init__(reason or self.message)
        self.reason = reason or self.message
        self.detail = detail

    def headers(self) -> dict[str, str]:
        """Response headers this failure adds. None by default."""
        return {}


class BlobUnknown(OCIError):
    code = "BLOB_UNKNOWN"
    status = HTTPStatus.NOT_FOUND
    message = "blob unknown to registry"


class BlobUploadInvalid(OCIError):
    code = "BLOB_UPLOAD_INVALID"
    status = HTTPStatus.BAD_REQUEST
    message = "blob upload invalid"


class ChunkOutOfOrder(BlobUploadInvalid):
    """The chunk does not start where the upload session stands."""

    status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE

    def __init__(self, *, offset: int, location: str = "") -> None:
        super().__init__(f"the next chunk must start at byte {offset}", offset=offset)
        self.offset = offset
        self.location = location

    def headers(self) -> dict[str, str]:
        headers = {"Range": f"0-{max(self.offset - 1, 0)}"}
        return {**headers, "Location": self.location} if self.location else headers


class BlobUploadUnknown(OCIError):
    code = "BLOB_UPLOAD_UNKNOWN"
    status = HTTPStatus.NOT_FOUND
    message = "blob upload unknown to registry"


class DigestInvalid(OCIError):
    code = "DIGEST_INVALID"
    status = HTTPStatus.BAD_REQUEST
    message = "provided digest did not match uploaded content"


class ManifestBlobUnknown(OCIError):
    code = "MANIFEST_BLOB_UNKNOWN"
    status = HTTPStatus.NOT_FOUND
    message = "manifest references a manifest or blob unknown to registry"


class ManifestInvalid(OCIError):
    code = "MANIFEST_INVALID"
    status = HTTPStatus.BAD_REQUEST
    message = "manifest invalid"


class ManifestTooLarge(ManifestInvalid):
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class ManifestTypeUnsupported(ManifestInvalid):
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class ManifestUnknown(OCIError):
    code = "MANIFEST_UNKNOWN"
    status = HTTPStatus.NOT_FOUND
    message = "manifest unknown to registry"


class NameInvalid(OCIError):
    code = "NAME_INVALID"
    status = HTTPStatus.BAD_REQUEST
    message = "invalid repository name"


class NameUnknown(OCIError):
    code = "NAME_UNKNOWN"
    status = HTTPStatus.NOT_FOUND
    message = "repository name not known to registry"


class SizeInvalid(OCIError):
    code = "SIZE_INVALID"
    status = HTTPStatus.BAD_REQUEST
    message = "provided length did not match content length"


class BlobTooLarge(SizeInvalid):
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class Unauthorized(OCIError):
    code = "UNAUTHORIZED"
    status = HTTPStatus.UNAUTHORIZED
    message = "authentication required"


class Denied(OCIError):
    code = "DENIED"
    status = HTTPStatus.FORBIDDEN
    message = "requested access to the resource is denied"


class ReadOnly(Denied):
    """Nothing may be changed for now: an administrator said so. Status and words are Quay's."""

    status = HTTPStatus.METHOD_NOT_ALLOWED
    message = (
        "System is currently read-only. Pulls will succeed but all write operations are currently"
        " suspended."
    )

    def __init__(self) -> None:
        super().__init__(is_readonly=True)

    def headers(self) -> dict[str, str]:
        return {"Allow": "GET, HEAD"}


class RepositoryReadOnly(Denied):
    """Who might change it otherwise may not for now: an administrator of it said so."""

    status = HTTPStatus.METHOD_NOT_ALLOWED

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} is read-only: it can be pulled from, and nothing in it can be changed until an"
            " administrator of it says otherwise",
            name=path,
            is_readonly=True,
        )

    def headers(self) -> dict[str, str]:
        return {"Allow": "GET, HEAD"}


class PreconditionFailed(Denied):
    """``If-Match`` or ``If-None-Match`` does not hold (RFC 9110, 13.1)."""

    status = HTTPStatus.PRECONDITION_FAILED


class Unsupported(OCIError):
    code = "UNSUPPORTED"
    status = HTTPStatus.METHOD_NOT_ALLOWED
    message = "the operation is unsupported"


class QueryInvalid(Unsupported):
    """A query parameter is not of the form the spec gives it."""

    status = HTTPStatus.BAD_REQUEST


class RouteUnknown(Unsupported):
    """No endpoint of the spec has this path."""

    status = HTTPStatus.NOT_FOUND


class TooManyRequests(OCIError):
    code = "TOOMANYREQUESTS"
    status = HTTPStatus.TOO_MANY_REQUESTS
    message = "too many requests"

    def __init__(self, reason: str = "", *, retry_after_seconds: int) -> None:
        super().__init__(reason, retry_after_seconds=retry_after_seconds)
        self.retry_after_seconds = retry_after_seconds

    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.retry_after_seconds)}


class Unavailable(OCIError):
    """Something that the registry stands on does not answer. Nothing was promised; try again.

    The spec has no code for it.
    """

    code = "UNAVAILABLE"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    message = "the registry cannot do this now; try again shortly"
    retry_after_seconds: ClassVar[int] = 10

    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.retry_after_seconds)}


class StorageFull(OCIError):
    """The store has no room left; nothing was changed."""

    code = Unavailable.code
    status = HTTPStatus.INSUFFICIENT_STORAGE
    message = Unavailable.message
