"""The doors for programs."""

from django.urls import include, path

from registry.api.distribution.root import key_set

urlpatterns = [
    path("", include(("registry.api.distribution.urls", "distribution"))),
    path(".well-known/jwks.json", key_set, name="jwks"),
]
