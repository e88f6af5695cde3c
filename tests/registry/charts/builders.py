"""Charts in repositories."""

import json
from datetime import datetime

from artifacts.charts.chart import PROVENANCE_TYPE
from artifacts.kinds.kinds import HELM_CONFIG
from artifacts.oci.media_types import OCI_MANIFEST
from registry.inspection.tasks import inspect
from registry.manifests.models import Manifest
from registry.repositories.models import Repository
from tests.artifacts.charts.archives import archive
from tests.registry.builders import NOW, descriptor, hold, push

CONTENT_TYPE = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"


def chart_archive(
    name: str = "etherpad", version: str = "0.0.4", more: str = "", readme: str = ""
) -> bytes:
    """The archive of a chart. ``more`` goes to its Chart.yaml."""
    said = f"apiVersion: v2\nname: {name}\nversion: {version}\n{more}"
    files = {"Chart.yaml": said.encode(), "values.yaml": b"title: Welcome\n"}
    return archive({**files, **({"README.md": readme.encode()} if readme else {})}, folder=name)


def chart_config(name: str = "etherpad", version: str = "0.0.4") -> bytes:
    return json.dumps({"apiVersion": "v2", "name": name, "version": version}).encode()


def chart_manifest(
    content: bytes,
    config: bytes,
    provenance: bytes = b"",
    *,
    content_type: str = CONTENT_TYPE,
) -> bytes:
    layers = [descriptor(content, content_type)]
    if provenance:
        layers.append(descriptor(provenance, PROVENANCE_TYPE))
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(config, HELM_CONFIG),
        "layers": layers,
    }
    return json.dumps(document).encode()


def push_chart(
    repository: Repository,
    name: str = "etherpad",
    version: str = "0.0.4",
    *,
    tag: str = "",
    more: str = "",
    readme: str = "",
    provenance: bytes = b"",
    now: datetime = NOW,
) -> Manifest:
    """Push a chart under its version, or under ``tag``, and read it."""
    content, config = chart_archive(name, version, more, readme), chart_config(name, version)
    hold(repository, content, config, *([provenance] if provenance else []), now=now)
    body = chart_manifest(content, config, provenance)
    manifest = push(repository, body, tag or version.replace("+", "_"), now=now)
    inspect(manifest=manifest, now=now)
    return manifest
