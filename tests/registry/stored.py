"""What a test finds in the store and in the tables about it."""

from pathlib import Path

from artifacts.oci.digest import Digest
from registry.blobs.models import Blob, UploadSession
from registry.blobs.services import find_blob, read_blob
from registry.repositories.models import Repository
from tests.registry.builders import NOW


def content_of(repository: Repository, digest: Digest) -> bytes:
    blob = find_blob(repository=repository, digest=digest, now=NOW)
    return b"".join(read_blob(blob=blob, start=0, length=blob.size, now=NOW))


def stored_files(root: Path) -> set[str]:
    stored = (path for path in (root / "blobs").rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix() for path in stored}


def assert_only_known_files_are_left(root: Path) -> None:
    assert stored_files(root) == set(Blob.objects.values_list("storage_key", flat=True))
    sessions = {str(pk) for pk in UploadSession.objects.values_list("pk", flat=True)}
    assert {folder.name for folder in (root / "uploads").iterdir()} <= sessions
