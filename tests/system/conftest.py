"""What system tests start from: a world in the database, and a server that is easily filled."""

from collections.abc import Iterator

import pytest
from django.db import transaction
from pytest_django import DjangoDbBlocker

from tests.conformance.client import Client
from tests.conformance.repository import Repository
from tests.live import BEHIND_A_PROXY, RunningServer, start_server
from tests.s3_server import S3Server, running_s3_server
from tests.system.world import World, inhabited

UPLOADS_AT_ONCE = 8
LARGEST_BLOB_BYTES = 64 * 1024 * 1024


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """For modules marked ``django_db``. What a test changes in it is taken back."""
    with django_db_blocker.unblock(), transaction.atomic(), inhabited() as world:
        yield world
        transaction.set_rollback(True)


@pytest.fixture(scope="session")
def small_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A registry with one web worker, eight uploads at once and small blobs."""
    environment = {
        **BEHIND_A_PROXY,
        "WORKERS": "1",
        "BERTH_MAXIMUM_CONCURRENT_UPLOADS": str(UPLOADS_AT_ONCE),
        "BERTH_MAXIMUM_LAYER_SIZE": f"{LARGEST_BLOB_BYTES // 1024**2}M",
    }
    server = start_server(tmp_path_factory.mktemp("small") / "data", environment=environment)
    yield server
    server.stop()


@pytest.fixture
def small_repository(small_registry: RunningServer, request: pytest.FixtureRequest) -> Repository:
    """A repository of its own for each test, with an image ``v1``."""
    client = Client(small_registry.host, "admin", small_registry.admin_password)
    name = request.node.originalname.replace("_", "-")[:80].strip("-")
    repository = Repository(client, f"admin/{name}")
    repository.push_image("v1")
    return repository


@pytest.fixture(scope="session")
def own_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3 server that a test may stop and start again."""
    with running_s3_server(tmp_path_factory.mktemp("own-s3")) as server:
        yield server


@pytest.fixture(scope="session")
def s3_registry(
    tmp_path_factory: pytest.TempPathFactory, own_s3: S3Server
) -> Iterator[RunningServer]:
    """A registry with its blobs in S3 that hands them out itself. A test may start it again."""
    environment = {**own_s3.environment(), "BERTH_FEATURE_PROXY_STORAGE": "true"}
    server = start_server(tmp_path_factory.mktemp("in-s3") / "data", environment=environment)
    yield server
    server.stop()
