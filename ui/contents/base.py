"""What the pages of one manifest share."""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase

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
from registry.manifests.models import Manifest
from registry.manifests.reachability import Superseded
from registry.manifests.reads import resolve_manifest
from registry.storage.base import StorageUnavailable
from ui import errors
from ui.pages import RepositoryPage, reason_of


class ManifestBase(RepositoryPage):
    """A page about one manifest, which ``manifest`` finds by its digest."""

    tab = "tags"
    superseded: Superseded | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return super().dispatch(request, *args, **kwargs)
        except (ManifestUnknown, BlobUnknown) as error:
            return self.gone(error.reason)
        except TooManyRequests as error:
            return with_headers(errors.too_many_requests(request, reason_of(error)), error)
        except StorageUnavailable as error:
            return with_headers(errors.unavailable(request), error)

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
        found = resolve_manifest(
            repository=self.repository,
            reference=Reference(digest=digest),
            with_body=False,
            now=self.now,
        )
        self.superseded = found.superseded
        return Manifest.objects.get(pk=found.id)


def document_in(manifest: Manifest) -> ManifestDocument | None:
    """What a stored manifest says, where a page can take it apart.

    ``None`` when it was stored under older, laxer rules, or is made of too many parts.
    """
    body = bytes(manifest.body)
    if values_in(body) > MAX_SHOWN_VALUES:
        return None
    try:
        return ManifestDocument.parse(body, manifest.media_type)
    except ManifestInvalid:
        return None


def with_headers(
    response: HttpResponse, error: TooManyRequests | StorageUnavailable
) -> HttpResponse:
    for name, value in error.headers().items():
        response.headers[name] = value
    return response
