"""The tags of a repository."""

from django.urls import path

from ui.pending import pending

urlpatterns = [
    path("<repository:repository>/-/tags", pending, name="tags"),
    path("<repository:repository>/-/history", pending, name="history"),
    path("<repository:repository>/-/signatures", pending, name="signatures"),
    path("<repository:repository>/-/compare", pending, name="compare"),
]
