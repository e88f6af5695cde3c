"""What must hold of rows and bytes, whatever met whatever."""

from datetime import datetime
from pathlib import Path

from artifacts.oci.digest import Digest
from artifacts.oci.documents import ManifestDocument
from registry.blobs.models import Blob
from registry.gc.reachability import rootless, unheld_blobs, unneeded_links, without_keepers
from registry.gc.report import Report
from registry.gc.services import collect
from registry.manifests.models import Manifest, ManifestBlob
from registry.storage.select import blob_store
from registry.tags.models import Tag
from tests.registry.stored import stored_files


def assert_whole() -> None:
    """Every manifest has all that it needs: rows, and bytes of the right digest."""
    for manifest in Manifest.objects.order_by("pk"):
        document = ManifestDocument.parse(bytes(manifest.body), manifest.media_type)
        edges = ManifestBlob.objects.filter(manifest=manifest).select_related("link__blob")
        held = {edge.link.blob_id: edge.link for edge in edges}
        assert set(held) == {str(blob.digest) for blob in document.required_blobs()}
        assert all(link.repository_id == manifest.repository_id for link in held.values())
    assert not Tag.objects.live().filter(manifest__deleted_at__isnull=False).exists()
    for blob in Blob.objects.order_by("pk"):
        assert blob.missing_at is None
        content = b"".join(blob_store().read(blob.storage_key, 0, blob.size + 1))
        assert str(Digest.of(content)) == blob.digest


def assert_clean(root: Path, *, now: datetime) -> None:
    """One more run leaves no garbage, neither rows nor bytes."""
    report = Report()
    collect(now=now, report=report)
    assert report.problems == []
    assert not without_keepers(rootless(now)).exists()
    assert not unneeded_links(now).exists()
    assert not unheld_blobs(now).exists()
    assert stored_files(root) == set(Blob.objects.values_list("storage_key", flat=True))
