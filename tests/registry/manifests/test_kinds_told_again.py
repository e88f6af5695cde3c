"""Manifests from before their kinds were told from all of their types."""

import json
from importlib import import_module

import pytest
from django.apps import apps

from artifacts.kinds.kinds import OCI_CONFIG, Kind
from artifacts.oci.media_types import OCI_MANIFEST
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from tests.registry.builders import descriptor, hold, image, make_repository, push

pytestmark = pytest.mark.django_db


def test_what_was_called_an_image_is_called_what_it_is() -> None:
    repository = make_repository("acme/models")
    hold(repository, b"{}", b"weights")
    body = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(b"{}", OCI_CONFIG),
        "layers": [descriptor(b"weights", "application/vnd.ollama.image.model")],
    }
    push(repository, json.dumps(body).encode(), "v1")
    plain = make_repository("acme/plain")
    hold(plain, b"{}", b"layer")
    push(plain, image(b"{}", b"layer"), "v1")
    Manifest.objects.update(kind=Kind.IMAGE)
    Repository.objects.update(kind=Kind.IMAGE)

    name = "registry.manifests.migrations.0006_kinds_told_again"
    import_module(name).tell_kinds_again(apps, None)

    assert list(Manifest.objects.order_by("pk").values_list("kind", flat=True)) == [
        Kind.MODEL,
        Kind.IMAGE,
    ]
    assert Repository.objects.get(pk=repository.pk).kind == Kind.MODEL
    assert Repository.objects.get(pk=plain.pk).kind == Kind.IMAGE
