"""What the repositories of the showcase hold: an image, a chart, an SBOM, made to look real."""

import gzip
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tests.artifacts.charts.archives import archive
from tests.clients.content import digest, tar

CHART_VERSIONS = ("0.0.3", "0.0.4", "0.1.0-rc.1", "0.1.0")
DESCRIPTION = """\
# Etherpad

A **collaborative editor** for notes and meetings, as a chart.

- Works with PostgreSQL or a volume of its own
- See [the project](https://etherpad.example.org) for more

| value | default |
|---|---|
| `replicas` | `1` |
"""
README = """\
# Etherpad

Etherpad is a real-time editor for documents that many people write at once.

## Install

```console
$ helm install pad oci://registry.example.com/acme/etherpad
```

## Values

| Key | Type | Default | Description |
|-----|------|---------|-------------|
| `title` | string | `Welcome` | What the first page is called |
| `persistence.size` | string | `1Gi` | How much is kept |

> Back up the volume before an upgrade.
"""
VALUES = """\
# What the first page is called.
title: Welcome
replicas: 1
image:
  repository: registry.example.com/acme/web
  tag: v1.4.2
  pullPolicy: IfNotPresent
persistence:
  enabled: true
  size: 1Gi
ingress:
  enabled: false
  hosts:
    - host: pad.example.com
resources: {}
"""
SCHEMA = json.dumps(
    {
        "$schema": "https://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {"title": {"type": "string"}, "replicas": {"type": "integer"}},
    },
    indent=2,
)


def chart(version: str) -> bytes:
    """The archive of one version of the etherpad chart."""
    said = f"""\
apiVersion: v2
name: etherpad
version: {version}
appVersion: "2.2.7"
description: A collaborative editor for notes and meetings
type: application
kubeVersion: ">=1.27.0-0"
home: https://etherpad.example.org
icon: https://etherpad.example.org/icon.svg
keywords: [editor, collaboration]
sources: [https://git.example.org/charts/etherpad]
maintainers:
  - name: Alice
    email: alice@example.com
dependencies:
  - name: postgresql
    version: ~15.5.0
    repository: oci://registry.example.com/library
    condition: postgresql.enabled
annotations:
  artifacthub.io/license: Apache-2.0
  artifacthub.io/category: integration-delivery
"""
    return archive(
        {
            "Chart.yaml": said.encode(),
            "README.md": README.encode(),
            "values.yaml": VALUES.encode(),
            "values.schema.json": SCHEMA.encode(),
            "templates/deployment.yaml": b"kind: Deployment\n",
            "templates/service.yaml": b"kind: Service\n",
            "templates/NOTES.txt": b"Ready.\n",
        }
    )


def layer(*, seed: str, files: int = 4, more: Mapping[str, bytes] | None = None) -> bytes:
    """A layer of small files that no other seed has, and ``more``."""
    content = {
        f"srv/web/{seed}-{number}.txt": f"{seed} {number}\n".encode() * 40
        for number in range(files)
    }
    return gzip.compress(tar({**content, **(more or {})}), mtime=0)


def base() -> bytes:
    """What an image is built on."""
    more = {
        "etc/motd": b"Welcome.\n",
        "etc/web/web.yaml": VALUES.encode(),
        "usr/bin/web": b"\x7fELF" + bytes(40_000),
        "usr/lib/libweb.so": bytes(150_000),
        "usr/share/doc/web/copyright": b"Free.\n" * 300,
    }
    return layer(seed="base", files=40, more=more)


def upper(seed: str) -> bytes:
    """What a build put on top: it changes and removes files of the base too."""
    more = {
        "etc/web/web.yaml": VALUES.replace("1", "2").encode(),
        "srv/web/.wh.base-1.txt": b"",
        "usr/bin/web": b"\x7fELF" + bytes(55_000),
    }
    return layer(seed=seed, more=more)


def image_config(
    *layers: bytes, architecture: str, version: str, created: datetime, labels: Mapping[str, str]
) -> bytes:
    """The config of an image that was built in four steps."""
    at = created.isoformat()
    steps: list[dict[str, Any]] = [
        {"created": at, "created_by": "/bin/sh -c #(nop) ADD file:rootfs.tar in / "},
        {"created": at, "created_by": f"ENV VERSION={version}", "empty_layer": True},
        {
            "created": at,
            "created_by": "COPY web /srv/web # buildkit",
            "comment": "buildkit.dockerfile.v0",
        },
        {"created": at, "created_by": 'ENTRYPOINT ["/srv/web/server"]', "empty_layer": True},
    ]
    document = {
        "architecture": architecture,
        "os": "linux",
        "created": at,
        "author": "Alice <alice@example.com>",
        "config": {
            "User": "web",
            "ExposedPorts": {"8080/tcp": {}},
            "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", f"VERSION={version}"],
            "Entrypoint": ["/srv/web/server"],
            "Cmd": ["--listen", ":8080"],
            "WorkingDir": "/srv/web",
            "Labels": dict(labels),
        },
        "rootfs": {
            "type": "layers",
            "diff_ids": [digest(gzip.decompress(part)) for part in layers],
        },
        "history": steps,
    }
    return json.dumps(document).encode()


def sbom() -> bytes:
    packages = [
        {
            "SPDXID": f"SPDXRef-{name}",
            "name": name,
            "versionInfo": version,
            "licenseConcluded": licence,
            "downloadLocation": "NOASSERTION",
        }
        for name, version, licence in (
            ("openssl", "3.0.15", "Apache-2.0"),
            ("zlib", "1.3.1", "Zlib"),
            ("musl", "1.2.5", "MIT"),
            ("web", "1.4.2", "Apache-2.0"),
        )
    ]
    return json.dumps(
        {
            "spdxVersion": "SPDX-2.3",
            "SPDXID": "SPDXRef-DOCUMENT",
            "name": "acme/web",
            "dataLicense": "CC0-1.0",
            "documentNamespace": "https://example.com/sbom/web",
            "creationInfo": {"created": "2026-01-01T00:00:00Z", "creators": ["Tool: syft-1.4"]},
            "packages": packages,
        }
    ).encode()
