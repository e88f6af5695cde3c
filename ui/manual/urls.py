"""The manual."""

from django.urls import path

from ui.pending import pending

urlpatterns = [
    path("docs/", pending, name="manual"),
    path("docs/<slug:name>", pending, name="manual_page"),
]
