"""Repositories whose every text tries to be more than text.

``fill_hostile`` runs in the environment of a server. Each text has a mark of its own, so that
the tests know which were shown at all.
"""

import gzip
import json
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from django.utils import timezone

from accounts.credentials.services import issue_application_token
from accounts.organizations.models import TeamRole
from accounts.organizations.services import create_organization, create_team
from accounts.users.models import User
from accounts.users.services import create_robot
from artifacts.kinds.kinds import EMPTY_CONFIG
from artifacts.oci.media_types import OCI_MANIFEST
from registry.inspection.tasks import inspect
from registry.repositories.models import Repository
from registry.repositories.services import create_repository, describe
from tests.artifacts.charts.archives import archive
from tests.clients.content import digest, tar
from tests.registry.builders import descriptor, hold, principal_of, push
from tests.registry.charts.builders import chart_config, chart_manifest

OWNER = "frank"
ORGANIZATION = "hostile"
PATHS = [
    f"/{ORGANIZATION}",
    f"/{ORGANIZATION}/-/teams",
    f"/{ORGANIZATION}/-/teams/crew",
    f"/{ORGANIZATION}/-/robots",
    f"/{ORGANIZATION}/-/robots/ci",
    f"/{ORGANIZATION}/-/settings",
    f"/{ORGANIZATION}/-/activity",
    f"/{ORGANIZATION}/chart",
    f"/{ORGANIZATION}/chart/-/tags",
    f"/{ORGANIZATION}/chart/-/tags/0.0.4",
    f"/{ORGANIZATION}/chart/-/compare?a=0.0.4&b=0.0.5",
    f"/{ORGANIZATION}/chart/-/settings",
    f"/{ORGANIZATION}/chart/-/description",
    f"/{ORGANIZATION}/chart/-/activity",
    f"/{ORGANIZATION}/chart/-/history",
    f"/{ORGANIZATION}/image",
    f"/{ORGANIZATION}/image/-/tags",
    f"/{ORGANIZATION}/image/-/tags/v1",
    f"/{ORGANIZATION}/image/-/history",
    f"/{ORGANIZATION}/image/-/signatures",
    f"/{ORGANIZATION}/thing",
    f"/{ORGANIZATION}/thing/-/tags/v1",
    "/settings/tokens",
    "/organizations",
    "/explore",
    "/search?q=chart",
    "/search?q=%22%3E%3Cimg+src%3Dx+onerror%3Dalert(1)%3E%3Cb+id%3Dhostile%3E",
    f"/{ORGANIZATION}?q=%22%3E%3Cimg+src%3Dx+onerror%3Dalert(1)%3E",
    f"/{ORGANIZATION}/image/-/tags?q=%22%3E%3Cimg+src%3Dx+onerror%3Dalert(1)%3E",
    "/",
]


def hostile(mark: str) -> str:
    """A text with every trick that would show, and a bidirectional override around its end."""
    return (
        f"{mark} \"'><img src=https://evil.test/x onerror=alert(1)><script>alert(1)</script>"
        "<b id=hostile onmouseover=alert(1)>{{7*7}}</b> \u202egnp\u202c"
    )


def fill_hostile() -> None:
    """Print the path of the image's layer and what else tests must know, as one line of JSON."""
    now = timezone.now() - timedelta(days=1)
    owner = User.objects.get(username=OWNER)
    organization = create_organization(
        name=ORGANIZATION, owner=owner, description=hostile("MARK-ORGANIZATION")[:255], now=now
    )
    create_team(
        organization=organization,
        name="crew",
        role=TeamRole.MEMBER,
        description=hostile("MARK-TEAM"),
        now=now,
    )
    create_robot(
        owner=organization.namespace, short_name="ci", description=hostile("MARK-ROBOT"), now=now
    )
    issue_application_token(
        user=owner, title=hostile("MARK-TOKEN")[:100], scope="read", expires_at=None, now=now
    )
    _chart(_repository("chart", owner, now), now)
    files = _image(_repository("image", owner, now), now)
    _thing(_repository("thing", owner, now), now)
    print(json.dumps({"paths": [*PATHS, *files]}))


def _repository(name: str, owner: User, now: datetime) -> Repository:
    path = f"{ORGANIZATION}/{name}"
    repository = create_repository(path=path, creator=principal_of(owner), is_public=True, now=now)
    text = (
        f"# {hostile('MARK-DESCRIPTION')}\n\n[click](javascript:alert(1)) ![x](https://evil.test/i)"
        "\n\n[data](data:text/html,<script>alert(1)</script>) <iframe src=https://evil.test>\n"
    )
    describe(repository=repository, description=text, now=now)
    return repository


