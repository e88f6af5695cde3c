"""What a test finds in the store and in the tables about it."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from django.db import connection

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
    still_open = UploadSession.objects.filter(is_closed=False)
    sessions = {str(pk) for pk in still_open.values_list("pk", flat=True)}
    folders = (root / "uploads").iterdir() if (root / "uploads").exists() else ()
    assert {folder.name for folder in folders} <= sessions


def outside_transactions(method: Callable[..., Any]) -> Callable[..., Any]:
    """``method``, which refuses to be called between BEGIN and COMMIT.

    The transaction that a test itself runs in does not count.
    """

    @wraps(method)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        blocks: list[Any] = connection.atomic_blocks
        own = [block for block in blocks if not block._from_testcase]
        assert not own, f"the store's {method.__name__} is called inside a transaction"
        return method(*args, **kwargs)

    return guarded
