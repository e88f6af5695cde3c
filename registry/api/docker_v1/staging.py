"""What a V1 push has told so far: images that no manifest names yet.

Each is kept like a browser's session, in the same table, for whoever pushes it into one
repository: under a key that only the registry can work out, until it ends by itself. The end of
a push takes nothing away: another of the same person may stand on the same images.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils.crypto import salted_hmac

from accounts.credentials.principals import Principal
from artifacts.oci.digest import Digest
from artifacts.oci.errors import ManifestInvalid
from registry.api.docker_v1.schema1.documents import MAX_LAYERS
from registry.repositories.models import Repository

LIFETIME = timedelta(hours=24)
_LARGEST_HISTORY = 4 * 1024 * 1024  # characters
_SALT = "registry.api.docker_v1.staging"


@dataclass(frozen=True, slots=True)
class StagedImage:
    """``said`` is its JSON as it came; ``layer`` the digest of its bytes, empty until they came."""

    id: str
    parent: str
    said: str
    layer: str = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """What one person or robot is pushing into one repository."""

    repository: Repository
    principal: Principal

    def tell(self, image: StagedImage, *, now: datetime) -> None:
        """What an image says. The layer stays while that is the same: another push of the image
        may be about to put a tag on it."""
        with transaction.atomic():
            if (told := self._locked(image.id, now)) and told.said == image.said:
                image = told
            self._keep(image, now)

    def tell_layer(self, image: StagedImage, layer: Digest, *, now: datetime) -> None:
        """The layer that came for an image. Raises ``ManifestInvalid`` when that says something
        else by now."""
        with transaction.atomic():
            told = self._locked(image.id, now)
            if told is None or told.said != image.said:
                raise ManifestInvalid(f"the image {image.id} was pushed anew meanwhile; push again")
            self._keep(replace(image, layer=str(layer)), now)

    def _locked(self, image_id: str, now: datetime) -> StagedImage | None:
        row = Session.objects.select_for_update().filter(session_key=self._key(image_id))
        for text in row.filter(expire_date__gt=now).values_list("session_data", flat=True):
            return StagedImage(**SessionStore().decode(text))
        return None

    def _keep(self, image: StagedImage, now: datetime) -> None:
        Session.objects.update_or_create(
            session_key=self._key(image.id),
            defaults={
                "session_data": SessionStore().encode(asdict(image)),
                "expire_date": now + LIFETIME,
            },
        )

    def get(self, image_id: str, *, now: datetime) -> StagedImage:
        """Raises ``ManifestInvalid`` when nothing was told about it."""
        alive = Session.objects.filter(session_key=self._key(image_id), expire_date__gt=now)
        for text in alive.values_list("session_data", flat=True):
            return StagedImage(**SessionStore().decode(text))
        raise ManifestInvalid(f"the image {image_id[:64]} has not been pushed")

    def schema1(self, image_id: str, *, tag: str, now: datetime) -> bytes:
        """The manifest of an image and all it stands on. Raises ``ManifestInvalid``."""
        images, size = [], 0
        for image in self._ancestry(image_id, now):
            images.append(image)
            size += len(image.said)
            if size > _LARGEST_HISTORY:
                raise ManifestInvalid(
                    "the image and what it stands on say more than a manifest holds"
                )
        newest: Any = json.loads(images[0].said)
        manifest = {
            "schemaVersion": 1,
            "name": self.repository.path,
            "tag": tag,
            "architecture": str(newest.get("architecture", "")),
            "fsLayers": [{"blobSum": image.layer} for image in images],
            "history": [{"v1Compatibility": image.said} for image in images],
        }
        return json.dumps(manifest, indent=3).encode()

    def _ancestry(self, image_id: str, now: datetime) -> Iterator[StagedImage]:
        for _ in range(MAX_LAYERS):
            image = self.get(image_id, now=now)
            if not image.layer:
                raise ManifestInvalid(f"the layer of the image {image_id} has not been pushed")
            yield image
            if not image.parent:
                return
            image_id = image.parent
        raise ManifestInvalid(f"an image may stand on at most {MAX_LAYERS - 1} others")

    def _key(self, image_id: str) -> str:
        text = f"{self.repository.id} {self.principal.key} {image_id}"
        return salted_hmac(_SALT, text, algorithm="sha256").hexdigest()[:40]


def forget_ended() -> None:
    """Delete the rows of pushes that were never brought to an end."""
    SessionStore.clear_expired()
