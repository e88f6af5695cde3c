"""``python -m benchmarks.collection``: garbage collection beside pushes, and its memory.

Fills a database with manifests, a part of them garbage, and measures pushes alone, pushes
beside collections without pause, and the collection itself. ``BERTH_DB_URI`` chooses the
database; without it a SQLite file in a temporary folder. Nothing is left behind.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .work import in_process, let_go_of_database

if TYPE_CHECKING:
    from registry.repositories.models import Repository

BATCH = 1000
LAYERS_PER_IMAGE = 5
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="berth-collection-") as folder:
        _set_up(Path(folder))
        _fill(options.manifests, options.garbage)
        idle = _pushes_beside(options.seconds, collecting=False)
        busy = _pushes_beside(options.seconds, collecting=True)
        print(f"{options.manifests:,} manifests, {options.garbage} % of them garbage")
        print(f"pushes alone:                 {idle}")
        print(f"pushes beside collections:    {busy}")
        print(f"the rest of the collection:   {in_process(_collect)}")
        print(f"a run that finds nothing:     {in_process(_collect)}")
        print(f"the same of what is recent:   {in_process(_collect_recent)}")
        print(f"a dry run that finds nothing: {in_process(_forecast)}")


def _set_up(folder: Path) -> None:
    os.environ["BERTH_DATA"] = str(folder)
    os.environ["BERTH_SECRET_KEY"] = "only-for-benchmarks-" + "0123456789" * 4
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def _fill(manifests: int, garbage_percent: int) -> None:
    """One repository; every hundredth manifest is an index of the four before it."""
    from registry.blobs.models import Blob, BlobLink
    from registry.manifests.models import Manifest, ManifestBlob, ManifestChild
    from registry.tags.models import Tag

    repository = _repository()
    digests = [f"sha256:{number:064x}" for number in range(1, manifests + 1)]
    for start in range(0, manifests, BATCH):
        numbers = range(start, min(start + BATCH, manifests))
        Blob.objects.bulk_create(
            Blob(digest=digests[n], size=1000, storage_key=_file(n), created_at=LONG_AGO)
            for n in numbers
        )
        links = BlobLink.objects.bulk_create(
            BlobLink(repository=repository, blob_id=digests[n], last_pushed_at=LONG_AGO)
            for n in numbers
        )
        rows = Manifest.objects.bulk_create(
            Manifest(
                repository=repository,
                digest=digests[n],
                media_type="application/vnd.oci.image.manifest.v1+json",
                size=1000,
                body=json.dumps({"n": n, "padding": "x" * 1000}).encode(),
                pushed_at=LONG_AGO,
                last_pushed_at=LONG_AGO,
            )
            for n in numbers
        )
        ManifestBlob.objects.bulk_create(
            ManifestBlob(manifest=row, link_id=links[(at - hop) % len(links)].pk)
            for at, row in enumerate(rows)
            for hop in range(min(LAYERS_PER_IMAGE, len(links)))
        )
        ManifestChild.objects.bulk_create(
            ManifestChild(parent=row, child_digest=rows[at - hop].digest)
            for at, row in enumerate(rows)
            if at % 100 == 99
            for hop in range(1, 5)
        )
        Tag.objects.bulk_create(
            Tag(repository=repository, name=f"v{n}", manifest=row, started_at=LONG_AGO)
            for n, row in zip(numbers, rows, strict=True)
            if n % 100 >= garbage_percent
        )
    let_go_of_database()


def _file(number: int) -> str:
    from django.conf import settings

    key = f"blobs/{number % 256:02x}/{number:032x}.{number:032x}"
    _, parameters = settings.DISTRIBUTED_STORAGE_CONFIG["default"]
    path = Path(parameters["storage_path"]) / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * 1000)
    return key


def _repository() -> "Repository":
    from accounts.organizations.services import create_organization
    from accounts.users.services import create_user
    from registry.repositories.models import Repository

    owner = create_user(username="owner", password=os.urandom(12).hex(), now=LONG_AGO)
    namespace = create_organization(name="bench", owner=owner, now=LONG_AGO).namespace
    return Repository.objects.create(
        namespace=namespace,
        name="web",
        path="bench/web",
        created_at=LONG_AGO,
        last_pushed_at=LONG_AGO,
    )


def _pushes_beside(for_seconds: float, *, collecting: bool) -> str:
    """Latencies of pushes of an image with a new layer, one after the other."""
    fork = multiprocessing.get_context("fork")
    stop = fork.Event()
    collector = fork.Process(target=_collect_until, args=(stop,))
    if collecting:
        collector.start()
    seconds: list[float] = []
    until = time.monotonic() + for_seconds
    while time.monotonic() < until:
        begun = time.monotonic()
        _push(os.urandom(1000))
        seconds.append(time.monotonic() - begun)
    stop.set()
    if collecting:
        collector.join()
    let_go_of_database()
    p50, p99 = statistics.median(seconds), statistics.quantiles(seconds, n=100)[98]
    return (
        f"{len(seconds) / for_seconds:.0f}/s, p50 {p50 * 1000:.1f} ms,"
        f" p99 {p99 * 1000:.1f} ms, longest {max(seconds) * 1000:.0f} ms"
    )


def _push(layer: bytes) -> None:
    from artifacts.oci.digest import Digest
    from artifacts.oci.documents import ManifestDocument
    from artifacts.oci.names import Reference
    from registry.blobs.uploads import Chunk, push_blob
    from registry.exchange.pushes import push_manifest
    from registry.manifests.drafts import Draft
    from registry.repositories.models import Repository

    repository, now = Repository.objects.get(path="bench/web"), datetime.now(UTC)
    parts: list[dict[str, Any]] = []
    for content in (b"{}", layer):
        digest = Digest.of(content)
        chunk = Chunk(pieces=[content], length=len(content))
        push_blob(repository=repository, digest=digest, chunk=chunk, now=now)
        parts.append({"mediaType": "application/x", "digest": str(digest), "size": len(content)})
    document = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {**parts[0], "mediaType": "application/vnd.oci.image.config.v1+json"},
        "layers": [{**parts[1], "mediaType": "application/vnd.oci.image.layer.v1.tar"}],
    }
    body = json.dumps(document).encode()
    reference = Reference(tag=f"new-{parts[1]['digest'][7:20]}")
    draft = Draft(repository, reference, body, ManifestDocument.parse(body, ""))
    push_manifest(draft, now=now)


def _collect_until(stop: Event) -> None:
    while not stop.is_set():
        _collect()


def _collect() -> str:
    from registry.gc.report import Report
    from registry.gc.services import collect

    report = Report()
    collect(now=datetime.now(UTC), report=report)
    return f"{sum(count.items for count in report.counts.values()):,} rows freed"


def _collect_recent() -> str:
    """As the job does five minutes after the last time."""
    from registry.gc.report import Report
    from registry.gc.services import OVERLAP, collect_recent

    report, now = Report(), datetime.now(UTC)
    collect_recent(since=now - timedelta(minutes=5) - OVERLAP, now=now, report=report)
    return f"{sum(count.items for count in report.counts.values()):,} rows freed"


def _forecast() -> str:
    from registry.gc.forecast import forecast
    from registry.gc.report import Report

    report = Report()
    forecast(now=datetime.now(UTC), report=report)
    return f"{sum(count.items for count in report.counts.values()):,} rows"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifests", type=int, default=100_000)
    parser.add_argument("--garbage", type=int, default=20, help="percent")
    parser.add_argument("--seconds", type=float, default=10.0, help="of pushes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
