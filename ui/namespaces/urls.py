"""Organizations, and what people have beside their repositories."""

from django.urls import path

from ui.pending import pending

urlpatterns = [
    path("new/organization", pending, name="new_organization"),
    path("<namespace:namespace>", pending, name="namespace"),
    path("<namespace:namespace>/-/teams", pending, name="teams"),
    path("<namespace:namespace>/-/robots", pending, name="robots"),
    path("<namespace:namespace>/-/default-permissions", pending, name="default_permissions"),
    path("<namespace:namespace>/-/settings", pending, name="namespace_settings"),
]
