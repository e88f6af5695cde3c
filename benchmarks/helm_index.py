"""``python -m benchmarks.helm_index``: the classic Helm repository of many charts."""

import argparse
import base64
import http.client
import statistics
import tempfile
import time
from pathlib import Path

from tests.live import RunningServer, start_server

from .processes import used_bytes

CHARTS = 20
ROUNDS = 15
INDEX = "/helm/admin/index.yaml"

#: Rows as pushes leave them; to push ten thousand charts would measure the pushes.
FILL = """
import json
from django.db import connection
from django.utils import timezone
from accounts.credentials.principals import Principal
from accounts.users.models import User
from artifacts.charts.versions import sort_key
from registry.charts.models import ChartVersion
from registry.manifests.models import Manifest
from registry.repositories.services import create_repository
from registry.tags.models import Tag

now = timezone.now()
admin = User.objects.get(username="admin")
creator = Principal(kind="user", id=admin.pk, name="admin")

def fill(name, versions):
    repository = create_repository(path=f"admin/{name}", creator=creator, is_public=False, now=now)
    digests = [f"sha256:{hash((name, version)) % 2**64:064x}" for version in versions]
    manifests = Manifest.objects.bulk_create(
        Manifest(repository=repository, digest=digest, media_type="", kind="helm chart", size=2,
                 body=b"{}", pushed_at=now, last_pushed_at=now) for digest in digests)
    Tag.objects.bulk_create(
        Tag(repository=repository, name=version, manifest=manifest, started_at=now)
        for version, manifest in zip(versions, manifests))
    ChartVersion.objects.bulk_create(
        ChartVersion(
            manifest=manifest, repository=repository, namespace=repository.namespace, name=name,
            version=version, sort_key=sort_key(version), file_name=f"{name}-{version}.tgz",
            content_digest=manifest.digest, read_at=now,
            metadata_json=json.dumps({
                "apiVersion": "v2", "name": name, "version": version, "appVersion": version,
                "description": "A chart with a description of the usual length, not too short",
                "home": f"https://example.com/{name}", "keywords": ["one", "two", "three"],
                "sources": [f"https://example.com/{name}/source"],
                "maintainers": [{"name": "Ann", "email": "ann@example.com"}],
                "annotations": {"category": "Database"}}),
            dependencies_json=json.dumps([
                {"name": "common", "version": "1.x.x", "repository": "oci://registry.example.com"}]),
        ) for version, manifest in zip(versions, manifests))

for number in range(CHARTS):
    fill(f"chart-{number}", [f"{n // 100}.{n % 100}.0" for n in range(VERSIONS)])
connection.cursor().execute("ANALYZE")  # as PostgreSQL does by itself after a minute
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--versions", type=int, default=10_000, help="of all charts together")
    versions = parser.parse_args().versions
    with tempfile.TemporaryDirectory(prefix="berth-helm-") as folder:
        server = start_server(Path(folder) / "data", environment={"WORKERS": "1"})
        try:
            constants = f"CHARTS, VERSIONS = {CHARTS}, {versions // CHARTS}\n"
            server.manage("shell", "--no-imports", "--command", constants + FILL)
            _measure(server)
        finally:
            server.stop()


def _measure(server: RunningServer) -> None:
    _get(server, "/helm/nobody/index.yaml")  # logs in, which is remembered
    before = used_bytes({server.process.pid})
    headers, seconds, size = _get(server, INDEX)
    peak = used_bytes({server.process.pid})
    print(f"index of {size / 1e6:.1f} MB; memory {before / 1e6:.0f} MB, then {peak / 1e6:.0f} MB")
    print(f"first GET, generated      {seconds * 1000:8.1f} ms")
    tag = headers["ETag"]
    for name, extra in {
        "GET again                ": {},
        "GET again, gzip          ": {"Accept-Encoding": "gzip"},
        "GET unchanged (304)      ": {"If-None-Match": tag},
    }.items():
        seconds = statistics.median(_get(server, INDEX, extra)[1] for _ in range(ROUNDS))
        print(f"{name} {seconds * 1000:8.1f} ms")


def _get(
    server: RunningServer, path: str, extra: dict[str, str] | None = None
) -> tuple[http.client.HTTPMessage, float, int]:
    """Headers, seconds and bytes of one answer."""
    pair = base64.b64encode(f"admin:{server.admin_password}".encode()).decode()
    connection = http.client.HTTPConnection(server.host, timeout=120)
    try:
        start = time.perf_counter()
        connection.request("GET", path, headers={"Authorization": f"Basic {pair}", **(extra or {})})
        response = connection.getresponse()
        size = len(response.read())
        return response.headers, time.perf_counter() - start, size
    finally:
        connection.close()


if __name__ == "__main__":
    main()
