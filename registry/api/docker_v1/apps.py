"""Docker's first protocol and its first manifests: all that the rest of Berth knows of them.

Nothing imports this package. It is in use where ``INSTALLED_APPS`` names it.
"""

from django.apps import AppConfig


class DockerV1Config(AppConfig):
    name = "registry.api.docker_v1"
    label = "docker_v1"

    def ready(self) -> None:
        from artifacts.oci.documents import OTHER_SCHEMAS
        from registry.api.distribution.conversions import CONVERSIONS
        from registry.api.docker_v1.base import refusal
        from registry.api.docker_v1.conversion import CONVERSION
        from registry.api.docker_v1.schema1.documents import SCHEMA
        from registry.api.doors import DOORS, Door

        OTHER_SCHEMAS.append(SCHEMA)
        CONVERSIONS.append(CONVERSION)
        DOORS["v1"] = Door("registry.api.docker_v1.urls", "docker_v1", refusal)
