"""Every store there is; each must keep the same promises."""

from collections.abc import Callable
from pathlib import Path

import pytest

from registry.storage.base import BlobStore
from registry.storage.filesystem import FilesystemStore

STORES: dict[str, Callable[[Path], BlobStore]] = {
    "filesystem": lambda path: FilesystemStore(root=path),
}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    return STORES[request.param](tmp_path / "store")
