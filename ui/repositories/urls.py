"""Repositories: what they are, who may use them, how they are set."""

from django.urls import path

from ui.repositories.access import AccessPage, GrantPage
from ui.repositories.deleted import DeletedRepositoriesPage, DeletedRepositoryPage
from ui.repositories.deletion import DeletePage
from ui.repositories.description import DescriptionPage
from ui.repositories.new import NewRepositoryPage
from ui.repositories.overview import OverviewPage
from ui.repositories.settings import SettingsPage, VisibilityPage

_PLACE = "<repository:repository>/-"
_DELETED = "<namespace:namespace>/-/deleted"

urlpatterns = [
    path("new/repository", NewRepositoryPage.as_view(), name="new_repository"),
    path("<repository:repository>", OverviewPage.as_view(), name="repository"),
    path(f"{_PLACE}/description", DescriptionPage.as_view(), name="description"),
    path(f"{_PLACE}/access", AccessPage.as_view(), name="access"),
    path(f"{_PLACE}/access/<int:grant>", GrantPage.as_view(), name="grant"),
    path(f"{_PLACE}/settings", SettingsPage.as_view(), name="repository_settings"),
    path(f"{_PLACE}/visibility", VisibilityPage.as_view(), name="visibility"),
    path(f"{_PLACE}/delete", DeletePage.as_view(), name="delete_repository"),
    path(_DELETED, DeletedRepositoriesPage.as_view(), name="deleted_repositories"),
    path(f"{_DELETED}/<int:deleted>", DeletedRepositoryPage.as_view(), name="deleted_repository"),
]
