"""Repositories: what they are, who may use them, how they are set."""

from django.urls import path

from ui.pending import pending

urlpatterns = [
    path("new/repository", pending, name="new_repository"),
    path("<repository:repository>", pending, name="repository"),
    path("<repository:repository>/-/access", pending, name="access"),
    path("<repository:repository>/-/settings", pending, name="repository_settings"),
]
