"""The store, the cheap secrets and the forgetting of the registry's tests, for pages."""

import pytest
from pytest_django import Settings

from tests.registry.conftest import (
    _cheap_secrets,
    _nothing_remembered,
    repository,
    store_root,
)
from ui.files.listings import forget_listings

__all__ = ["_cheap_secrets", "_nothing_remembered", "repository", "store_root"]


@pytest.fixture(autouse=True)
def _no_listings() -> None:
    """Files of layers are remembered per process, by digests that tests use again."""
    forget_listings()


@pytest.fixture(autouse=True)
def _open_to_visitors(settings: Settings) -> None:
    """Most pages show more where visitors may make accounts, which they may not by default."""
    settings.FEATURE_USER_CREATION = True
