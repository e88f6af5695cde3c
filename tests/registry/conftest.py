"""A store of its own for every test, and nothing remembered from the test before."""

from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from pytest_django import Settings

from accounts.audit.sightings import forget_sightings
from accounts.credentials import keys, passwords
from accounts.credentials.passwords import remembered
from registry.access.tokens import forget_tokens
from registry.charts.index import forget_indexes
from registry.repositories.models import Repository
from registry.storage.base import BlobStore
from registry.storage.filesystem import FilesystemStore
from registry.storage.s3 import S3Store
from tests.registry.builders import make_repository
from tests.registry.stored import outside_transactions

_STORE_METHODS = [name for name in vars(BlobStore) if not name.startswith("_")]


@pytest.fixture(autouse=True)
def store_root(settings: Settings, tmp_path: Path) -> Path:
    root = tmp_path / "blobs"
    settings.DISTRIBUTED_STORAGE_CONFIG = {"default": ["LocalStorage", {"storage_path": str(root)}]}
    settings.DISTRIBUTED_STORAGE_PREFERENCE = ["default"]
    return root


@pytest.fixture(autouse=True)
def _no_store_inside_a_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store may take its time, and on SQLite a transaction holds up every other writer."""
    for store in (FilesystemStore, S3Store):
        for name in _STORE_METHODS:
            monkeypatch.setattr(store, name, outside_transactions(getattr(store, name)))


@pytest.fixture(autouse=True)
def _cheap_secrets(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords and signing keys are made for each test, and strong ones take long to make."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # What is remembered for unknown names was made by the hasher of its time.
    monkeypatch.setattr(passwords, "_decoy_hash", cache(passwords._decoy_hash.__wrapped__))
    monkeypatch.setattr(keys, "generate_private_key", _one_private_key)


@cache
def _one_private_key(**parameters: int) -> RSAPrivateKey:
    return generate_private_key(**parameters)


@pytest.fixture
def another_signing_key(
    _cheap_secrets: None, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], None]:
    """Let the next signing key be another than those before."""
    return partial(monkeypatch.setattr, keys, "generate_private_key", generate_private_key)


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    """Keys and tokens are remembered per process, and the database of each test is a new one."""
    keys.forget_cached_keys()
    forget_tokens()
    forget_indexes()
    forget_sightings()
    remembered.clear()
    yield
    keys.forget_cached_keys()
    forget_tokens()
    forget_indexes()
    forget_sightings()
    remembered.clear()


@pytest.fixture
def repository(db: None) -> Repository:
    return make_repository()
