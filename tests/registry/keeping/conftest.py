"""A registry with some of everything, and places to copy it to."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import Settings

from registry.keeping.places import BucketPlace, FolderPlace, Place
from registry.repositories.deletion import delete_repository
from registry.storage.select import s3_store
from tests.registry.builders import NOW, hold, image, make_repository, push
from tests.s3_server import S3Server

LAYERS = [b"layer one", b"layer two"]


@pytest.fixture
def filled(transactional_db: None) -> None:
    """Two repositories, one of them deleted; tags with a history."""
    for path, layer in zip(("acme/web", "acme/gone"), LAYERS, strict=True):
        repository = make_repository(path)
        hold(repository, b"{}", layer)
        for tag in ("v1", "latest"):
            push(repository, image(b"{}", layer), tag)
        push(repository, image(b"{}"), "latest", now=NOW + timedelta(hours=1))
    delete_repository(repository=repository, now=NOW + timedelta(hours=2))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return FolderPlace(tmp_path / "backup")


@pytest.fixture(params=["folder", "bucket"])
def any_place(request: pytest.FixtureRequest, place: Place) -> Place:
    if request.param == "folder":
        return place
    server: S3Server = request.getfixturevalue("s3_server")
    return BucketPlace(s3_store(server.parameters()).bucket)


@pytest.fixture
def lose_everything(settings: Settings, tmp_path: Path) -> Callable[[], FolderPlace]:
    """An empty database and an empty store, in the place of what was there."""

    def lose() -> FolderPlace:
        call_command("flush", interactive=False, verbosity=0)
        root = tmp_path / "other"
        settings.DISTRIBUTED_STORAGE_CONFIG = {
            "default": ["LocalStorage", {"storage_path": str(root)}]
        }
        return FolderPlace(root)

    return lose
