"""Every route of Docker's first registry protocol."""

from django.urls import re_path

from registry.api.docker_v1.images import AncestryView
from registry.api.docker_v1.pushes import (
    ChecksumView,
    PushedImagesView,
    PushedJsonView,
    PushedLayerView,
    PushedTagView,
    RepositoryView,
)
from registry.api.docker_v1.repositories import SearchView, TagsView
from registry.api.docker_v1.root import PingView, UnknownView, UsersView

urlpatterns = [
    re_path(r"^v1/_ping/?\Z", PingView.as_view(), name="ping"),
    re_path(r"^v1/users/?\Z", UsersView.as_view(), name="users"),
    re_path(r"^v1/search/?\Z", SearchView.as_view(), name="search"),
    re_path(
        r"^v1/repositories/(?P<name>[\s\S]+)/images/?\Z", PushedImagesView.as_view(), name="images"
    ),
    re_path(r"^v1/repositories/(?P<name>[\s\S]+)/tags/?\Z", TagsView.as_view(), name="tags"),
    re_path(
        r"^v1/repositories/(?P<name>[\s\S]+)/tags/(?P<tag>[^/]+)\Z",
        PushedTagView.as_view(),
        name="tag",
    ),
    re_path(r"^v1/images/(?P<image_id>[^/]+)/json\Z", PushedJsonView.as_view(), name="json"),
    re_path(r"^v1/images/(?P<image_id>[^/]+)/ancestry\Z", AncestryView.as_view(), name="ancestry"),
    re_path(r"^v1/images/(?P<image_id>[^/]+)/layer\Z", PushedLayerView.as_view(), name="layer"),
    re_path(r"^v1/images/(?P<image_id>[^/]+)/checksum\Z", ChecksumView.as_view(), name="checksum"),
    re_path(
        r"^v1/repositories/(?P<name>[^/]+(?:/[^/]+)?)/?\Z",
        RepositoryView.as_view(),
        name="repository",
    ),
    re_path(r"^v1/[\s\S]*\Z", UnknownView.as_view(), name="unknown"),
]
