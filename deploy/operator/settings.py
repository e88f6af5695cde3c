"""What the operator itself is told, by its environment: once for all registries of a cluster."""

from collections.abc import Mapping
from dataclasses import dataclass

# As compose.stores.yaml has them.
POSTGRES_IMAGE = "postgres:17"
REDIS_IMAGE = "redis:7"
S3_IMAGE = "versity/versitygw:v1.8.0"


@dataclass(frozen=True, slots=True)
class Settings:
    image: str
    version: str  # of Berth, as status.currentVersion tells it
    postgres_image: str = POSTGRES_IMAGE
    redis_image: str = REDIS_IMAGE
    s3_image: str = S3_IMAGE
    pull_secrets: tuple[str, ...] = ()
    domain: str = ""  # below which registries without a hostname are found
    ingress_class: str = ""  # empty: the cluster's default
    trusted_proxies: tuple[str, ...] = ()  # networks of the ingress controller
    client_namespaces: tuple[str, ...] = ()  # from which pods may ask; empty: everybody may
    namespaces: tuple[str, ...] = ()  # empty: all

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Settings":
        """
        Raises:
            ValueError: with one sentence.
        """
        image = environ.get("BERTH_IMAGE", "").strip()
        if not image:
            raise ValueError("BERTH_IMAGE is not set: it names the image that registries run.")
        tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
        return cls(
            image=image,
            version=environ.get("BERTH_VERSION", "").strip() or tag or "unknown",
            postgres_image=environ.get("POSTGRES_IMAGE") or POSTGRES_IMAGE,
            redis_image=environ.get("REDIS_IMAGE") or REDIS_IMAGE,
            s3_image=environ.get("S3_IMAGE") or S3_IMAGE,
            pull_secrets=_words(environ.get("IMAGE_PULL_SECRETS", "")),
            domain=environ.get("INGRESS_DOMAIN", "").strip().strip(".").lower(),
            ingress_class=environ.get("INGRESS_CLASS", "").strip(),
            trusted_proxies=_words(environ.get("TRUSTED_PROXIES", "")),
            client_namespaces=_words(environ.get("CLIENT_NAMESPACES", "")),
            namespaces=_words(environ.get("WATCH_NAMESPACES", "")),
        )


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
