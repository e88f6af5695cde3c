"""Every route of the service."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from config.administration.pages import settings_pages
from ui.accounts.doors import account_doors, admin_doors
from ui.urls import urlpatterns as pages

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("registry.api.urls")),
    path("admin/", include(admin_doors)),
    path("admin/", admin.site.urls),
    path("account/", include(account_doors)),
    path("account/", include("allauth.urls")),
    path("", include(([*settings_pages, *pages], "ui"))),
]

handler400 = "config.failures.bad_request"
handler403 = "config.failures.forbidden"
handler404 = "config.failures.not_found"
handler429 = "ui.errors.too_many_requests"
handler500 = "config.failures.server_error"
