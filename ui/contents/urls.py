"""What one tag or digest holds."""

from django.urls import path

from ui.contents.attachments import ReferrersPage
from ui.contents.downloads import BlobDownload, ChartFileDownload, KeyDownload, ManifestDownload
from ui.contents.files import LayerPage
from ui.contents.pages import ManifestPage, TagPage

_MANIFEST = "<repository:repository>/-/manifests/<digest:digest>"

urlpatterns = [
    path("<repository:repository>/-/tags/<tag:tag>", TagPage.as_view(), name="tag"),
    path(_MANIFEST, ManifestPage.as_view(), name="manifest"),
    path(f"{_MANIFEST}/raw", ManifestDownload.as_view(), name="manifest_raw"),
    path(f"{_MANIFEST}/referrers", ReferrersPage.as_view(), name="referrers"),
    path(f"{_MANIFEST}/blobs/<digest:blob>", BlobDownload.as_view(), name="blob"),
    path(f"{_MANIFEST}/layers/<digest:blob>", LayerPage.as_view(), name="layer"),
    path(f"{_MANIFEST}/chart/<str:file>", ChartFileDownload.as_view(), name="chart_file"),
    path(
        "<repository:repository>/-/keys/<slug:fingerprint>",
        KeyDownload.as_view(),
        name="public_key",
    ),
]
