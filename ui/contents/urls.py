"""What one tag or digest holds."""

from django.urls import path

from ui.pending import pending

urlpatterns = [
    path("<repository:repository>/-/tags/<tag:tag>", pending, name="tag"),
    path("<repository:repository>/-/manifests/<digest:digest>", pending, name="manifest"),
]
