"""Django's client with the tokens that a request needs."""

import pytest
from django.test import Client

from registry.repositories.models import Repository
from tests.registry.builders import bearer, owner_of


@pytest.fixture
def pusher(repository: Repository) -> Client:
    """A client whose token allows everything on ``repository``."""
    scope = f"repository:{repository.path}:pull,push,delete"
    return Client(headers=bearer(owner_of("acme"), scope), raise_request_exception=False)
