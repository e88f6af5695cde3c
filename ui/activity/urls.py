"""Who did what, and how much was pulled."""

from django.urls import path

from ui.activity.pages import (
    NamespaceActivity,
    NamespaceExport,
    RepositoryActivity,
    RepositoryExport,
)

urlpatterns = [
    path(
        "<repository:repository>/-/activity",
        RepositoryActivity.as_view(),
        name="repository_activity",
    ),
    path(
        "<repository:repository>/-/activity.<slug:form>",
        RepositoryExport.as_view(),
        name="repository_activity_export",
    ),
    path(
        "<namespace:namespace>/-/activity",
        NamespaceActivity.as_view(),
        name="namespace_activity",
    ),
    path(
        "<namespace:namespace>/-/activity.<slug:form>",
        NamespaceExport.as_view(),
        name="namespace_activity_export",
    ),
]
