"""PostgreSQL lets us read only, as a standby does. SQLite has nothing of the kind."""

from collections.abc import Iterator
from http import HTTPStatus

import pytest
from django.db import connection
from django.test import Client

from artifacts.oci.media_types import OCI_MANIFEST
from registry.repositories.models import Repository
from tests.registry.builders import hold, image, push

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def standby(repository: Repository, pusher: Client) -> Iterator[Client]:
    """A client of a registry with an image ``v1`` whose database takes no more writes."""
    hold(repository, b"{}")
    push(repository, image(b"{}"))
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    yield pusher
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = off")


def test_images_are_pulled_from_a_standby(standby: Client) -> None:
    assert standby.get("/v2/acme/web/manifests/v1").status_code == HTTPStatus.OK


def test_a_push_to_a_standby_is_asked_to_come_again(standby: Client) -> None:
    body = image(b"{}", annotations={"a": "b"})

    response = standby.generic("PUT", "/v2/acme/web/manifests/v2", body, OCI_MANIFEST)

    assert response.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert response.headers["Retry-After"] == "10"
