"""Every store there is; each must keep the same promises."""

from copy import copy
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest

from registry.storage.base import BlobStore
from registry.storage.filesystem import FilesystemStore
from registry.storage.s3 import S3Store
from registry.storage.s3_bucket import Bucket, Connection, connect
from registry.storage.select import SeveralStores
from tests.s3_server import S3Server

SMALLEST_PART_BYTES = 5 * 1024**2  # that S3 takes

SOME_BYTES = Random(5).randbytes(5 * SMALLEST_PART_BYTES)

STORES = ("filesystem", "s3", "two folders", "a bucket before a folder", "a folder before a bucket")


@pytest.fixture(scope="session")
def connection(s3_server: S3Server) -> Connection:
    """One for all tests: to make one takes a while."""
    made = connect(**s3_server.parameters())
    assert made.client
    return made


@pytest.fixture
def s3_store(connection: Connection, db: None) -> S3Store:
    """A store in a folder of its own."""
    own = copy(connection)
    own.location = f"test/{uuid4().hex}"
    return S3Store(Bucket(own), SMALLEST_PART_BYTES)


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    folder = FilesystemStore(root=tmp_path / "store")
    if request.param == "filesystem":
        return folder
    if request.param == "two folders":
        return SeveralStores((folder, FilesystemStore(root=tmp_path / "other")))
    bucket: S3Store = request.getfixturevalue("s3_store")
    both = (bucket, folder) if request.param.startswith("a bucket") else (folder, bucket)
    return bucket if request.param == "s3" else SeveralStores(both)
