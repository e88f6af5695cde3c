"""Stands where a page will be."""

from django.http import Http404, HttpRequest, HttpResponse


def pending(request: HttpRequest, **kwargs: str) -> HttpResponse:
    raise Http404
