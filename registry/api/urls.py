"""The doors for programs."""

from django.urls import include, path

from registry.api.distribution.root import key_set

urlpatterns = [
    path("", include(("registry.api.distribution.urls", "distribution"))),
    path("", include(("registry.api.docker_v1.urls", "docker_v1"))),
    path("", include(("registry.api.helm.urls", "helm"))),
    path("", include(("registry.api.management.urls", "management"))),
    path(".well-known/jwks.json", key_set, name="jwks"),
]
