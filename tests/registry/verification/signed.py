"""Images that are signed, and what is attached to them, as cosign would push it."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from accounts.users.models import Namespace
from artifacts.kinds.kinds import BUNDLE_CONTENT, BUNDLE_PREDICATE, COSIGN_SIGN, EMPTY_CONFIG
from artifacts.oci.digest import Digest
from artifacts.oci.media_types import OCI_MANIFEST
from registry.inspection.tasks import inspect
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from registry.verification.models import PublicKey
from registry.verification.services import register_key
from tests.artifacts.signatures.signing import BUNDLE, Layer, Signer
from tests.registry.builders import CONFIG_TYPE, NOW, descriptor, hold, image, push

EMPTY = b"{}"


def push_image(repository: Repository, tag: str = "v1", *, name: str = "web") -> Manifest:
    """An image that differs from those of other names."""
    hold(repository, EMPTY)
    return push(repository, image(EMPTY, annotations={"name": name}), tag)


def attach_by_tag(
    repository: Repository,
    subject: str,
    *layers: Layer,
    suffix: str = "sig",
    now: datetime = NOW,
    **changed: Any,
) -> Manifest:
    """What cosign 2 pushes: a manifest of the layers under the tag ``sha256-<hex>.sig``."""
    body = _manifest(repository, layers, now, **changed)
    return _push(repository, body, f"{subject.replace(':', '-')}.{suffix}", now)


def attach_by_subject(
    repository: Repository, subject: str, *layers: Layer, now: datetime = NOW, **changed: Any
) -> Manifest:
    """What cosign 3 pushes: a manifest whose ``subject`` is the image."""
    about = {
        "mediaType": OCI_MANIFEST,
        "digest": subject,
        "size": 2,
    }
    body = _manifest(
        repository,
        layers,
        now,
        subject=about,
        **{"config": descriptor(EMPTY, EMPTY_CONFIG), "artifactType": BUNDLE, **changed},
    )
    return _push(repository, body, str(Digest.of(body)), now)


def as_signature() -> dict[str, Any]:
    """The annotations that say of a bundle that it is a signature."""
    return {"annotations": {BUNDLE_CONTENT: "dsse-envelope", BUNDLE_PREDICATE: COSIGN_SIGN}}


def trust(repository: Repository, signer: Signer, name: str = "release") -> PublicKey:
    namespace = Namespace.objects.get(pk=repository.namespace_id)
    return register_key(namespace=namespace, name=name, pem=signer.pem, now=NOW)


def _manifest(
    repository: Repository, layers: Sequence[Layer], now: datetime, **changed: Any
) -> bytes:
    hold(repository, EMPTY, *(layer.content for layer in layers), now=now)
    described = [
        {**descriptor(layer.content, layer.media_type), "annotations": layer.annotations}
        for layer in layers
    ]
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(EMPTY, CONFIG_TYPE),
        "layers": described,
        **changed,
    }
    return json.dumps(document).encode()


def _push(repository: Repository, body: bytes, reference: str, now: datetime) -> Manifest:
    pushed = push(repository, body, reference, now=now)
    inspect(manifest=pushed, now=now)
    return pushed
