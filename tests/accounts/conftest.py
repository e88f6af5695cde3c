"""People and organizations for the tests of accounts, and a clock that stands still."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from accounts.audit.sightings import forget_sightings
from accounts.credentials import keys
from accounts.credentials.passwords import remembered
from accounts.organizations.models import Organization
from accounts.organizations.services import create_organization
from accounts.users.models import Robot, User
from accounts.users.services import create_robot, create_user

PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    remembered.clear()
    keys.forget_cached_keys()
    forget_sightings()
    yield
    remembered.clear()
    keys.forget_cached_keys()
    forget_sightings()


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def alice(db: None, now: datetime) -> User:
    return create_user(username="alice", password=PASSWORD, now=now)


@pytest.fixture
def bob(db: None, now: datetime) -> User:
    return create_user(username="bob", password=PASSWORD, now=now)


@pytest.fixture
def acme(alice: User, now: datetime) -> Organization:
    return create_organization(name="acme", owner=alice, now=now)


@pytest.fixture
def robot(acme: Organization, now: datetime) -> Robot:
    return create_robot(owner=acme.namespace, short_name="ci", now=now)
