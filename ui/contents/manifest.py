"""What the pages of one manifest share: finding it, and reading what it holds."""

import logging
from datetime import datetime
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from artifacts.oci.descriptors import Descriptor
from artifacts.oci.digest import Digest
from artifacts.oci.documents import ManifestDocument
from artifacts.oci.errors import (
    BlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    TooManyRequests,
)
from artifacts.oci.names import Reference
from artifacts.oci.strict_json import MAX_SHOWN_VALUES, values_in
from registry.blobs.services import find_blob, read_blob
from registry.manifests.models import Manifest
from registry.manifests.reads import resolve_manifest
from registry.manifests.standing import Superseded
from registry.repositories.models import Repository
from registry.storage.base import StorageUnavailable
from ui import errors
from ui.display.costly import SMALL_BYTES, place_for
from ui.pages import RepositoryPage, reason_of

logger = logging.getLogger(__name__)


class ReadingPage(RepositoryPage):
    """A page that reads blobs, which may fail as any reading of them does."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return super().dispatch(request, *args, **kwargs)
        except TooManyRequests as error:
            return with_headers(errors.too_many_requests(request, reason_of(error)), error)
        except StorageUnavailable as error:
            return with_headers(errors.unavailable(request), error)


class ManifestBase(ReadingPage):
    """A page about one manifest, which ``manifest`` finds by its digest."""

    tab = "tags"
    superseded: Superseded | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return super().dispatch(request, *args, **kwargs)
        except (ManifestUnknown, BlobUnknown) as error:
            return self.gone(error.reason)

    def gone(self, reason: str, *, tag: str = "") -> HttpResponse:
        """What was here is not: say why, and where to look."""
        return self.render(
            "ui/contents/gone.html",
            status=HTTPStatus.NOT_FOUND,
            reason=self._sentence(reason),
            missing_tag=tag,
            crumb=tag or "not here",
        )

    def _sentence(self, reason: str) -> str:
        """With a capital letter, unless it begins with a name, which has none."""
        if not reason.startswith(self.repository.path):
            reason = reason[:1].upper() + reason[1:]
        return f"{reason.rstrip('.')}."

    def manifest(self) -> Manifest:
        """Raises ``ManifestUnknown``, with the reason."""
        digest = Digest.parse(self.kwargs["digest"])
        resolved = resolve_manifest(
            repository=self.repository,
            reference=Reference(digest=digest),
            with_body=False,
            now=self.now,
        )
        self.superseded = resolved.superseded
        return Manifest.objects.get(pk=resolved.id)


def document_in(manifest: Manifest) -> ManifestDocument | None:
    """What a stored manifest says, where a page can take it apart.

    ``None`` when it was stored under older, laxer rules, or is made of too many parts.
    Raises ``Busy``.
    """
    body = bytes(manifest.body)
    with place_for(len(body), SMALL_BYTES):
        if values_in(body) > MAX_SHOWN_VALUES:
            return None
        try:
            return manifest.document
        except ManifestInvalid:
            return None


def with_headers(
    response: HttpResponse, error: TooManyRequests | StorageUnavailable
) -> HttpResponse:
    for name, value in error.headers().items():
        response.headers[name] = value
    return response


class Unreadable(Exception):
    """The content cannot be shown; the message says why, in a few words."""


def read_whole(
    repository: Repository, descriptor: Descriptor, *, limit_bytes: int, now: datetime
) -> bytes:
    """The content of a blob. Raises ``Unreadable``, among others when it is larger."""
    try:
        blob = find_blob(repository=repository, digest=descriptor.digest, now=now)
        if blob.size > limit_bytes:
            raise Unreadable(f"it is larger than {limit_bytes // 1024:,} KiB")
        return b"".join(read_blob(blob=blob, start=0, length=blob.size, now=now))
    except BlobUnknown as error:
        raise Unreadable("its bytes are not here") from error
    except StorageUnavailable as error:
        logger.warning("cannot read %s for a page", descriptor.digest, exc_info=True)
        raise Unreadable("the storage does not answer at the moment") from error
