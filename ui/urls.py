"""Every page. Those with fixed names come first: no organization can be called like them."""

from importlib import import_module

from django.urls import URLPattern, path

from ui.paths import register_all, without_slash

ROOMS = (
    "start",
    "accounts",
    "manual",
    "administration",
    "contents",
    "tags",
    "activity",
    "rules",
    "namespaces",
    "repositories",
)

app_name = "ui"
register_all()


def _routes() -> list[URLPattern]:
    return [route for room in ROOMS for route in import_module(f"ui.{room}.urls").urlpatterns]


urlpatterns = [
    *_routes(),
    path("<repository:place>/", without_slash),
    path("<namespace:place>/", without_slash),
]
