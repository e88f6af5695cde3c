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
from artifacts.oci.errors import ManifestInvalid, ManifestUnknown
from registry.api.docker_v1.ids import read_id
from registry.api.docker_v1.images import history_of, schema1_in
from registry.api.docker_v1.schema1.documents import MAX_LAYERS
from registry.manifests.models import Manifest
from registry.repositories.models import Repository

LIFETIME = timedelta(hours=24)
_LARGEST_HISTORY = 4 * 1024 * 1024  # characters
_SALT = "registry.api.docker_v1.staging"


class NotPushed(ManifestInvalid):
    """Nothing was told about an image that is pushed, or stood on."""

    def __init__(self, image_id: str) -> None:
        super().__init__(f"the image {image_id[:64]} has not been pushed")


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
            if (staged := self._locked(image.id, now)) and staged.said == image.said:
                image = staged
            self._keep(image, now)

    def tell_layer(self, image: StagedImage, layer: Digest, *, now: datetime) -> None:
        """The layer that came for an image. Raises ``ManifestInvalid`` when that says something
        else by now."""
        with transaction.atomic():
            staged = self._locked(image.id, now)
            if staged is None or staged.said != image.said:
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
        """Raises ``NotPushed`` when nothing was told about it."""
        alive = Session.objects.filter(session_key=self._key(image_id), expire_date__gt=now)
        for text in alive.values_list("session_data", flat=True):
            return StagedImage(**SessionStore().decode(text))
        raise NotPushed(image_id)

    def check_parent(self, image_id: str, *, now: datetime) -> None:
        """Raises ``ManifestInvalid`` when nothing can stand on it."""
        try:
            self.get(image_id, now=now)
        except NotPushed:
            self._stored(image_id, now)

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
        for count in range(MAX_LAYERS):
            try:
                image = self.get(image_id, now=now)
            except NotPushed:
                yield from self._stored(image_id, now)[: MAX_LAYERS - count]
                return
            if not image.layer:
                raise ManifestInvalid(f"the layer of the image {image_id} has not been pushed")
            yield image
            if not image.parent:
                return
            image_id = image.parent
        raise ManifestInvalid(f"an image may stand on at most {MAX_LAYERS - 1} others")

    def _stored(self, image_id: str, now: datetime) -> list[StagedImage]:
        """An image of this repository and all it stands on, newest first: clients that pulled it
        from here ask whether it is here, and push only what they made on it.

        Raises ``ManifestInvalid``.
        """
        try:
            image = read_id(image_id)
            digests = Manifest.objects.present().filter(
                pk=image.manifest_id, repository=self.repository
            )
            digest = digests.values_list("digest", flat=True).first()
            if digest is None:
                raise NotPushed(image_id)
            schema1 = schema1_in(self.repository, digest, now=now)
        except ManifestUnknown as error:
            raise NotPushed(image_id) from error
        history = history_of(schema1, image)
        if not history:
            raise NotPushed(image_id)
        layers = map(str, schema1.layers[image.layer :])
        return [
            StagedImage(document["id"], document.get("parent", ""), json.dumps(document), layer)
            for document, layer in zip(history, layers, strict=True)
        ]

    def _key(self, image_id: str) -> str:
        text = f"{self.repository.id} {self.principal.key} {image_id}"
        return salted_hmac(_SALT, text, algorithm="sha256").hexdigest()[:40]


def forget_ended() -> None:
    """Delete the rows of pushes that were never brought to an end."""
    SessionStore.clear_expired()
