"""Addresses of pages: ``/NAMESPACE`` and ``/NAMESPACE/NAME`` as clients write them, and whatever
belongs to them below ``/-/``.

No component of a repository's name can be ``-``, so names of any depth and the pages below them
never meet.
"""

from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponsePermanentRedirect,
    HttpResponseRedirect,
)
from django.urls import register_converter, reverse

from artifacts.oci.digest import Digest
from artifacts.oci.errors import DigestInvalid
from artifacts.oci.names import is_name, is_tag


class _Text:
    regex = ""

    def to_python(self, value: str) -> str:
        if not self.holds(value):
            raise ValueError(value)
        return value

    def to_url(self, value: str) -> str:
        return str(value)

    def holds(self, value: str) -> bool:
        raise NotImplementedError


class NamespaceConverter(_Text):
    regex = r"[a-z0-9._-]+"

    def holds(self, value: str) -> bool:
        return is_name(value)


class RepositoryConverter(_Text):
    """A repository's path: its namespace, and a name of one component or more."""

    regex = r"[a-z0-9._/-]+"

    def holds(self, value: str) -> bool:
        return "/" in value and is_name(value)


class TagConverter(_Text):
    regex = r"[A-Za-z0-9_.-]+"

    def holds(self, value: str) -> bool:
        return is_tag(value)


class DigestConverter(_Text):
    regex = r"[a-z0-9+._-]+:[A-Za-z0-9=_-]+"

    def holds(self, value: str) -> bool:
        try:
            return str(Digest.parse(value)) == value
        except DigestInvalid:
            return False


def register_all() -> None:
    register_converter(NamespaceConverter, "namespace")
    register_converter(RepositoryConverter, "repository")
    register_converter(TagConverter, "tag")
    register_converter(DigestConverter, "digest")


def as_written(request: HttpRequest, page: str, **place: str) -> HttpResponse:
    """What people type: ``/NAMESPACE/NAME:TAG`` as clients write it, ``/docs``, ``/login``."""
    if page == "manifest":
        place.pop("tag", None)  # the digest counts
    name = page if page == "account_login" else f"ui:{page}"
    return HttpResponseRedirect(reverse(name, kwargs=place))


def without_slash(request: HttpRequest, place: str) -> HttpResponse:
    """Addresses of namespaces and repositories do not end in a slash; many people type one."""
    return HttpResponsePermanentRedirect(f"/{place}")
