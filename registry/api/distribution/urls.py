"""Every route of the OCI protocol, in the order of the spec's endpoint table.

A repository name holds slashes, so it takes as much of the path as it can; what
follows it has none. Any character counts, so that a newline in a hostile name reaches
the grammar; the flag for that would keep Django from making addresses of pages.
"""

from django.urls import re_path

from registry.api.distribution.auth import TokenView
from registry.api.distribution.blobs import BlobView, UploadsView, UploadView
from registry.api.distribution.lists import CatalogView, ReferrersView, TagsView
from registry.api.distribution.manifests import ManifestView
from registry.api.distribution.root import RootView, UnknownView

urlpatterns = [
    re_path(r"^v2/?\Z", RootView.as_view(), name="root"),
    re_path(r"^v2/auth\Z", TokenView.as_view(), name="token"),
    re_path(r"^v2/_catalog\Z", CatalogView.as_view(), name="catalog"),
    re_path(r"^v2/(?P<name>[\s\S]+)/blobs/uploads/?\Z", UploadsView.as_view(), name="uploads"),
    re_path(
        r"^v2/(?P<name>[\s\S]+)/blobs/uploads/(?P<session_id>[^/]+)\Z",
        UploadView.as_view(),
        name="upload",
    ),
    re_path(r"^v2/(?P<name>[\s\S]+)/blobs/(?P<digest>[^/]+)\Z", BlobView.as_view(), name="blob"),
    re_path(
        r"^v2/(?P<name>[\s\S]+)/manifests/(?P<reference>[^/]+)\Z",
        ManifestView.as_view(),
        name="manifest",
    ),
    re_path(r"^v2/(?P<name>[\s\S]+)/tags/list\Z", TagsView.as_view(), name="tags"),
    re_path(
        r"^v2/(?P<name>[\s\S]+)/referrers/(?P<digest>[^/]+)\Z",
        ReferrersView.as_view(),
        name="referrers",
    ),
    re_path(r"^v2/[\s\S]*\Z", UnknownView.as_view(), name="unknown"),
]
