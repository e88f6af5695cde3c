"""The doors for programs."""

from django.urls import include, path

from registry.api.distribution.root import key_set
from registry.api.doors import DOORS

urlpatterns = [
    *(path("", include((door.urls, door.name))) for door in DOORS.values()),
    path("", include(("registry.api.health", "health"))),
    path("", include("registry.api.metrics")),
    path(".well-known/jwks.json", key_set, name="jwks"),
]
