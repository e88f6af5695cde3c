"""Django's client with the tokens that a request needs, and both doors on event loops."""

from collections.abc import Iterator

import pytest
from django.core.wsgi import get_wsgi_application
from django.test import Client
from django.utils import timezone

from config.front_door.door import FrontDoor
from config.front_door.transport import Transport
from registry.access.tokens import verify_token
from registry.repositories.models import Repository
from tests.registry.api.pushing import Asking, Headers, NoViews
from tests.registry.builders import bearer, owner_of


@pytest.fixture
def pusher(repository: Repository) -> Client:
    """A client whose token allows everything on ``repository``."""
    scope = f"repository:{repository.path}:pull,push,delete"
    return Client(headers=bearer(owner_of("acme"), scope), raise_request_exception=False)


@pytest.fixture
def views() -> Iterator[Asking]:
    asking = Asking(Transport(get_wsgi_application(), threads=2))
    yield asking
    asking.close()


@pytest.fixture
def door() -> Iterator[Asking]:
    front_door = FrontDoor(Transport(get_wsgi_application(), threads=2))
    asking = Asking(front_door)
    yield asking
    front_door.close()
    asking.close()


@pytest.fixture
def alone() -> Iterator[Asking]:
    front_door = FrontDoor(NoViews())
    asking = Asking(front_door)
    yield asking
    front_door.close()
    asking.close()


@pytest.fixture
def token(repository: Repository) -> Headers:
    """A token that was verified here before."""
    headers = bearer(owner_of("acme"), "repository:acme/web:pull,push")
    verify_token(headers["Authorization"].removeprefix("Bearer "), now=timezone.now())
    return headers
