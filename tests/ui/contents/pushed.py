"""Content of every kind, pushed, and its pages as text."""

import json
from collections.abc import Mapping
from html import unescape
from typing import Any

from django.test import Client

from artifacts.kinds.kinds import EMPTY_CONFIG
from artifacts.oci.digest import Digest
from artifacts.oci.media_types import OCI_MANIFEST
from registry.inspection.tasks import inspect
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from tests.artifacts.charts.archives import archive
from tests.registry.builders import CONFIG_TYPE, descriptor, hold, push
from tests.registry.charts.builders import chart_config, chart_manifest

HOST = {"host": "testserver"}
LAYER = "application/vnd.oci.image.layer.v1.tar"
CHART_YAML = """\
apiVersion: v2
name: etherpad
version: 0.0.4
appVersion: "1.9.7"
description: Collaborative editing
home: https://etherpad.org
kubeVersion: ">= 1.25"
sources: [https://github.com/ether, "javascript:alert(1)"]
keywords: [editor]
maintainers:
  - {name: sabre, url: "https://github.com/sabre"}
dependencies:
  - {name: common, version: ^2.0.0, repository: "https://charts.example.com"}
annotations:
  artifacthub.io/license: Apache-2.0
"""


def page(path: str, client: Client | None = None, **query: str) -> str:
    """The text of a page, entities resolved; it must be there."""
    response = (client or Client()).get(path, query, headers=HOST)
    assert response.status_code == 200, response.content.decode()[:2000]
    return unescape(response.content.decode())


def tag_url(repository: Repository, tag: str) -> str:
    return f"/{repository.path}/-/tags/{tag}"


def url_of(manifest: Manifest) -> str:
    return f"/{manifest.repository.path}/-/manifests/{manifest.digest}"


def push_artifact(
    repository: Repository,
    *layers: tuple[bytes, str, Mapping[str, str]],
    reference: str = "",
    config: tuple[bytes, str] = (b"{}", EMPTY_CONFIG),
    **changed: Any,
) -> Manifest:
    """A manifest of these layers: content, type, annotations. Without a tag unless one is given."""
    hold(repository, *dict.fromkeys((config[0], *(content for content, _, _ in layers))))
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(*config),
        "layers": [{**descriptor(c, kind), "annotations": notes} for c, kind, notes in layers],
        **changed,
    }
    body = json.dumps(document).encode()
    manifest = push(repository, body, reference or str(Digest.of(body)))
    inspect(manifest=manifest, now=manifest.pushed_at)
    return manifest


def about(subject: Manifest) -> dict[str, Any]:
    """The ``subject`` of what is attached to a manifest."""
    return {"mediaType": OCI_MANIFEST, "digest": subject.digest, "size": subject.size}


def push_image(
    repository: Repository, *layers: bytes, reference: str = "v1", config: Any = None, **more: Any
) -> Manifest:
    return push_artifact(
        repository,
        *((layer, LAYER, {}) for layer in layers),
        reference=reference,
        config=(json.dumps(config if config is not None else {}).encode(), CONFIG_TYPE),
        **more,
    )


def push_full_chart(
    repository: Repository, files: Mapping[str, bytes | None] | None = None, *, tag: str = "0.0.4"
) -> Manifest:
    """A chart with everything that a page shows; ``files`` take the place of its own, or away."""
    own = {
        "Chart.yaml": CHART_YAML.encode(),
        "values.yaml": b"replicas: 1\nhost: pad.example.com\n",
        "values.schema.json": b'{"type": "object"}',
        "README.md": b"# Etherpad\n\nA **real-time** editor.\n",
        "templates/configmap.yaml": b"x",
    }
    every = {**own, **(files or {})}
    content = archive({path: text for path, text in every.items() if text is not None})
    config = chart_config()
    hold(repository, content, config, b"signed")
    manifest = push(repository, chart_manifest(content, config, b"signed"), tag)
    inspect(manifest=manifest, now=manifest.pushed_at)
    return manifest
