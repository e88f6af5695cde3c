"""The classic Helm repository. Both shapes end in a file's name, as no page of ours does: the
pages of an organization that is called ``helm`` end in a slash.
"""

from django.urls import re_path

from registry.api.helm.downloads import DownloadView
from registry.api.helm.index import IndexView

urlpatterns = [
    re_path(r"^helm/(?P<organization>[^/]+)/index\.yaml\Z", IndexView.as_view(), name="index"),
    re_path(
        r"^helm/(?P<organization>[^/]+)/charts/(?P<path>[\s\S]+)"
        r"/(?P<file_name>[A-Za-z0-9._+-]+\.tgz(?:\.prov)?)\Z",
        DownloadView.as_view(),
        name="download",
    ),
]
