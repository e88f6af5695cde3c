"""What of Quay's ``/api/v1/`` there is."""

from django.urls import re_path

from registry.api.management.messages import MessagesView, UnknownView
from registry.api.management.tags import ExpireView, RestoreView, TagsView, TagView

_REPOSITORY = r"^api/v1/repository/(?P<name>.+)/tag/"
_TAG = rf"{_REPOSITORY}(?P<tag>[^/]+)"

urlpatterns = [
    re_path(r"^api/v1/messages\Z", MessagesView.as_view(), name="messages"),
    re_path(rf"{_REPOSITORY}\Z", TagsView.as_view(), name="tags"),
    re_path(rf"{_TAG}\Z", TagView.as_view(), name="tag"),
    re_path(rf"{_TAG}/restore\Z", RestoreView.as_view(), name="restore"),
    re_path(rf"{_TAG}/expire\Z", ExpireView.as_view(), name="expire"),
    re_path(r"^api(?:/[\s\S]*)?\Z", UnknownView.as_view(), name="unknown"),
]