def _chart(repository: Repository, now: datetime) -> None:
    for version in ("0.0.4", "0.0.5"):
        said = {
            "apiVersion": "v2",
            "name": "chart",
            "version": version,
            "appVersion": hostile("MARK-APP"),
            "description": hostile("MARK-CHART"),
            "home": "javascript:alert('MARK-HOME')",
            "icon": "https://evil.test/icon.svg",
            "keywords": [hostile("MARK-KEYWORD")],
            "sources": ["data:text/html,<script>alert(1)</script>", hostile("MARK-SOURCE")],
            "maintainers": [
                {
                    "name": hostile("MARK-MAINTAINER"),
                    "email": hostile("MARK-MAIL"),
                    "url": "javascript:alert(1)",
                }
            ],
            "dependencies": [
                {
                    "name": hostile("MARK-DEPENDENCY"),
                    "version": hostile("MARK-RANGE"),
                    "repository": "javascript:alert(1)",
                }
            ],
            "annotations": {hostile("MARK-KEY"): hostile("MARK-ANNOTATION")},
        }
        content = archive(
            {
                "Chart.yaml": json.dumps(said).encode(),
                "README.md": f"# {hostile('MARK-README')}\n\n[x](javascript:alert(1))\n".encode(),
                "values.yaml": f"# {hostile('MARK-VALUES')}\na: {version}\n".encode(),
                "templates/MARK-TEMPLATE<b id=hostile onmouseover=alert(1)>.yaml": b"a: 1\n",
            },
            folder="chart",
        )
        config = chart_config("chart", version)
        hold(repository, content, config, now=now)
        manifest = push(repository, chart_manifest(content, config), version, now=now)
        inspect(manifest=manifest, now=now)


def _image(repository: Repository, now: datetime) -> list[str]:
    file = f"srv/{hostile('MARK-FILE').replace('/', '')}"
    part = gzip.compress(tar({file: hostile("MARK-TEXT").encode()}), mtime=0)
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": hostile("MARK-OS"),
            "author": hostile("MARK-AUTHOR"),
            "config": {
                "Env": [f"A={hostile('MARK-ENV')}"],
                "Cmd": [hostile("MARK-CMD")],
                "Labels": {hostile("MARK-LABEL-KEY"): hostile("MARK-LABEL")},
            },
            "rootfs": {"type": "layers", "diff_ids": [digest(gzip.decompress(part))]},
            "history": [{"created_by": hostile("MARK-STEP"), "comment": hostile("MARK-COMMENT")}],
        }
    ).encode()
    hold(repository, part, config, now=now)
    body = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(config, "application/vnd.oci.image.config.v1+json"),
        "layers": [descriptor(part, "application/vnd.oci.image.layer.v1.tar+gzip")],
        "annotations": {
            "org.opencontainers.image.url": "javascript:alert(1)",
            "org.opencontainers.image.title": hostile("MARK-TITLE"),
        },
    }
    image = push(repository, json.dumps(body).encode(), "v1", now=now)
    _attach(repository, image.digest, image.size, now)
    place = f"/{repository.path}/-/manifests/{image.digest}"
    layer = f"{place}/layers/{digest(part)}"
    return [
        f"{layer}?in=srv",
        f"{layer}/file?path={quote(file)}",
        f"{place}/files?in=srv",
        f"{place}/referrers",
    ]


def _attach(repository: Repository, subject: str, size: int, now: datetime) -> None:
    package = {"name": hostile("MARK-PACKAGE"), "versionInfo": hostile("MARK-PACKAGE-VERSION")}
    sbom = json.dumps({"spdxVersion": "SPDX-2.3", "packages": [package]}).encode()
    hold(repository, b"{}", sbom, now=now)
    blob = descriptor(sbom, "application/spdx+json")
    body = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": "application/spdx+json",
            "config": descriptor(b"{}", EMPTY_CONFIG),
            "layers": [{**blob, "annotations": _title("MARK-SBOM-FILE")}],
            "subject": {"mediaType": OCI_MANIFEST, "digest": subject, "size": size},
            "annotations": {"org.opencontainers.image.description": hostile("MARK-ATTACHED")},
        }
    ).encode()
    push(repository, body, "bill", now=now)
    PATHS.append(f"/{repository.path}/-/tags/bill")


def _thing(repository: Repository, now: datetime) -> None:
    content = b"<script>alert(1)</script>"
    hold(repository, b"{}", content, now=now)
    blob = descriptor(content, "text/html")
    body = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": "application/vnd.example.thing",
        "config": descriptor(b"{}", EMPTY_CONFIG),
        "layers": [{**blob, "annotations": _title("MARK-THING-FILE")}],
        "annotations": {"org.opencontainers.image.description": "x" * 100_000},
    }
    push(repository, json.dumps(body).encode(), "v1", now=now)


def _title(mark: str) -> dict[str, Any]:
    return {"org.opencontainers.image.title": hostile(mark)}
