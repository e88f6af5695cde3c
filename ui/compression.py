"""Pages go out compressed: the same icons stand in every row of a list."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.gzip import GZipMiddleware


class PageCompression(GZipMiddleware):
    """Django's, for whole pages only: what is streamed is compressed already, or has a length.

    The token in forms is masked anew in each answer, and a random length is added, so that the
    size of an answer tells nothing about it.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if not isinstance(response, HttpResponse) or not _is_text(response):
            return response
        compressed: HttpResponseBase = super().process_response(request, response)
        return compressed


def _is_text(response: HttpResponse) -> bool:
    return response.headers.get("Content-Type", "").startswith("text/html")
