"""A person's own account."""

from django.urls import path

from ui.pending import pending

urlpatterns = [
    path("settings", pending, name="settings"),
    path("settings/tokens", pending, name="tokens"),
    path("setup", pending, name="setup"),
]
