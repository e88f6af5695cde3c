"""The store, the cheap secrets and the forgetting of the registry's tests, for pages."""

from tests.registry.conftest import (
    _cheap_secrets,
    _nothing_remembered,
    repository,
    store_root,
)

__all__ = ["_cheap_secrets", "_nothing_remembered", "repository", "store_root"]
